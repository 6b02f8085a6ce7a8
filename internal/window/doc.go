// Package window owns what is measured of the requests of one monitored interval,
// and what becomes of it: a Collector takes them one at a time, in any order, and keeps
// counts, not rows; Measures are what a window came to, the same bytes for the same
// requests and labels; Findings hold them against the bounds of the pipeline file.
//
// Requests come as the JSON that was sent and answered. They are put into batches of a
// few thousand, of which up to four are counted at once while the next is read: their
// bytes are read straight into columns, without values of JSON in between, and what
// encoding/json would make of a text is what is counted. So a window of a million
// requests takes the memory of some batches.
//
// Each model version that answered is measured by its own bundle: its layout, its
// baseline, its score on the test rows. One whose bundle cannot be opened is that
// version's problem, and a column that cannot be measured that column's; the others
// are measured.
//
// Of the rows themselves only what scores need is kept: twenty thousand of the labelled
// ones and twenty thousand of all, each drawn with the same chance by its id, for
// intervals, for the scores that are no sums over rows (areas under curves, medians,
// parts of the rows), for an estimate of performance without labels, for the trees that
// tell rows from training rows and for the rules of the pipeline file; Measures say so
// where there were more. Distributions, quality, service levels and the scores that are
// sums (accuracy, log loss, rmse, …) are of every row.
//
// All of this merges: Hour is what the requests of one hour of UTC came to, kept as a
// row by metadata, and a window longer than an hour is, by AddHour, what its hours are
// together, to the last bit the same as if its requests had been read. Of the samples
// of many hours only the rows that would be kept of the window are read (Levels). Read
// themselves are only the requests of the parts of hours at the ends of a window that
// does not begin and end at whole hours, and of hours that are not over.
//
// What a window came to is a function of its requests, their labels, the bundle, and
// two things kept of the windows before: the summaries of the one that ends where it
// begins, and the errors of labelled answers, in which a change is looked for over a
// week of summaries. A window that is computed again because labels came late leaves
// the later ones as they were until they are computed again, too.
//
// A window that could not be computed is Unmeasured: it says why, and nobody can tell
// what its alerts are about but that it failed.
//
// How distributions are compared is drift's, when people are told alert's, where
// windows are kept metadata's.
package window
