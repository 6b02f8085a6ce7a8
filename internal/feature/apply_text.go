package feature

import (
	"math"
	"slices"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// textBuffers is what a text chain keeps between calls.
type textBuffers struct {
	table    []int32 // from dictionary code to code, where the dictionary is small
	missing  int32
	squeezed []byte
	starts   []int
}

// Codes beside those of categories. A missing text has its own, so that what it
// becomes is each encoder's to say.
const (
	codeMissing = frame.MissingCode // all zeros of a block
	codeUnknown = int32(-2)
	codeRefused = int32(-3)
)

// table prepares the codes of a dictionary when there are more rows than
// distinct texts.
func (s *Scratch) table(i int, column *frame.Column) {
	b, c := &s.texts[i], &s.fitted.Chains[i]
	b.missing = c.code("")
	b.table = b.table[:0]
	if len(column.Dict) <= len(column.Codes) {
		for _, text := range column.Dict {
			b.table = append(b.table, c.code(text))
		}
	}
}

// codes writes the codes of the rows from lo on.
func (s *Scratch) codes(i int, column *frame.Column, lo int, out []int32) error {
	b, c := &s.texts[i], &s.fitted.Chains[i]
	tabled := len(b.table) == len(column.Dict)
	for k, code := range column.Codes[lo : lo+len(out)] {
		switch {
		case code == frame.MissingCode:
			out[k] = b.missing
		case tabled:
			out[k] = b.table[code]
		default:
			out[k] = c.code(column.Dict[code])
		}
		if out[k] == codeRefused {
			return unknownError(c, lo+k, column.Dict[code])
		}
	}
	return nil
}

// textNumbers writes the numbers a text chain that is not a block starts from.
func (s *Scratch) textNumbers(i int, column *frame.Column, lo int, x []float64) error {
	b, c := &s.texts[i], &s.fitted.Chains[i]
	encoder := c.encoder()
	tabled := len(b.table) == len(column.Dict)
	for k, code := range column.Codes[lo : lo+len(x)] {
		v := b.missing
		switch {
		case code == frame.MissingCode:
		case tabled:
			v = b.table[code]
		default:
			v = c.code(column.Dict[code])
		}
		if v == codeRefused {
			return unknownError(c, lo+k, column.Dict[code])
		}
		x[k] = encoder.value(v)
	}
	return nil
}

// text is a text after the chain's imputer, "" if it is missing.
func (s *Scratch) text(i int, column *frame.Column, code int32) string {
	text := ""
	if code != frame.MissingCode {
		text = column.Dict[code]
	}
	return s.fitted.Chains[i].imputed(text)
}

func (c *Chain) imputed(text string) string {
	if text == "" && c.Steps[0].Impute != nil {
		return *c.Steps[0].Impute.Text
	}
	return text
}

// code is the code of a text after the chain's imputer, where "" is missing.
func (c *Chain) code(text string) int32 {
	e := c.encoder()
	if text = c.imputed(text); text == "" && e.OneHot == nil {
		switch {
		case e.TextLength != nil:
			return 0
		case e.Missing != nil:
			return 1
		}
		return codeMissing
	}
	switch {
	case e.OneHot != nil:
		return e.OneHot.code(text)
	case e.Ordinal != nil:
		return search(e.Ordinal.Categories, text, e.Ordinal.Unknown)
	case e.Values != nil:
		return search(e.Values.Categories, text, e.Values.Unknown)
	case e.Hash != nil:
		return bucket(text, e.Hash.Bits)
	case e.TextLength != nil:
		return int32(min(utf8.RuneCountInString(text), math.MaxInt32))
	}
	return 0 // not missing
}

func search(categories []string, text, unknown string) int32 {
	if at, ok := slices.BinarySearch(categories, text); ok {
		return int32(at)
	}
	if unknown == "error" {
		return codeRefused
	}
	return codeUnknown
}

func (h *OneHotState) code(text string) int32 {
	known, other := h.Categories, frame.MissingCode
	if h.Shared {
		known, other = known[:len(known)-1], int32(len(known)-1)
	}
	if at, ok := slices.BinarySearch(known, text); ok {
		return int32(at)
	}
	if h.Unknown != "" && text != "" { // missing is not unknown
		if _, ok := slices.BinarySearch(h.Known, text); !ok {
			if h.Unknown == "error" {
				return codeRefused
			}
			return frame.MissingCode
		}
	}
	return other
}

// value is the number that stands for a code.
func (s *Step) value(code int32) float64 {
	switch {
	case s.Ordinal != nil && code == codeMissing:
		return math.NaN()
	case s.Ordinal != nil && code == codeUnknown:
		return -1
	case s.Values != nil && code == codeMissing:
		return s.Values.Missing
	case s.Values != nil && code == codeUnknown:
		return s.Values.Other
	case s.Values != nil:
		return s.Values.Values[code]
	}
	return float64(code)
}

func unknownError(c *Chain, row int, text string) error {
	if r := []rune(text); len(r) > 60 {
		text = string(r[:60]) + "…"
	}
	return fault.New(fault.FeatureInvalid, "column %q holds %q in row %d, which no training row has", c.Column, text, row).
		WithRemedy("send a category the model knows, or train with unknown: ignore").WithDetails(Place{c.Column, row})
}
