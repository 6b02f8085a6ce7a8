package model

import (
	"cmp"
	"slices"
)

// Gain is what the splits of boosted trees on one feature of their matrix did.
type Gain struct {
	Feature string  `json:"feature"`
	Share   float64 `json:"share"` // of the training loss that all splits saved
	Splits  int     `json:"splits"`
}

// Gains lists the features that some tree splits on, the greatest share first: the
// gain of Friedman (2001), as XGBoost's total_gain and LightGBM's gain have it. Shares
// add up to 1. It is nil for a model that is no boosted trees.
func Gains(m Model) []Gain {
	b, ok := m.(*Boosted)
	if !ok {
		return nil
	}
	var out []Gain
	total := 0.0
	for j, i := range b.Trees.Importances() {
		if total += i.Gain; i.Splits > 0 {
			out = append(out, Gain{b.Trees.Features[j].Name, i.Gain, i.Splits})
		}
	}
	for i := range out {
		out[i].Share /= max(total, 1e-300)
	}
	slices.SortStableFunc(out, func(a, b Gain) int { return cmp.Compare(b.Share, a.Share) })
	return out
}
