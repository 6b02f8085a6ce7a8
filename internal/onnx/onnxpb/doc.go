// Package onnxpb holds the protocol buffer types of ONNX, generated from the
// onnx-ml.proto of the pinned onnx package by generate.sh. It has no code of its
// own; onnx builds graphs with it.
package onnxpb
