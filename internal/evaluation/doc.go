// Package evaluation owns the judgement of models: metrics by scikit-learn's
// names and definitions, the choice among contenders on the validation rows, the
// one look at the test rows, and the gates.
//
// Which metrics a task has and which way is better is pipeline's (the file names
// them); what a model is, model's; reading the rows and keeping the verdict,
// activities'. The page people read is HTML, in page.go.
//
// A metric that the rows cannot define (the area under a curve where only one
// class occurs) is left out with a reason; it is never NaN, and a gate on it
// fails saying so. Where scikit-learn warns and returns 0 (the precision of a
// model that predicts no positive), so does this package, without the warning.
package evaluation
