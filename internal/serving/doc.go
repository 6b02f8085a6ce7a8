// Package serving owns the prediction server: which revision of which endpoint is
// in memory, how a request becomes rows and rows an answer, and that no answer
// leaves before its audit record is durable, or within the bound that the endpoint
// declares.
//
// A [Table] holds one atomic pointer per endpoint, to its revision in memory: the
// live model version, and a canary and a shadow if the revision has them. A request
// goes to the canary by its sticky key, or by its id. A [Watcher] keeps it equal to
// what the metadata store says: it is told of changes, asks each second beneath,
// loads the new bundle if it is signed as it must be, answers its golden rows by the
// same code that answers requests, and only then swaps. Requests in flight finish on
// the revision they began with. Whatever fails leaves the old revision in place and is reported.
// The last revisions are kept on local disk, so that a server starts without
// Postgres and without the object store.
//
// A [Server] is the http.Handler: the Open Inference Protocol v2 under /v2, plain
// JSON records and MLflow's formats under /v1, OpenAPI and a page to try an endpoint;
// [Server.GRPC] speaks the same protocol over gRPC. The transports bring the bytes of
// a request and send those of its answer; what is between is the same for all: admit
// (whose token it is), read, wait for a turn, decode, predict, encode, audit, answer,
// in that order, in buffers that are used again. Rejected requests and failures are
// audited too; when the audit spool is unavailable the answer is 503, whatever it
// would have been. The endpoint's audit policy decides whether the answer waits for
// the sync, and what is hashed, masked or left out before a record reaches the spool.
// A request with an Idempotency-Key is answered with the first answer to it, from
// memory, else from the metadata store.
//
// What clients may cost is bounded by [Limits]. Room for bodies and turns to compute
// are shared among clients, by token or else by address, in turn.
//
// A revision may have a shadow: once an answer is recorded and sent, its share of
// the requests is scored by it in the background and recorded with the prediction it
// shadows. What finds no room is dropped and counted; an answer never waits for it.
//
// Labels come in beside them, and go to the metadata store at once, or are refused
// with 503: who knows the truth can send it again.
//
// [NewAlone] is the same server for one bundle and nothing else, which is how package
// proof has each one answer before it counts.
//
// The format of bundles is bundle's; how JSON is read where it stands is jsontext's;
// durability is audit's; deciding what an endpoint serves is the rollout's.
package serving
