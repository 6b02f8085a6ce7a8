// Package quality owns validation: the rules a dataset must satisfy, how many
// rows break each, which are repaired, and which rows go on.
//
// A value is missing if it is NULL or NaN. Rules about values accept a missing
// one; not_null, max_null_share and missing_tokens are about missing ones only.
//
// Rules are held in this order: repairs, each on the values as those before it
// leave them; then every rule on the repaired rows; then quarantine; then, on the
// rows that go on, row_count, row_count_history, balance and distribution. What an
// earlier run is compared by is likewise what went on in it, repaired and without
// the quarantined rows: like is compared with like.
//
// All rules that look at one row at a time, and the figures of columns, are counted
// in a single pass, but for columns that the file stores as short dictionaries:
// their distinct values are counted and then looked at once each, which makes a
// regular expression over three million rows cost as much as over three hundred. A
// standard deviation takes one more pass over its column, about the mean; quantiles, and
// the tenths by which distributions are compared, are those of the engine, but found in
// a scan of their column by itself: see Ranked of package table. Rules on repeats hash
// the rows; only rows whose hashes meet are compared. The first failing rows are looked
// for, in one more pass, only if a rule failed.
//
// A failed rule stops the run, quarantines the rows it caught or warns, as its
// severity says; Result.Violation turns failures that end the run into the
// error. SQL that people wrote runs in an engine that reads nothing but the
// files of the check; Try tries it, and all else that is in a language of the
// engine, before there are rows. Infer suggests rules from data; whether they are
// worth keeping is people's to say. Rules about the splits are split's to hold.
package quality
