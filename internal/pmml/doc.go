// Package pmml owns the PMML 4.4 form of a fitted pipeline: one document from the raw
// columns of a request to the answer, for the rule engines and databases that read
// nothing else.
//
// Export reads feature's fitted state and model's fitted models, and writes XML. The
// package runs nothing; its tests have JPMML's evaluator answer what it writes, and
// hold that against the native model.
//
// The contract of a document:
//
//	inputs   one DataField per raw column, by its name; a missing value is no value
//	         number  continuous double; an infinite one is invalid
//	         text    categorical string; "" is missing, too
//	         time    dateTime in UTC, without a zone: 2024-02-29T23:59:59.5
//	outputs  regression      prediction            double
//	         classification  label                 string
//	                         probability(CLASS)    double, one per class
//
// An output whose name is also a column's gets underscores appended until it is free.
//
// Linear models are a RegressionModel, boosted trees a MiningModel that adds them up
// and hands the sum to a RegressionModel with the link; an ensemble is a MiningModel
// that averages. Transforms are DerivedFields, mostly of Apply, so that the arithmetic
// is that of Go operation by operation. A category is known by its code: arrays of texts
// have no agreed way to quote. Two classes are written as a softmax of 0 and the
// log-odds, because the logit of PMML says of the second class 1-p, which loses the small
// ones.
//
// The same state gives the same bytes. What has no form is refused with its reason:
// hashes, n-grams and lengths of texts, texts that XML cannot hold, models that somebody
// else trained.
package pmml
