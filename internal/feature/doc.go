// Package feature owns transforms: fitted once on training rows, applied by the
// same code to three million rows and to one request.
//
// Fit reads the rows it is given and nothing else, so that a fold of
// cross-validation never sees what it is judged on. The fitted state is small,
// readable JSON; its canonical bytes have a digest. Apply is a pure function of
// that state and a frame. Target does the same for the column to predict.
//
// Every odd value has a declared outcome:
//
//   - A missing number is imputed as the chain says. A chain that says nothing,
//     or whose log1p comes after its imputer, ends in an implicit median
//     imputer: a learner never sees NaN.
//   - A missing text and the empty text are the same thing (ONNX has no other
//     way to say missing). Without an imputer it is treated like an unknown one.
//   - An unknown text goes to the shared category if there is one, else it is all
//     zeros (scikit-learn's handle_unknown="infrequent_if_exist").
//   - A column without any value in the training rows is imputed with 0 or
//     "missing": constant, so that learners drop it and say so.
//   - An infinite number is an error, FeatureInvalid, at fit and at apply.
//
// What a transform becomes in ONNX is onnx's; which transforms "auto" picks is
// here (Resolve), recorded in the run.
package feature
