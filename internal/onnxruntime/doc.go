// Package onnxruntime owns running ONNX graphs: it loads Microsoft's ONNX
// Runtime, a shared library, through github.com/yalue/onnxruntime_go, and feeds
// it frames.
//
// It knows the inputs and outputs that package onnx declares and nothing of how
// a graph is made. The library, of 20 MB, is loaded when the first graph is: a
// prediction server that serves native models alone does without it.
package onnxruntime
