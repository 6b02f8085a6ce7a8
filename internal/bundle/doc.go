// Package bundle owns the packaged model: one artifact that holds all a server
// or an auditor needs, and the path from a request's records to an answer.
//
// A bundle is a tar archive in one canonical form (fixed order of entries, no
// times, no owners), so that equal contents have equal bytes, and one changed
// byte anywhere is found:
//
//	manifest.json   format, version, model, digests of all that follow, and its own
//	signature.json  the columns of a request and of the answer
//	features.json   fitted features (package feature)
//	target.json     fitted target (package feature)
//	model.json      native model (package model), or what model.onnx is
//	model.onnx      the whole graph, raw columns to answer (package onnx); optional,
//	                unless it is the model
//	model.pmml      the same in PMML 4.4 (package pmml); optional
//	baseline.json   statistics of the training rows and of predictions, for monitoring
//	loss.json       what performance is estimated with before labels come (package drift);
//	                optional, as it takes 500 rows that the model has not learned from
//	golden.json     a few held-out rows with the native answers
//	metrics.json    what evaluation found
//	lineage.json    digests of what the model came from
//	MODEL_CARD.md   the same for people
//	model.sig       a signature of all that (package signing); optional, and the one
//	                entry that the manifest does not list, because it covers the manifest
//
// Open trusts nothing, and runs nothing. A Predictor serves the native model; that
// the ONNX graph agrees with it is proven by package parity. Where somebody else
// trained the model, the graph is all there is of it, and the Predictor answers with
// it in ONNX Runtime, which is loaded then and not before. OpenTrusted opens
// only what a trusted key vouches for, and decodes nothing before that is known. Whose
// keys these are, the registry and endpoints are others'.
package bundle
