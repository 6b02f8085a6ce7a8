// Package onnx owns the ONNX form of a fitted pipeline: one graph from the raw
// columns of a request to the answer, so that whoever runs it needs no code of
// ours.
//
// Export reads feature's fitted state and model's fitted models and writes the bytes
// of a ModelProto. The package runs nothing: onnxruntime does, and parity (in bundle)
// proves the two equal.
//
// The contract of an exported graph (N rows, opset 17, ai.onnx.ml 3, IR 8):
//
//	inputs   one per raw column, by its name, shape [N,1]:
//	         number  double, NaN where missing
//	         text    string, "" where missing
//	         time    int64, microseconds since the Unix epoch in UTC, the least
//	                 int64 where missing
//	outputs  regression      prediction    double [N,1]
//	         classification  label         string [N,1]
//	                         probabilities double [N,classes], in the target's order
//
// An output whose name is also a column's gets underscores appended until it is
// free. All arithmetic is float64, as in Go, but for trees, whose operator knows
// float32 alone: they compare float32 in Go too, and their sums are made exact.
// The same state gives the same bytes.
//
// A graph that somebody else made honours the same contract, except that numbers may
// be float, prediction may be [N], and label may be left out. Vet refuses any other,
// and whatever could harm who runs it.
package onnx
