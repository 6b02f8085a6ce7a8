// Package metadata owns what the product remembers, in Postgres: pipelines,
// runs and their steps, the step cache, lineage, trials and metrics, model
// versions and their aliases, looks at test rows, endpoints, their revisions and
// rollouts, prediction servers, the table of predictions, the labels that become known of them,
// and what their hours and windows came to.
//
// DB is a pool with one method per fact. Methods take one struct of parameters,
// are idempotent by natural keys (a retried activity may call twice) and put
// rows that belong together in one transaction. Times are UTC; a trouble with
// the connection is DatabaseUnavailable, which is worth a retry; a row that is
// not there is NotFound.
//
// Who may move an endpoint is decided here, under the lock of its row: at most one
// rollout is open; while one is, it alone moves the endpoint, by moves that count
// up; one that has ended, or was overtaken, changes nothing, whoever comes back and
// tries; and how it ended is written in the transaction that says what the endpoint
// serves from then on.
//
// The schema is in migrations, embedded, applied by Migrate under an advisory
// lock. A migration that was released is never edited.
//
// Bytes of artifacts are artifact's; inserting predictions is audit's; what a
// change of an endpoint means is the rollout's and serving's.
package metadata
