package feature

import (
	"fmt"
	"strconv"
	"strings"
)

// words writes what a chain does, one transform after the other, with what was
// fitted.
func (c *Chain) words() string {
	if c.Factors != nil {
		return c.Factors[0] + " × " + c.Factors[1]
	}
	out := make([]string, len(c.Steps))
	for i := range c.Steps {
		out[i] = c.Steps[i].words()
	}
	return strings.Join(out, " → ")
}

func (s *Step) words() string {
	n := func(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
	open := func(v *float64) string {
		if v == nil {
			return "…"
		}
		return n(*v)
	}
	switch {
	case s.Impute != nil && s.Impute.Text != nil:
		return fmt.Sprintf("impute %q", *s.Impute.Text)
	case s.Impute != nil:
		return "impute " + n(*s.Impute.Number)
	case s.Standardize != nil:
		return "standardize (mean " + n(s.Standardize.Mean) + ", deviation " + n(s.Standardize.Scale) + ")"
	case s.Log1p != nil:
		return "log1p"
	case s.MinMax != nil:
		return "min_max (× " + n(s.MinMax.Scale) + " + " + n(s.MinMax.Offset) + ")"
	case s.Robust != nil:
		return "robust (median " + n(s.Robust.Center) + ", range " + n(s.Robust.Scale) + ")"
	case s.Power != nil:
		return s.Power.Method + " (λ " + n(s.Power.Lambda) + ")"
	case s.Clip != nil:
		return "clip (" + open(s.Clip.Min) + " to " + open(s.Clip.Max) + ")"
	case s.Bin != nil:
		return fmt.Sprintf("bin (%d intervals)", len(s.Bin.Edges)+1)
	case s.Missing != nil:
		return "is missing"
	case s.OneHot != nil:
		return fmt.Sprintf("one_hot (%d columns)", len(s.OneHot.Categories))
	case s.Ordinal != nil:
		return fmt.Sprintf("ordinal (%d categories)", len(s.Ordinal.Categories))
	case s.Values != nil && s.Values.Of == "target":
		return fmt.Sprintf("target_encode (%d categories, overall %s)", len(s.Values.Values), n(s.Values.Other))
	case s.Values != nil:
		return fmt.Sprintf("frequency (%d categories)", len(s.Values.Values))
	case s.Hash != nil:
		return fmt.Sprintf("hash (%d columns)", 1<<s.Hash.Bits)
	case s.TextLength != nil:
		return "text_length"
	case s.NGrams != nil:
		return fmt.Sprintf("ngrams (%d to %d characters, %d columns)", s.NGrams.Min, s.NGrams.Max, 1<<s.NGrams.Bits)
	case s.Expr != nil:
		return s.Expr.Formula
	}
	words := s.DatePart.Part
	if s.DatePart.Cycle != "" {
		words = s.DatePart.Cycle + " of " + words
	}
	return words
}
