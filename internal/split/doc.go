// Package split owns which rows a model learns from, is chosen by and is judged
// by: train, validation and test, and the folds of cross-validation in train.
//
// # Random
//
// MD5 of the seed and of the canonical text of a row's key decides where the row
// goes. Nothing else does: not the other rows, not the order, not the number of
// threads. So a row that was ever a test row stays one while rows are added,
// and rows with equal keys are never apart. The price is that the shares are
// met on average only.
//
// # Stratified and grouped
//
// A stratified split puts the stratum into the hash and so deals each stratum by
// itself. It is not scikit-learn's, which fills quotas: the shares of a stratum are
// met on average, with the deviation of a binomial, as by the random method; of a
// rare one a part may have no row, which the split's page tells (Strata). No rule
// does better that knows of a row its key, its stratum and the seed alone: a quota
// would let one row move another. A grouped split hashes the group in place of the key:
// rows of a group are never apart, in the folds neither.
//
// # By column
//
// The values of a column say where each row goes; others are left out.
//
// # By time
//
// Two moments divide the rows: everything before the first is train, everything
// from the second on is test. They are chosen so that the shares are met as
// nearly as ties allow; rows of the same moment are never apart. With a gap, rows
// just before a boundary are in no split.
//
// # Folds
//
// Every part carries RowColumn, a number made of other bits of the same hash.
// Folds deals rows by it, so that folds are stable in the same way without the
// key having to be read again. Where the split was by time RowColumn is the
// moment, and TimeFolds learns only from what came before.
//
// # What splits share
//
// FindLeakage proves, for the rules no_leakage, that nothing crosses: rows whose hashes
// of 64 bits meet in two parts are compared, and only they. Crossings
// tells people, whatever the rules, which keys and which rows alike are in several
// parts, and by which method they cannot be.
package split
