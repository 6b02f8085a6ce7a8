// Package metadata owns what the product remembers, in Postgres: pipelines,
// runs and their steps, the step cache, lineage, trials and metrics, model
// versions, looks at test rows, endpoints and their revisions, prediction servers,
// the table of predictions, and the labels that become known of them.
//
// DB is a pool with one method per fact. Methods take one struct of parameters,
// are idempotent by natural keys (a retried activity may call twice) and put
// rows that belong together in one transaction. Times are UTC; a trouble with
// the connection is DatabaseUnavailable, which is worth a retry; a row that is
// not there is NotFound.
//
// The schema is in migrations, embedded, applied by Migrate under an advisory
// lock. A migration that was released is never edited.
//
// Bytes of artifacts are artifact's; inserting predictions is audit's; what a
// change of an endpoint means is the deploy step's and serving's.
package metadata
