// Package profile owns the exploration of a dataset: what every column holds,
// how it bears on the target, and what a person should look at first.
//
// Compute reads the dataset once for counts, once more a column for its distinct
// values with their counts in order, from which the figures of columns follow
// exactly, and once each for association with the target, repeated rows and
// patterns of missing values. The engine groups and sorts out of core; only a
// bounded number of values is held here. How columns bear on each other, pair by
// pair, and their information about the target are told from a sample of 50,000
// rows, chosen by what the rows hold; the report says so.
//
// With the profile of an earlier run every column's drift is its distance from
// what it was, in the bins that profile kept.
//
// The artifact's bytes do not depend on threads: floating-point sums run in the
// order of the values, and sums over rows, whose order threads do decide, are
// sums of integers (standardised values in billionths).
//
// Whether a dataset may go on is quality's to say; the plots are report's.
package profile
