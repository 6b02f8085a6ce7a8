// Package testenv owns what tests of all packages need of the real servers: a
// migrated database of their own, a bucket of their own, a client of Temporal.
//
// Wide is the one thing in it that needs no server: a table of many columns.
//
// It reads the same variables as the programs. `make test` exports those of a
// stack of its own; `make up` serves tests run by hand. A test that finds a
// server away fails and says so: it never passes by not running.
package testenv
