package profile

import (
	"math"

	"github.com/esteira-ml/esteira/internal/drift"
)

// against sets a column beside that of the previous profile: numbers and times
// in the previous one's bins, texts by the values that both list and the rest
// together; missing values are part of both.
func (c *Column) against(previous *Profile) {
	if previous == nil {
		return
	}
	then := previous.Column(c.Name)
	if then == nil || then.Type != c.Type {
		return
	}
	var p, q []float64
	switch {
	case c.Type == "text":
		p, q = sharedTexts(c, then)
	case then.Bins == nil || c.list == nil:
		return
	default:
		p = then.Bins.into(c.list)
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
