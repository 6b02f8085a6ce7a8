// Package profile owns the exploration of a dataset: what every column holds,
// how it bears on the target, and what a person should look at first.
//
// Compute reads the dataset once for counts, once more a column for its distinct
// values with their counts in order, from which every other figure follows
// exactly, and once for the columns' association with the target. The engine
// groups and sorts out of core; only a bounded number of values is held here.
//
// The artifact's bytes do not depend on threads: floating-point sums run in the
// order of the values, and sums over rows, whose order threads do decide, are
// sums of integers (standardised values in billionths).
//
// Whether a dataset may go on is quality's to say; the plots are report's.
package profile
