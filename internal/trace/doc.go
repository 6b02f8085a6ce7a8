// Package trace owns how a way through lineage reads: as a tree of lines, each of which
// may say what it is about, so that a terminal draws it and a page links it. Which
// facts there are is metadata's.
package trace
