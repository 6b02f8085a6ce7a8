package feature

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Version is the version of the fitted state's JSON form.
const Version = 1

// Fitted is the state of the feature step after Fit: all that Apply needs.
// Its JSON form (Encode) is canonical: the same state has the same bytes.
type Fitted struct {
	Version int       `json:"version"`
	Inputs  []Input   `json:"inputs"`            // the raw columns read, each once, in order of first use
	Chains  []Chain   `json:"chains"`            // in the order of the matrix; hidden ones last
	Dropped []Dropped `json:"dropped,omitempty"` // what selection left out, in the order of its conditions
}

// Raw is the state of a model that reads raw columns itself: inputs alone.
func Raw(inputs []Input) *Fitted { return &Fitted{Version: Version, Inputs: inputs} }

// Input is one raw column.
type Input struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "number", "text" or "time": frame.Kind.String
}

// Chain is how one output feature (several, for n-grams) is made: of one column,
// of the columns of a formula, or of two other chains that are multiplied. What
// gives several outputs with statistics of their own, such as date_parts, makes a
// chain for each.
//
// The steps of a chain, by what it starts from:
//
//	text     at most one Impute, then an encoder. OneHot, Hash and NGrams end the
//	         chain; Ordinal, Values and TextLength give a number. Or Missing alone
//	time     one DatePart; the chain ends if it is AsCategories, else it gives a
//	         number
//	columns  one Expr, which gives a number
//	number   any of the other steps, in order. A Bin that is OneHot and a Missing
//	         end the chain; otherwise an Impute follows whatever may leave a value
//	         missing, so the output is never NaN
//	factors  no steps
type Chain struct {
	Name    string   `json:"name"`              // of the output: the column, then "_log1p" or "_month" where it applies
	Column  string   `json:"column,omitempty"`  // of the input
	Columns []string `json:"columns,omitempty"` // of the inputs, where Steps starts with Expr
	Factors []string `json:"factors,omitempty"` // names of the two chains whose product this is
	Hidden  bool     `json:"hidden,omitempty"`  // a factor that is not itself an output
	Steps   []Step   `json:"steps,omitempty"`
}

// Step is one fitted transform; exactly one field is set.
type Step struct {
	Impute      *ImputeState      `json:"impute,omitempty"`
	Standardize *StandardizeState `json:"standardize,omitempty"`
	Log1p       *struct{}         `json:"log1p,omitempty"` // log(1+x); NaN where x <= -1
	MinMax      *MinMaxState      `json:"min_max,omitempty"`
	Robust      *RobustState      `json:"robust,omitempty"`
	Power       *PowerState       `json:"power,omitempty"`
	Clip        *ClipState        `json:"clip,omitempty"`
	Bin         *BinState         `json:"bin,omitempty"`
	Missing     *MissingState     `json:"missing,omitempty"`
	OneHot      *OneHotState      `json:"one_hot,omitempty"`
	Ordinal     *OrdinalState     `json:"ordinal,omitempty"`
	Values      *ValuesState      `json:"values,omitempty"`
	Hash        *HashState        `json:"hash,omitempty"`
	TextLength  *struct{}         `json:"text_length,omitempty"` // in characters; 0 where missing
	NGrams      *NGramsState      `json:"ngrams,omitempty"`
	DatePart    *DatePartState    `json:"date_part,omitempty"`
	Expr        *ExprState        `json:"expr,omitempty"`
}

// ImputeState is what replaces a missing value: Number for NaN, Text for a
// missing or empty text. Exactly one is set. Implicit marks the imputer that ends
// a chain whose plan says nothing about what is missing: a learner that knows
// missing values reads what stands before it (frame.Feature.Raw).
type ImputeState struct {
	Number   *float64 `json:"number,omitempty"`
	Text     *string  `json:"text,omitempty"`
	Implicit bool     `json:"implicit,omitempty"`
}

// StandardizeState maps x to (x - Mean) / Scale. Scale is the population
// standard deviation, or 1 for a constant column. NaN stays NaN, here and in the
// other steps that do not say otherwise.
type StandardizeState struct {
	Mean  float64 `json:"mean"`
	Scale float64 `json:"scale"`
}

// MinMaxState maps x to x·Scale + Offset, bounded by Low and High if they are set.
type MinMaxState struct {
	Scale  float64  `json:"scale"`
	Offset float64  `json:"offset"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
}

// RobustState maps x to (x - Center) / Scale: the median, and the distance of two
// percentiles or 1 where they are equal.
type RobustState struct {
	Center float64 `json:"center"`
	Scale  float64 `json:"scale"`
}

// PowerState maps x to ((1+x)^Lambda - 1)/Lambda and its mirror below zero
// ("yeo_johnson": Yeo and Johnson 2000), or to (x^Lambda - 1)/Lambda, NaN where x
// is not positive ("box_cox": Box and Cox 1964). The logarithm where Lambda is 0.
type PowerState struct {
	Method string  `json:"method"`
	Lambda float64 `json:"lambda"`
}

// ClipState bounds x; a nil bound is open.
type ClipState struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// BinState counts the Edges (increasing, the outer ones left out) that are not
// above x. With OneHot the output is a block of len(Edges)+1 categories, all
// zeros for NaN.
type BinState struct {
	Edges  []float64 `json:"edges"`
	OneHot bool      `json:"one_hot"`
}

// MissingState gives 1 where the value is missing and 0 elsewhere; Text says
// that it is a text's.
type MissingState struct {
	Text bool `json:"text,omitempty"`
}

// OneHotState spreads a text into indicators, one per category. Categories are
// in increasing byte order but for the last if Shared: that one collects every
// text that is not among the others, missing ones included. Without Shared such
// a text is all zeros. Unknown "ignore" makes a text that Known does not list
// either all zeros in spite of Shared, "error" refuses it; both need the list.
type OneHotState struct {
	Categories []string `json:"categories"`
	Shared     bool     `json:"shared"`
	Unknown    string   `json:"unknown,omitempty"`
	Known      []string `json:"known,omitempty"` // in increasing order: the texts that share the last category
}

// OrdinalState numbers a text by its place among Categories (in increasing byte
// order), NaN where missing and -1 where unknown, unless Unknown is "error".
type OrdinalState struct {
	Categories []string `json:"categories"`
	Unknown    string   `json:"unknown,omitempty"`
}

// ValuesState gives each category (in increasing byte order) its number: its
// share of the training rows (Of "frequency") or its mean target ("target").
type ValuesState struct {
	Of         string    `json:"of"`
	Categories []string  `json:"categories"`
	Values     []float64 `json:"values"`
	Missing    float64   `json:"missing"`           // of a missing text
	Other      float64   `json:"other"`             // of a text that is not among Categories
	Unknown    string    `json:"unknown,omitempty"` // "error" refuses it instead
}

// HashState spreads a text over 2^Bits indicators by abs(MurmurHash3 of 32 bits,
// seed 0) modulo 2^Bits; a missing text is all zeros.
type HashState struct {
	Bits int `json:"bits"`
}

// NGramsState counts the runs of Min to Max characters in a text (two or more
// white-space characters count as one space) into 2^Bits features, by the hash of
// HashState; a missing text is all zeros.
type NGramsState struct {
	Min  int `json:"min"`
	Max  int `json:"max"`
	Bits int `json:"bits"`
}

// DatePartState takes one part of a time in UTC: "year", "month" (1–12), "day"
// (1–31), "day_of_week" (0 Monday – 6 Sunday), "hour" (0–23) or "minute" (0–59).
// A missing time gives NaN.
//
// With AsCategories the output is a block whose categories are all values the
// part can take, in order ("1" … "12"), and a missing time is all zeros; "year"
// has no such list and is refused. Cycle "sin" or "cos" gives that function of
// the part's place among its n values, as an angle of 2π·place/n.
type DatePartState struct {
	Part         string `json:"part"`
	AsCategories bool   `json:"as_categories"`
	Cycle        string `json:"cycle,omitempty"`
}

// ExprState computes a formula of package expression.
type ExprState struct {
	Formula string `json:"formula"`
}

// Dropped is a feature that selection left out.
type Dropped struct {
	Name  string  `json:"name"`
	By    string  `json:"by"`             // "drop", "variance", "correlation", "mutual_information" or "top"
	Value float64 `json:"value"`          // what the condition measured
	With  string  `json:"with,omitempty"` // correlation: the feature that was kept
}

// Categories returns the categories of the block the chain makes, not nil
// though perhaps empty, or nil if its output is a number.
func (c *Chain) Categories() []string {
	if len(c.Steps) == 0 {
		return nil
	}
	switch last := c.Steps[len(c.Steps)-1]; {
	case last.OneHot != nil:
		return last.OneHot.Categories
	case last.Hash != nil:
		return numbered(1 << last.Hash.Bits)
	case last.Bin != nil && last.Bin.OneHot:
		return intervals(last.Bin.Edges)
	case last.DatePart != nil && last.DatePart.AsCategories:
		return PartCategories(last.DatePart.Part)
	}
	return nil
}

// Reads reports whether the chain itself reads a column.
func (c *Chain) Reads(column string) bool {
	return c.Factors == nil && (c.Columns == nil && c.Column == column || slices.Contains(c.Columns, column))
}

// Imputes reports whether a missing value has an outcome: a block is all zeros
// for it, an encoder or indicator has a number, an imputer replaces it.
func (c *Chain) Imputes() bool {
	return c.Categories() != nil || slices.ContainsFunc(c.Steps, func(s Step) bool {
		return s.Impute != nil || s.Missing != nil || s.Values != nil || s.TextLength != nil || s.NGrams != nil
	})
}

// implicit reports whether the step is the imputer nobody asked for.
func (s *Step) implicit() bool { return s.Impute != nil && s.Impute.Implicit }

// outputs is the number of features of the matrix the chain makes.
func (c *Chain) outputs() int {
	if n := len(c.Steps); n > 0 && c.Steps[n-1].NGrams != nil {
		return 1 << c.Steps[n-1].NGrams.Bits
	}
	return 1
}

// encoder returns the step that reads texts, or nil.
func (c *Chain) encoder() *Step {
	for i := range c.Steps[:min(2, len(c.Steps))] {
		s := &c.Steps[i]
		if s.OneHot != nil || s.Ordinal != nil || s.Values != nil || s.Hash != nil || s.TextLength != nil || s.NGrams != nil || s.Missing != nil && s.Missing.Text {
			return s
		}
	}
	return nil
}

// kind is the kind of column the chain starts from.
func (c *Chain) kind() frame.Kind {
	switch {
	case c.encoder() != nil:
		return frame.Text
	case len(c.Steps) > 0 && c.Steps[0].DatePart != nil:
		return frame.Time
	default:
		return frame.Number
	}
}

// head is the number of steps before the numeric ones.
func (c *Chain) head() int {
	switch {
	case len(c.Steps) == 0:
		return 0
	case c.encoder() == &c.Steps[0], c.Steps[0].DatePart != nil, c.Steps[0].Expr != nil:
		return 1
	case c.encoder() != nil:
		return 2
	}
	return 0
}
