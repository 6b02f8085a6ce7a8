// Package oip holds the messages and the service of the Open Inference Protocol v2
// over gRPC, generated from open_inference.proto by generate.sh. The names and the
// numbers there are the protocol's. It has no code of its own; serving answers with
// it.
package oip
