package profile

import (
	"math"

	"github.com/esteira-ml/esteira/internal/drift"
)

// in is the column as it was in an earlier profile, nil if that is nil or has none
// of the name and type.
func (c *Column) in(previous *Profile) *Column {
	if previous == nil {
		return nil
	}
	if then := previous.Column(c.Name); then != nil && then.Type == c.Type {
		return then
	}
	return nil
}

// against sets a column beside what it was, unless then is nil: numbers and times
// by now, their counts in its bins; texts by the values that both list and the rest
// together. Missing values are part of both.
func (c *Column) against(then *Column, now []float64) {
	if then == nil {
		return
	}
	p, q := now, []float64(nil)
	switch {
	case c.Type == "text":
		p, q = sharedTexts(c, then)
	case then.Bins == nil:
		return
	default:
		for _, n := range then.Bins.Counts {
			q = append(q, float64(n))
		}
	}
	p, q = append(p, float64(c.Missing)), append(q, float64(then.Missing))
	if d := drift.JensenShannon(p, q); !math.IsNaN(d) {
		c.Drift = new(round(d))
	}
}

func sharedTexts(now, then *Column) (p, q []float64) {
	before := map[string]int64{}
	for _, v := range then.Top {
		before[v.Value] = v.Count
	}
	restNow, restThen := now.Count, then.Count
	for _, v := range now.Top {
		if n, both := before[v.Value]; both {
			p, q = append(p, float64(v.Count)), append(q, float64(n))
			restNow, restThen = restNow-v.Count, restThen-n
		}
	}
	// A text that only one of the two lists is new, or gone, if the other lists
	// all it has; otherwise it may be among the other's rest.
	if now.Distinct <= int64(len(now.Top)) && then.Distinct <= int64(len(then.Top)) {
		return append(p, float64(restNow), 0), append(q, 0, float64(restThen))
	}
	return append(p, float64(restNow)), append(q, float64(restThen))
}
