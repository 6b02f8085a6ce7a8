// Package token owns how tokens look and what a server knows of them: it decides by
// the last known set, in memory and on local disk, so that it goes on deciding when
// Postgres is away.
//
// A secret is "est_" and 32 random bytes in base64; only its SHA-256 is kept, which
// needs no salt and no slowness, since nobody can guess the secret. The rows are
// metadata's.
package token
