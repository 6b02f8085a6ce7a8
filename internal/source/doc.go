// Package source owns the kinds of places data comes from: files, S3 prefixes,
// HTTP addresses, Postgres queries and the logged predictions of an endpoint, each
// joined with its label. All stand behind one small interface, Source: List tells
// its parts, Fetch brings one part to a local file.
//
// # Identity
//
// A part that can say cheaply what it is (an ETag of S3, a strong ETag or an old
// enough Last-Modified of HTTP, what a database answers to postgres.changed_by) has
// an Identity: as long as it is the same, so are the bytes, and nobody need fetch
// them. A file that would have to be unpacked
// or made UTF-8 has the SHA-256 of its bytes as they lie there: a look reads them
// and writes nothing. Any other part is fetched and known by the SHA-256 of what
// came. Every fetch proves that the part did not change
// under it (SourceChanged, worth a retry).
//
// # Trust
//
// Whatever is fetched is hostile. Bodies, objects, the rows of a query and each of
// them, unpacked bytes and times are bounded with errors that name the bound.
// Addresses, of databases too, are looked at when they are dialled, after every
// redirect: none of the machine's own or its private network unless
// Options.AllowPrivate says so. The references to secrets (env:NAME, file:PATH)
// are resolved here, by package secret; no error repeats what they hold.
//
// # What is left to others
//
// What the bytes mean (dialects, types, rows) is table's; what is kept of them,
// and for how long, the activities'.
package source
