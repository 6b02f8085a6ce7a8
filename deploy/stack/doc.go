// Stack runs the servers Esteira needs, without Docker, under one directory and
// on loopback only: a private Postgres, a Temporal service with its web UI, and
// MinIO; on request also Esteira's own worker and prediction server.
//
//	stack up [--with worker,server] [--free-ports]   start what is not running
//	stack down                                       stop all, keep the data
//	stack status                                     say what runs where
//	stack clean                                      stop all, remove the data
//	stack env                                        print the settings for a shell
//	stack setup                                      build and fetch, start nothing
//	stack tools                                      build the tools of make lint
//
// It owns how these processes are built, configured, started, watched and
// stopped. What is inside them (buckets, tables, search attributes) is the
// product's.
//
// Every part runs in a session of its own and is described by a record in
// DIR/run: process id and start time, so that a process id that another process
// has taken since is recognised. A supervisor restarts parts that die; it holds
// no state, so when it dies itself the parts go on and the next up starts another
// one that adopts them. Commands that change something hold DIR/run/lock.
//
// The program uses the standard library alone. MinIO and Temporal are modules of
// their own beneath it, since their dependencies exclude each other; their
// binaries are rebuilt exactly when their module's files change.
package main
