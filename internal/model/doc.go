// Package model owns the kinds of models, one file each: how they are fitted,
// how they predict, and their native form.
//
// A learner reads a frame.Matrix and a target, never names, files or stores; it
// is given rows already transformed by feature. Fits are deterministic: sums
// run over fixed chunks in a fixed order whatever the number of threads, so the
// same matrix, parameters and seed give the same bytes from Encode.
//
// Two grounds carry the linear kinds. ols, ridge, lasso and elastic_net are
// solved from the second moments (moments, sums), which one memo keeps for all of
// them; logistic and poisson minimise an objective (loss, curvature) by newton or
// lbfgs, or with the penalty l1 by proximal or owlqn. descent is the coordinate
// descent that lasso and proximal share. Row weights mean what sample_weight
// means in scikit-learn.
//
// A Foreign model, which others trained, is described here and run by package
// foreign.
//
// Metrics are evaluation's; the ONNX form is onnx's; choosing parameters is
// tuning's.
package model
