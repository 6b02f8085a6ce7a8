// Package window owns what is measured of the requests of one monitored interval,
// and what becomes of it: a Collector takes them one at a time and keeps counts, not
// rows; Measures are what a window came to, the same bytes for the same requests and
// labels; Findings hold them against the bounds of the pipeline file.
//
// Each model version that answered is measured by its own bundle: its layout, its
// baseline, its score on the test rows. One whose bundle cannot be opened is that
// version's problem, and a column that cannot be measured that column's; the others
// are measured.
//
// Of the rows themselves only what scores need is kept: the answers and labels of
// the first million labelled ones, and for an estimate of performance without
// labels the first hundred thousand; Measures say so where there were more.
//
// How distributions are compared is drift's, when people are told alert's, where
// windows are kept metadata's. Not measured here, and told as such where the file
// asks: slices of performance, multivariate and concept drift.
package window
