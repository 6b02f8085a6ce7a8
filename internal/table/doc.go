// Package table owns the engine that reads, joins and checks tables: DuckDB,
// in process, in memory, spilling to a temporary directory. It is the only
// package that links it; profile, quality and split speak to it through Exec
// and Query, everyone else through Convert, Integrate and Read.
//
// # Files
//
// Whatever comes in (CSV, JSON, Parquet), what goes out is Parquet, zstd, with
// a fixed order of rows, so that equal rows give equal bytes: Convert keeps the
// order of its files and of the rows in them, Integrate sorts by the key and
// then by every other column. Neither depends on the number of threads. A file
// appears under its name only when it is complete.
//
// Whole numbers stay apart as keys, joins and splits see them: those beyond BIGINT, in
// CSV and JSON and where parts of several types meet, are DECIMAL(38,0), or text where
// they have more digits. A frame holds them as float64, as all numbers. A column that
// also has fractions measures something, and is DOUBLE.
//
// # Memory
//
// What is looked at goes by in batches or frames of some thousand rows. Words keep
// a hash of every row, and Meetings tell which rows have the same, in a scratch
// file beyond a bound: what is held does not grow with the rows, but for the frame
// that Read returns.
//
// Sorting is an exception, where rows have long texts. Rows of numbers, times and
// texts of up to twelve bytes are sorted in a tenth of their size, but the engine
// (1.5.6) cannot put all longer texts away while it merges sorted rows: 650 MB in texts
// of 1 KB are sorted within 400 MB, not within 192, be row groups small, threads few,
// and the key all that is sorted by. Such a dataset wants a memory limit near the size
// of its texts.
//
// # Trust
//
// The SQL that people write (Integrate, BindQuery) runs in an instance of its
// own, opened for it and closed after it: no file but the given ones can be
// read, nothing can be attached, installed or set. Exec and Query are for the
// SQL this product writes; names and texts enter it through Ident and Literal
// only.
//
// # What is left to others
//
// Where sources come from and how long they are kept is the activities'; what a
// column means is profile's, quality's and feature's.
package table
