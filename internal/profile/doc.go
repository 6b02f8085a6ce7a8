// Package profile owns the exploration of a dataset: what every column holds,
// how it bears on the target, and what a person should look at first.
//
// Compute scans the dataset twice, in the engine's own vectors, its columns beside
// each other on every processor. The first scan counts every column's distinct
// values, from which its figures follow exactly, and hashes the rows; the second, when
// means and ranges are known, sets columns in relation to the target and to the event
// time, takes a sample and compares the rows whose hashes meet. What is held is
// bounded: of a column of more than 262,144 distinct numbers or times, those are
// sorted in a scratch file and read from it in their order, to the same figures; such
// texts are grouped by the engine, out of core, as are repeated rows if more than
// 131,072 meet; the hashes of more than a million rows are on disk; a wide table is
// scanned some columns at a time. How columns bear on each other, pair by pair, and
// their information about the target are told from the sample, 50,000 rows chosen by
// what the rows hold, and of 30 columns; the report says so.
//
// With the profile of an earlier run every column's drift is its distance from
// what it was, in the bins that profile kept.
//
// The artifact's bytes depend neither on threads nor on the order of the rows:
// floating-point sums run in the order of the values, and sums over rows are sums
// of integers (standardised values in units of 2⁻³⁰).
//
// Whether a dataset may go on is quality's to say; the plots are report's.
package profile
