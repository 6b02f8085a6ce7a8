// Package foreigntest makes ONNX graphs as other people's tools do: honest ones,
// and a start for those that are not. It owns no test: those of foreign, serving,
// activities and the line begin with its graphs.
package foreigntest
