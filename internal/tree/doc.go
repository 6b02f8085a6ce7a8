// Package tree owns gradient-boosted trees: cutting columns into bins, growing
// trees on histograms of gradients, predicting, explaining, and what makes a
// fit go on after it was cut off.
//
// A value is compared as float32, as ONNX Runtime compares it: float32(x) ≤ t
// goes left. A block of categories is one feature, split by sets of its codes.
// Leaves are float32, scores float64.
//
// Fits are the same to the last bit whatever the number of threads: gradients
// are rounded to integers before they are summed (see packing), and the few sums
// of floats, losses and bounds, run over fixed chunks in a fixed order.
//
// Parameters and their ranges are model's, which also holds the native form; the
// ONNX form is onnx's.
package tree
