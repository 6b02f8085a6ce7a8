// Package expression owns the small language of derived columns: arithmetic over
// the numbers of one row, with no way to loop, to call out or to fail.
//
//	distance / max(air_time, 1)
//	if(delay > 15 and not cancelled, log(1 + delay), 0)
//	"name with spaces" * 2
//
// It has + - * / with the usual precedence, parentheses, numbers, the names of
// columns (in double quotes where they are not letters, digits and underscores),
// min, max (two or more), abs, exp, log, sqrt, if(condition, then, else), the
// comparisons < <= > >= == !=, and the words and, or, not.
//
// Values are float64. A missing value (NaN) makes missing whatever is computed
// with it, comparisons, min and max included, and a condition that is missing
// makes its if missing. What is not a finite number, such as 1/0, log(-1) or
// exp(1000), is missing too, at the end: a following imputer says what becomes of
// it.
//
// Parse checks names and types (a condition is not a number) and says where a
// mistake stands. What a formula becomes in ONNX is onnx's, which reads the tree.
package expression
