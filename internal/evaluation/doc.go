// Package evaluation owns the judgement of models: metrics by scikit-learn's
// names and definitions, weighted by the problem's weights, the choice among
// contenders on the validation rows, the one look at the test rows, and the gates.
//
// The look: every metric with its interval (bootstrap.go), the differences from
// the baseline and the live model on the same resamples, slices that the file
// names (slices.go) and weak ones that are searched for (search.go), groups
// (fairness.go), periods (periods.go), and what the model makes of its inputs
// (importance.go). ask.go asks the gates of all of it. Each file says its
// definitions and where they come from; bounds on rows are constants there, and
// the page tells them.
//
// Which metrics a task has and which way is better is pipeline's (the file names
// them); what a model is, model's; reading the rows, counting the looks and
// keeping the verdict, activities'. The page people read is HTML, in page.go and
// its like.
//
// A metric that the rows cannot define (the area under a curve where only one
// class occurs) is left out with a reason; it is never NaN, and a gate on it
// fails saying so. Where scikit-learn warns and returns 0 (the precision of a
// model that predicts no positive), so does this package, without the warning.
// A gate on rows that are not there, or too few, fails: nothing was shown.
//
// The same options give the same evaluation whatever the number of threads, but
// for one figure: a gate on latency measures this machine. The bundle holds
// nothing of that, nor of the live model or of earlier looks, so equal models are
// equal bundles.
//
// Accuracy, precision, recall and what is made of them are of the answer an
// endpoint gives, the more probable class. The threshold of least cost informs
// those who act on the probability; what it would reach is told beside, as
// "…_at_threshold", and no endpoint answers by it.
package evaluation
