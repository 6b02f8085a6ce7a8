// Package onnxruntime owns running ONNX graphs: it loads Microsoft's ONNX
// Runtime, a shared library, through github.com/yalue/onnxruntime_go, and feeds
// it frames.
//
// It knows the inputs and outputs that package onnx declares and nothing of how
// a graph is made. The prediction server does not import it: it serves native
// models, and stays free of a 20 MB library.
package onnxruntime
