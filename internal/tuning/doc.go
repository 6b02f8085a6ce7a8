// Package tuning owns the search: which trials a pipeline asks for, what one fit
// of a trial is, and which trial wins.
//
// It is pure: no files, no Temporal. The Tuning workflow calls Trials and Choose
// and so is deterministic; the fits themselves run in activities. Features are
// fitted again inside each fold, on its training rows alone.
package tuning
