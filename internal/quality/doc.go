// Package quality owns validation: the rules a dataset must satisfy, how many
// rows break each, and which rows go on.
//
// A value is missing if it is NULL or NaN. Rules about values (range, set,
// finite, unique) accept a missing one; not_null and max_null_share are about
// missing ones only. All rules that look at one row at a time are counted, with
// the places of their first failures, in a single pass; each unique rule takes
// one more.
//
// A failed rule stops the run, quarantines the rows it caught or warns, as its
// severity says; Result.Violation turns failed stop rules into the error.
// Rows are never changed. What is worth a rule, beyond Implicit, is the
// pipeline file's to say.
package quality
