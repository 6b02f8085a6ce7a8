// Package testline runs the whole line in tests: the real worker, server and
// command line as processes of their own, on the real Temporal, Postgres and
// MinIO that testenv finds, with a database, bucket and task queues of their
// own. Nothing in it is a stand-in; what a test kills is a real process.
package testline
