// Package fault owns the typed errors of the product: a stable kind, a sentence
// that says what and where, and a remedy that says how to mend it.
//
// Every package returns a *fault.Error for a condition a person or a program can
// act on. What Temporal makes of a kind (retry or not) is decided
// in one place, activities; how it is printed, in starter and serving.
package fault
