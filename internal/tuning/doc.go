// Package tuning owns the search: which fits it asks for next, what one fit is, and
// which trial wins.
//
// A [Search] is a pure function of its settings and of the scores it is told, in
// the order it asked: Next gives the fits to make side by side, Tell takes what
// they came to. How many workers there are, and which of them is first, changes
// nothing; a search that is told the scores of another again (Replay) goes on where
// that one was. The methods are strategies (strategy.go): grid, random and Sobol
// points, the tree-structured Parzen estimator, successive halving and Hyperband.
//
// [Prepared] are the rows of one fold, ready to be learnt from: features fitted on
// them, shared by all trials on that fold, with what learners compute of them once
// (model.Memo). Features are fitted again inside each fold, on its training rows
// alone. The rows held out are what early stopping watches, so the score of a trial
// that stops early is a little better than it would be on other rows; a nested
// search says by how much.
//
// It knows no files and no Temporal: the Tuning workflow drives a Search, the fits
// run in activities. The page of a search is HTML, in page.go.
package tuning
