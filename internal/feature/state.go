package feature

// Version is the version of the fitted state's JSON form.
const Version = 1

// Fitted is the state of the feature step after Fit: all that Apply needs.
// Its JSON form (Encode) is canonical: the same state has the same bytes.
type Fitted struct {
	Version int     `json:"version"`
	Inputs  []Input `json:"inputs"` // the raw columns read, each once, in order of first use
	Chains  []Chain `json:"chains"` // one per output feature, in the order of the matrix
}

// Input is one raw column.
type Input struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "number", "text" or "time": frame.Kind.String
}

// Chain is how one output feature is made of one column. A date_parts transform
// of n parts makes n chains, so that each part has its own statistics.
//
// The steps of a chain, by the kind of its column:
//
//	number  any of Impute, Log1p, Standardize, in order; an Impute follows
//	        whatever may leave a value missing, so the output is never NaN
//	text    at most one Impute, then one OneHot; the output is a block
//	time    one DatePart; then the steps of a number, or, if the part is
//	        AsCategories, nothing: the output is a block
type Chain struct {
	Name   string `json:"name"`   // of the output: the column, then "_log1p" or "_month" where it applies
	Column string `json:"column"` // of the input
	Steps  []Step `json:"steps"`
}

// Step is one fitted transform; exactly one field is set.
type Step struct {
	Impute      *ImputeState      `json:"impute,omitempty"`
	Standardize *StandardizeState `json:"standardize,omitempty"`
	Log1p       *struct{}         `json:"log1p,omitempty"` // log(1+x); NaN where x <= -1
	OneHot      *OneHotState      `json:"one_hot,omitempty"`
	DatePart    *DatePartState    `json:"date_part,omitempty"`
}

// ImputeState is what replaces a missing value: Number for NaN, Text for a
// missing or empty text. Exactly one is set.
type ImputeState struct {
	Number *float64 `json:"number,omitempty"`
	Text   *string  `json:"text,omitempty"`
}

// StandardizeState maps x to (x - Mean) / Scale. Scale is the population
// standard deviation, or 1 for a constant column. NaN stays NaN.
type StandardizeState struct {
	Mean  float64 `json:"mean"`
	Scale float64 `json:"scale"`
}

// OneHotState spreads a text into indicators, one per category. Categories are
// in increasing byte order but for the last if Shared: that one collects every
// text that is not among the others, missing ones included. Without Shared such
// a text is all zeros.
type OneHotState struct {
	Categories []string `json:"categories"`
	Shared     bool     `json:"shared"`
}

// DatePartState takes one part of a time in UTC: "year", "month" (1–12), "day"
// (1–31), "day_of_week" (0 Monday – 6 Sunday), "hour" (0–23) or "minute" (0–59).
// A missing time gives NaN.
//
// With AsCategories the output is a block whose categories are all values the
// part can take, in order ("1" … "12"), and a missing time is all zeros; "year"
// has no such list and is refused.
type DatePartState struct {
	Part         string `json:"part"`
	AsCategories bool   `json:"as_categories"`
}
