package onnx

import (
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
)

// text encodes a text as the code of its category, then as indicators or as a
// number. Imputation folds into the encoder: it is what "" maps to.
func (g *graph) text(c *feature.Chain) (string, int, error) {
	steps := c.Steps
	filled := ""
	if len(steps) > 0 && steps[0].Impute != nil && steps[0].Impute.Text != nil {
		filled, steps = *steps[0].Impute.Text, steps[1:]
	}
	if len(steps) == 0 {
		return "", 0, inexpressible(c, "a text column must have an encoder, after at most one impute")
	}
	s, rest := &steps[0], steps[1:]
	switch {
	case s.OneHot != nil && len(rest) == 0:
		return g.oneHot(c, s.OneHot, filled)
	case s.Missing != nil && len(rest) == 0:
		return g.toDouble(g.encode(c.Column, []string{""}, []int64{1}, 0)), 1, nil
	case s.Ordinal != nil && s.Ordinal.Unknown != "error":
		const none = -2 // no category and not unknown
		code := g.encode(c.Column, append([]string{""}, s.Ordinal.Categories...), append([]int64{none}, counting(len(s.Ordinal.Categories))...), -1, filled)
		x := g.toDouble(code)
		if filled == "" {
			x = g.op("Where", g.op("Equal", code, g.int(none)), g.float(math.NaN()), x)
		}
		return g.number(c, x, rest)
	case s.Values != nil && s.Values.Unknown != "error":
		v := s.Values
		n := int64(len(v.Values))
		code := g.encode(c.Column, append([]string{""}, v.Categories...), append([]int64{n}, counting(len(v.Values))...), n+1, filled)
		values := append(append([]float64{}, v.Values...), v.Missing, v.Other)
		return g.number(c, g.op("Gather", g.floats([]int64{n + 2}, values...), code), rest)
	case s.Hash != nil, s.NGrams != nil:
		return "", 0, inexpressible(c, "ONNX has no hash of a text")
	case s.TextLength != nil:
		return "", 0, inexpressible(c, "ONNX has no length of a text")
	case s.Ordinal != nil, s.Values != nil:
		return "", 0, inexpressible(c, "an ONNX graph cannot refuse a text it does not know (unknown: error)")
	}
	return "", 0, inexpressible(c, "a text column must have an encoder, after at most one impute")
}

func (g *graph) oneHot(c *feature.Chain, h *feature.OneHotState, filled string) (string, int, error) {
	width := len(h.Categories)
	if h.Unknown == "error" {
		return "", 0, inexpressible(c, "an ONNX graph cannot refuse a text it does not know (unknown: error)")
	}
	if width == 0 {
		return "", 0, nil
	}
	other, own := int64(frame.MissingCode), h.Categories
	if h.Shared {
		other, own = int64(width-1), h.Categories[:width-1]
	}
	keys, codes := []string{""}, []int64{other}
	for i, category := range own {
		if category == "" {
			return "", 0, inexpressible(c, "the empty text is a category, and also stands for missing")
		}
		keys, codes = append(keys, category), append(codes, int64(i))
	}
	unknown := other
	if h.Unknown == "ignore" {
		unknown = int64(frame.MissingCode)
		for _, category := range h.Known {
			keys, codes = append(keys, category), append(codes, other)
		}
	}
	out := g.indicators(g.encode(c.Column, keys, codes, unknown, filled), 0, width)
	g.note(out, fmt.Sprintf(stepNote, len(c.Steps)-1, c.Name))
	return out, width, nil
}

// encode maps texts to codes, all others to unknown. The first key is "", which
// stands for missing: if it is filled with another text, it has the code of that.
func (g *graph) encode(column string, keys []string, codes []int64, unknown int64, filled ...string) string {
	if len(filled) > 0 && filled[0] != "" {
		codes[0] = unknown
		for i, key := range keys {
			if i > 0 && key == filled[0] {
				codes[0] = codes[i]
			}
		}
	}
	return g.node("LabelEncoder", []string{column}, textsAttribute("keys_strings", keys), intsAttribute("values_int64s", codes), intAttribute("default_int64", unknown))
}

func counting(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}
