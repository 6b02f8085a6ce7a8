// Package parity proves that an exported ONNX graph answers as the native model
// does: on held-out rows, and on adversarial rows made from them (missing
// values, unknown categories, extremes, awkward dates).
//
// It stands apart from bundle so that the prediction server, which serves native
// models, does not link ONNX Runtime.
package parity
