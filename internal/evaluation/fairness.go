package evaluation

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Fairness compares how the groups of a column fare. What a group has no rows for
// (a true positive rate without positives) is nil, and left out of the gaps.
//
// Gaps are the largest value of a group minus the smallest, with fairlearn's
// names and definitions:
//
//   - demographic_parity_difference, of the selection rate (binary);
//   - equalized_odds_difference, the larger of the gaps of the true and of the
//     false positive rate (binary; Hardt, Price and Srebro 2016);
//   - error_difference, of the mean absolute error (regression), or of the share
//     of wrong answers (classes).
type Fairness struct {
	Column    string             `json:"column"`
	Threshold *float64           `json:"threshold,omitempty"` // binary: answered positive from here on; nil: the more probable class
	Groups    []Group            `json:"groups"`
	Small     int                `json:"small,omitempty"` // groups with too few rows to speak of
	Gaps      map[string]float64 `json:"gaps,omitempty"`  // of two groups or more
}

// Group is how the rows of one value fare.
type Group struct {
	Name      string   `json:"name"`
	Rows      int      `json:"rows"`
	Selection *float64 `json:"selection_rate,omitempty"`      // binary: share answered positive
	TPR       *float64 `json:"true_positive_rate,omitempty"`  // binary: of the positives
	FPR       *float64 `json:"false_positive_rate,omitempty"` // binary: of the negatives
	Error     float64  `json:"error"`                         // mean absolute error, or share of wrong answers
	Bias      *float64 `json:"bias,omitempty"`                // regression: mean of predicted minus actual
}

func fairness(p *prepared, f *frame.Frame, name string, least int) (*Fairness, error) {
	column := f.Column(name)
	if column == nil {
		return nil, fault.New(fault.ColumnMissing, "the test rows have no column %q to compare groups by", name).WithRemedy("select it in dataset.sql, or mend evaluate.fairness")
	}
	out := &Fairness{Column: name}
	threshold := asServed
	if p.Decision != nil {
		threshold = p.Decision.Threshold
		out.Threshold = &threshold
	}
	g := group(column, f.Rows)
	for i, rows := range g.members() {
		switch {
		case len(rows) == 0:
			continue
		case len(rows) < least:
			out.Small++
			continue
		}
		if one, ok := p.fare(rows, threshold); ok {
			one.Name = g.names[i]
			out.Groups = append(out.Groups, one)
		}
	}
	out.gaps(p.Task)
	return out, nil
}

// fare reports false for rows that all weigh nothing.
func (p *prepared) fare(rows []int32, threshold float64) (Group, bool) {
	one := Group{Rows: len(rows)}
	var c counts
	var weight, wrong, bias float64
	for _, row := range rows {
		i, w := int(row), p.weights[row]
		weight += w
		switch p.Task {
		case pipeline.Regression:
			wrong += w * p.errors[i]
			bias += w * (p.P[i] - p.Y[i])
		case pipeline.Binary:
			positive, answered := p.Y[i] == 1, p.answers(i, threshold)
			c.add(positive, answered, w)
			if positive != answered {
				wrong += w
			}
		default:
			if p.hard[i] != int32(p.Y[i]) {
				wrong += w
			}
		}
	}
	if weight == 0 {
		return one, false
	}
	one.Error = wrong / weight
	switch p.Task {
	case pipeline.Regression:
		one.Bias = new(bias / weight)
	case pipeline.Binary:
		one.Selection = new((c.tp + c.fp) / weight)
		if c.tp+c.fn > 0 {
			one.TPR = new(c.recall())
		}
		if c.fp+c.tn > 0 {
			one.FPR = new(c.fp / (c.fp + c.tn))
		}
	}
	return one, true
}

func (f *Fairness) gaps(task pipeline.Task) {
	gap := func(of func(Group) *float64) (float64, bool) {
		low, high, n := math.Inf(1), math.Inf(-1), 0
		for _, g := range f.Groups {
			if v := of(g); v != nil {
				low, high, n = min(low, *v), max(high, *v), n+1
			}
		}
		return high - low, n > 1
	}
	f.Gaps = map[string]float64{}
	if v, ok := gap(func(g Group) *float64 { return &g.Error }); ok {
		f.Gaps["error_difference"] = v
	}
	if task == pipeline.Binary {
		if v, ok := gap(func(g Group) *float64 { return g.Selection }); ok {
			f.Gaps["demographic_parity_difference"] = v
		}
		tpr, ok := gap(func(g Group) *float64 { return g.TPR })
		fpr, ok2 := gap(func(g Group) *float64 { return g.FPR })
		if ok && ok2 {
			f.Gaps["equalized_odds_difference"] = max(tpr, fpr)
		}
	}
	if len(f.Gaps) == 0 {
		f.Gaps = nil
	}
}
