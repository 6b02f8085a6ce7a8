// Package frame owns tables in memory: columns of numbers, text and time, and
// the matrix of features that learners read.
//
// It knows no engine and no file: table fills frames from Parquet, serving fills
// them from a request, feature turns them into a Matrix, model reads the Matrix.
// The same types serve three million rows and one.
//
// Where DESIGN speaks of a validity bitmap, a frame marks a missing value in the
// value itself: NaN for a number, code -1 for text, MissingTime for time. One
// representation then holds from Parquet to ONNX (which has no bitmaps either),
// and loops over columns have one branch less. NaN and NULL are told apart
// before that, in quality, where the difference matters.
package frame
