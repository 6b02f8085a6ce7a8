// Package temporal owns what is ours about Temporal and is not a workflow:
// connecting by configuration, the search attributes and their creation, the
// names of task queues, links into the UI, what a retraining's memo says of its pause,
// and the SDK's log lines in ours.
//
// No other package below internal imports Temporal, but for those that tests use. Workflows are workflows';
// worker options, the worker's.
package temporal
