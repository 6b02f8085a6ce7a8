package bundle

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// maxCategories bounds the categories listed for a text column.
const maxCategories = 50

// Signature says what a request holds and what an answer holds.
type Signature struct {
	Inputs  []Input  `json:"inputs"`
	Outputs []Output `json:"outputs"`
}

// Input is one raw column of a request. What was seen in training describes and
// does not bind: values outside are answered.
type Input struct {
	Name           string   `json:"name"`
	Kind           string   `json:"kind"`                      // "number", "text" or "time"
	Nullable       bool     `json:"nullable"`                  // null is imputed, or has no indicator
	Min            *float64 `json:"min,omitempty"`             // number: least finite value in training
	Max            *float64 `json:"max,omitempty"`             // number: greatest finite value
	Earliest       string   `json:"earliest,omitempty"`        // time: RFC 3339, UTC
	Latest         string   `json:"latest,omitempty"`          //
	Categories     []string `json:"categories,omitempty"`      // text: sorted; the most frequent ones if there are more
	MoreCategories int      `json:"more_categories,omitempty"` // text: distinct values not listed
	Example        any      `json:"example"`                   // the first value present in training, as JSON; null if none
}

// Output is one column of an answer: "prediction", or "label" and
// "probabilities", one per class.
type Output struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // "number" or "text"
	Classes []string `json:"classes,omitempty"`
}

// SignatureOf describes the inputs of fitted as they are in the training rows f,
// and the outputs of target. Errors: ColumnMissing, TypeMismatch.
func SignatureOf(f *frame.Frame, fitted *feature.Fitted, target *feature.Target) (Signature, error) {
	s := Signature{Inputs: make([]Input, len(fitted.Inputs)), Outputs: outputsOf(target)}
	for i, in := range fitted.Inputs {
		c := f.Column(in.Name)
		if c == nil {
			return Signature{}, fault.New(fault.ColumnMissing, "the training rows have no column %q, which the features read", in.Name)
		}
		if c.Kind.String() != in.Kind {
			return Signature{}, fault.New(fault.TypeMismatch, "column %q is a %s in the training rows and a %s in the features", in.Name, c.Kind, in.Kind)
		}
		s.Inputs[i] = describe(c, nullable(fitted, in.Name))
	}
	return s, nil
}

func outputsOf(target *feature.Target) []Output {
	if target.Task == pipeline.Regression {
		return []Output{{Name: "prediction", Kind: frame.Number.String()}}
	}
	return []Output{
		{Name: "label", Kind: frame.Text.String(), Classes: target.Classes},
		{Name: "probabilities", Kind: frame.Number.String(), Classes: target.Classes},
	}
}

// nullable reports whether every chain over the column has an outcome for a
// missing value. Blocks, texts and indicators always have; other numbers need an
// imputer.
func nullable(fitted *feature.Fitted, column string) bool {
	for i := range fitted.Chains {
		if c := &fitted.Chains[i]; c.Reads(column) && !c.Imputes() {
			return false
		}
	}
	return true
}

func describe(c *frame.Column, nullable bool) Input {
	in := Input{Name: c.Name, Kind: c.Kind.String(), Nullable: nullable}
	switch c.Kind {
	case frame.Number:
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, x := range c.Numbers {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				if in.Example == nil {
					in.Example = x
				}
				lo, hi = min(lo, x), max(hi, x)
			}
		}
		if in.Example != nil {
			in.Min, in.Max = &lo, &hi
		}
	case frame.Time:
		lo, hi := int64(math.MaxInt64), frame.MissingTime
		for _, t := range c.Times {
			if t != frame.MissingTime {
				if in.Example == nil {
					in.Example = timeValue(t)
				}
				lo, hi = min(lo, t), max(hi, t)
			}
		}
		if in.Example != nil {
			in.Earliest, in.Latest = timeText(lo), timeText(hi)
		}
	case frame.Text:
		counts := textCounts(c)
		for i, code := range c.Codes {
			if !missingText(c, i) {
				in.Example = c.Dict[code]
				break
			}
		}
		in.MoreCategories = max(0, len(counts)-maxCategories)
		for _, n := range counts[:min(len(counts), maxCategories)] {
			in.Categories = append(in.Categories, n.text)
		}
		slices.Sort(in.Categories)
	}
	return in
}
