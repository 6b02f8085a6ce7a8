// Package parity proves that an exported ONNX graph answers as the native model
// does: on held-out rows, and on adversarial rows made from them (missing
// values, unknown categories, extremes, awkward dates).
//
// A model that somebody else trained is the graph itself, and there is nothing to
// compare it with: package foreign examines it instead.
package parity
