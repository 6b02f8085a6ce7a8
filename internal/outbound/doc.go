// Package outbound owns the way out: an HTTP client that looks at every address it
// dials, after names are resolved and redirects followed, so that a name that
// answers with another address the second time gains nothing. Unless a worker is
// told otherwise it reaches public addresses alone: no loopback, no link-local, no
// private network.
//
// What is asked, and what an answer means, is the callers'.
package outbound
