// Package archive owns the days of the audit log that have left for the object
// store: writing them, proving that nothing in them was removed or altered, asking
// them, and dropping what Postgres need not hold any more.
//
// # Format
//
// An exported day is a Parquet file of its rows by id, and a manifest. The columns
// are those of the table predictions but for day, with ids, digests and JSON as
// text, and at under the name prediction_at. One more, hash, chains the rows:
//
//	start = SHA-256("esteira-audit-day/1\n" day "\n" part "\n" previous "\n")
//	hash  = SHA-256(hash of the row before, or start · canonical bytes of the row)
//
// with hashes as 32 bytes. The canonical bytes are the values in the order of the
// columns, each as text (a time as microseconds since 1970) after its length in
// bytes as 8 bytes, big-endian; a null is the length 2^64-1 and nothing else. The
// manifest names day, part, number of rows, first and last id, start, the hash of
// the last row (head), the Parquet file's digest, the rows by endpoint, revision and
// model version, and the digest of the manifest before it: the manifests are one
// chain, by sequence. Their digests are in the table audit_exports, and nothing in
// the chain can be changed without changing the last of them.
//
// Records that reach the table after their day was exported make a supplement: the
// same day, the next part, at the end of the chain.
//
// # What is proven, and what is not
//
// Verify finds any row removed, added or altered in an exported day, in the store or
// in the table, and says which was first. Who can write to both the database and the
// store could build another chain; that is found by comparing the head of the chain
// with one kept elsewhere (Verify returns it). A record that never reached the table
// is audit's matter: it is in a server's spool, or lost with its disk.
//
// Retention drops a day's partition only after Verify of that day has passed, with
// the partition locked against late records.
package archive
