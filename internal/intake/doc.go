// Package intake owns models that come in as files: a bundle of ours, or an ONNX graph
// that somebody else made, with a declaration of what goes in and what comes out.
//
// A graph is examined as those of external trainers are (package foreign), on the rows
// that come with it; their answers become its golden rows, and what the rows look like
// its baseline. A bundle is verified byte by byte, and its golden rows are answered
// again. Nothing is run in this process before that: a graph inside a bundle is
// examined, too.
//
// Before it is recorded, a prediction server of its own answers from it (package proof).
// Record writes who took it in, when, and from which bytes: a run of trigger "import"
// whose one step leads from the digests of the files to that of the bundle. The bundle
// itself says only what does not depend on who imports it, so that equal files make
// equal bundles.
package intake
