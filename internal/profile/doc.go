// Package profile owns the exploration of a dataset: what every column holds,
// how it bears on the target, and what a person should look at first.
//
// # How a table goes through
//
// Compute looks at the rows twice, in the engine's own vectors, some thousand rows at a
// time, its columns beside each other on every processor while the engine reads on.
//
// The first scan reads the file. It counts every column's distinct values, from which its
// figures follow exactly, hashes the rows, by which it takes a sample, and looks for rows
// whose hashes meet. Of a column of at most 262,144 distinct values it keeps those and
// the number of each row's: codes, of one, two or four bytes a row, in a scratch file
// when they are more than 4 MiB.
//
// The second, when means and ranges are known, sets columns in relation to the target and
// to the event time, fills the sample, counts what is missing together and compares the
// rows whose hashes meet. Columns that were kept come from their codes, the others from
// the file again: most tables are decoded once.
//
// What is held is bounded: of a column of more distinct numbers or times, those are
// sorted in a scratch file and read from it in their order, to the same figures; such
// texts are grouped by the engine, out of core, as are repeated rows if more than
// 131,072 meet; the hashes of some million rows are on disk; a wide table is
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
