// Package artifact owns immutable bytes named by their SHA-256: the store in
// S3 or MinIO, the verified cache on local disk, canonical JSON, and reading
// the objects that users' pipelines name as sources.
//
// An object lies at sha256/ab/abcdef…, is written with If-None-Match: * (one
// that is already there is a success) and never changes. Every read is
// verified. An outage surfaces within seconds as StoreUnavailable: waiting and
// trying again is Temporal's.
//
// Which artifacts exist and what was made from what is metadata's; a bundle's
// content is bundle's.
package artifact
