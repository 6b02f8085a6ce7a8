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
// a hash of every row, Meetings tell which rows have the same, and a Shelf keeps the
// codes of columns, in a scratch file beyond a bound: what is held does not grow with
// the rows, but for the frame that Read returns.
//
// Two things of the engine's did, outside of its limit, and are kept from it. Its
// quantiles hold every value: Ranked finds values by their places in scratch files
// instead. And its allocator (jemalloc) keeps what was freed for ten seconds, and what
// threads that rest have freed for longer, so that a process held the more the longer
// its statements took: while one runs, all that is free goes back to the system four
// times a second. What groups every row (GROUP BY of a key) fills the limit and spills:
// Shared tells what files have in common without.
//
// Rows that do not fit are sorted outside the engine (1.5.6), which cannot put away all
// that it merges: 650 MB in texts of 1 KB are sorted by it within 400 MB, not within 192.
// It makes of each row a key, bytes in whose order the rows are and which has all of
// their values (create_sort_key, by which it sorts, too); keys are sorted in runs of at
// most 32 MB that lie in a scratch file, the runs are merged, as many at once as their
// buffers have room, and a table function gives the engine the rows of the keys to write.
// A file is the same, byte by byte, whoever sorts its rows. Only lists and structs, which
// no dataset has, are always the engine's to sort.
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
