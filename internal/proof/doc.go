// Package proof owns the last question before a bundle counts: does a prediction server
// that has nothing but its bytes load it, and answer what it promises?
//
// Prove starts the program again as such a server, in a process of its own: the same
// code that answers in production (package serving), audit included, on a loopback
// port, without an environment, a metadata store or an artifact store, bounded in memory
// (on Linux) and time. The golden rows are asked over HTTP, each alone as a plain record
// and all together in the Open Inference Protocol, and the answers held against those
// in the bundle. What a request took and what the process needed are noted; they are
// figures of this machine and no part of the bundle.
//
// Infrastructure validation in TFX is the model for it. That the ONNX form agrees is
// package parity's; that a trainer's graph does no harm, package foreign's.
package proof
