// Package feature owns transforms: fitted once on training rows, applied by the
// same code to three million rows and to one request.
//
// Fit reads the rows it is given and nothing else, so that a fold of
// cross-validation never sees what it is judged on. The fitted state is small,
// readable JSON; its canonical bytes have a digest. Apply is a pure function of
// that state and a frame.
//
// What a transform becomes in ONNX is onnx's; which transforms "auto" picks is
// here (Auto), recorded in the run.
package feature
