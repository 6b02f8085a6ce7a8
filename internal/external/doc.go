// Package external owns the contract with a trainer that is not ours: what its
// activity is asked, what it answers, how it tells that it is alive, and the JSON
// Schema of the three (esteira schema external-trainer).
//
// A trainer is an activity on its own task queue, in any Temporal language. It is
// given addresses, not rows: two Parquet files to read, one object to write its
// model to, and one for a report, if it likes to write one. The addresses are presigned: whoever has one may read that one object,
// or write it, until the request's deadline has passed by ExpiryMargin, and nothing
// else. They are credentials, and a request is part of a workflow's history: who
// may read the histories of the namespace while a fit is under way may read the
// rows of that fit and write its model. After that they are spent. Nothing else in
// a request is secret.
//
// What comes back is not believed: package foreign looks at the model, and the
// scores that count are Esteira's own. A report is bounded text for people, which
// the server shows as it shows every page: without script or request of its own.
package external
