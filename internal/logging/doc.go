// Package logging owns how the programs log: by zerolog, one line per event,
// JSON in production and readable on a terminal, times in UTC to the
// millisecond, and the configuration's secrets blotted out.
//
// What is logged is the caller's; the fields shared by all are run, step,
// attempt and digest. Temporal's own messages come through internal/temporal.
package logging
