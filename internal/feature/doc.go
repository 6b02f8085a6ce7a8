// Package feature owns transforms: fitted once on training rows, applied by the
// same code to three million rows and to one request.
//
// Fit reads the rows it is given and nothing else, so that a fold of
// cross-validation never sees what it is judged on. The fitted state is small,
// readable JSON; its canonical bytes have a digest. Apply is a pure function of
// that state and a frame. Target does the same for the column to predict.
//
// The names and the meaning of transforms are scikit-learn's (1.7); testdata
// holds what it makes of a table (bench/reference/features.py). Where it draws at
// random, this package does not: quantiles read every row, mutual information is
// counted over bins.
//
// FitApply gives a learner its training features. They are Apply's, but for
// target_encode, where each row is encoded by the rows of other folds; so are the
// statistics of what follows in its chain, and what select judges.
//
// Every odd value has a declared outcome:
//
//   - A missing number is imputed as the chain says. A chain that says nothing,
//     or where a later log1p or box_cox leaves values missing, ends in an implicit
//     median imputer: a learner never sees NaN.
//   - A missing text and the empty text are the same thing (ONNX has no other
//     way to say missing). Without an imputer one_hot treats it like an unknown
//     one (but never refuses it), hash and ngrams are all zeros, text_length is 0,
//     ordinal is a missing number; frequency and target_encode count it as a
//     category of its own.
//   - An unknown text goes to one_hot's shared category if there is one, else it
//     is all zeros (scikit-learn's handle_unknown="infrequent_if_exist"); it is -1
//     for ordinal, 0 for frequency and the overall mean for target_encode. With
//     unknown: error it is refused, FeatureInvalid with the column's name.
//   - A number beyond the training range passes through; bins and clips bound it.
//   - A column without any value in the training rows is imputed with 0 or
//     "missing": constant, so that learners drop it and say so.
//   - An infinite number is an error, FeatureInvalid, at fit and at apply.
//   - A missing column is ColumnMissing, one of another type TypeMismatch.
//
// What a transform becomes in ONNX is onnx's; which transforms "auto" picks is
// here (Resolve), recorded in the run.
package feature
