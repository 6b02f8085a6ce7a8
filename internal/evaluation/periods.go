package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of the metric over time, and the change that is worth a warning: beyond
// chance, and more than a tenth of the metric's size from the first to the last.
const (
	maxPeriods = 16
	minPeriods = 3
	trendShare = 0.1
)

// OverTime is the problem's metric in periods of equal rows, by event time.
type OverTime struct {
	Column  string   `json:"column"`
	Periods []Period `json:"periods"`
	Untimed int      `json:"untimed,omitempty"` // rows without a time
	// Trend is the change of the metric from the first period to the last, by a
	// straight line through the periods.
	Trend   *Difference `json:"trend,omitempty"`
	Warning string      `json:"warning,omitempty"` // it gets worse, beyond chance and by much
}

// Period is a stretch of time.
type Period struct {
	From     int64     `json:"from"` // microseconds since the epoch, of its first and last row
	To       int64     `json:"to"`
	Rows     int       `json:"rows"`
	Score    *float64  `json:"score,omitempty"` // nil where it is undefined
	Interval *Interval `json:"interval,omitempty"`
}

// overTime returns nil where there are too few rows, or no times, for three
// periods.
func (s *slicer) overTime(ctx context.Context, column string) (*OverTime, error) {
	c := s.frame.Column(column)
	if c == nil || c.Kind != frame.Time {
		return nil, nil
	}
	order := make([]int32, 0, s.frame.Rows)
	for i := range s.frame.Rows {
		if !c.Missing(i) {
			order = append(order, int32(i))
		}
	}
	out := &OverTime{Column: column, Untimed: s.frame.Rows - len(order)}
	k := min(len(order)/s.rows, maxPeriods)
	if k < minPeriods {
		return nil, nil
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(c.Times[a], c.Times[b]) })
	drawn := make([]replicates, k)
	for b := range k {
		rows := order[len(order)*b/k : len(order)*(b+1)/k]
		one, draws, err := s.slice(ctx, nil, rows)
		if err != nil {
			return nil, err
		}
		p := Period{From: c.Times[rows[0]], To: c.Times[rows[len(rows)-1]], Rows: len(rows), Interval: one.Interval}
		if v, ok := one.Scores[s.metric]; ok {
			p.Score, drawn[b] = &v, draws
		}
		out.Periods = append(out.Periods, p)
	}
	out.trend(s.metric, drawn)
	return out, nil
}

func (o *OverTime) trend(metric string, drawn []replicates) {
	k := len(o.Periods)
	change := func(value func(b int) (float64, bool)) (float64, bool) {
		slope, norm := 0.0, 0.0
		for b := range k {
			v, ok := value(b)
			if !ok {
				return 0, false
			}
			x := float64(b) - float64(k-1)/2
			slope += x * v
			norm += x * x
		}
		return slope / norm * float64(k-1), true
	}
	value, ok := change(func(b int) (float64, bool) {
		if o.Periods[b].Score == nil {
			return 0, false
		}
		return *o.Periods[b].Score, true
	})
	if !ok {
		return
	}
	mean := 0.0
	for _, p := range o.Periods {
		mean += *p.Score / float64(k)
	}
	o.Trend = &Difference{Value: value, Interval: middle(len(drawn[0]), func(draw int) (float64, bool) {
		return change(func(b int) (float64, bool) {
			v, ok := drawn[b][draw][metric]
			return v, ok
		})
	})}
	i := o.Trend.Interval
	if i == nil || math.Abs(value) < trendShare*math.Abs(mean) {
		return
	}
	if lower := pipeline.LowerIsBetter(metric); lower && i.Low > 0 || !lower && i.High < 0 {
		o.Warning = fmt.Sprintf("%s gets worse over the test rows by %s (95 %% interval %s to %s) from the first period to the last", metric, number(math.Abs(value)), number(min(math.Abs(i.Low), math.Abs(i.High))), number(max(math.Abs(i.Low), math.Abs(i.High))))
	}
}
