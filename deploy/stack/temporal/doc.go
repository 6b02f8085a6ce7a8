// Temporal runs a whole Temporal service and its web UI as one program on
// Postgres: it brings the database schema to the version it was built with,
// starts frontend, history, matching and worker services on loopback, registers
// the namespace and only then serves the UI. An answer from the UI therefore
// means that the service is ready.
//
// It is a Go module of its own, because the server's dependencies are large and
// must not bind those of the product. Processes are kept alive by the stack
// program one directory up; this one simply ends when something is wrong.
package main
