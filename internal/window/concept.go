package window

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// deviations are how far labelled answers were from the truth, in any order.
type deviations struct {
	at  []int64 // microseconds
	raw []float64
}

// deviation is how far an answer is from the truth: the distance, or 1 for a wrong
// class.
func (a *answers) deviation(y float64, answer []float64) float64 {
	if len(a.target.Classes) == 0 {
		return math.Abs(answer[0] - y)
	}
	if float64(bundle.MostProbable(answer)) == y {
		return 0
	}
	return 1
}

func (d *deviations) add(at int64, raw float64) { d.at, d.raw = append(d.at, at), append(d.raw, raw) }

// append adds those of other answers.
func (d *deviations) append(o *deviations) {
	d.at, d.raw = append(d.at, o.at...), append(d.raw, o.raw...)
	if len(d.at) >= 2*maxLabelled {
		d.settle()
	}
}

// settle puts them in order of time, and leaves no more than the first maxLabelled.
func (d *deviations) settle() {
	order := make([]int32, len(d.at))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Or(cmp.Compare(d.at[i], d.at[j]), cmp.Compare(d.raw[i], d.raw[j])) })
	order = order[:min(maxLabelled, len(order))]
	before := *d
	*d = deviations{make([]int64, len(order)), make([]float64, len(order))}
	for k, i := range order {
		d.at[k], d.raw[k] = before.at[i], before.raw[i]
	}
}

// unit is the deviation of errors as it was on the test rows: of |error| by mae and
// rmse, of 0 and 1 by the accuracy; where the bundle has no scores, that of the
// answers.
func (m *collected) unit() float64 {
	test := m.Bundle.Metrics.Test
	if m.Bundle.Target.Task != pipeline.Regression {
		wrong := .2
		if accuracy, ok := test["accuracy"]; ok {
			wrong = min(max(1-accuracy, .02), .5)
		}
		return math.Sqrt(wrong * (1 - wrong))
	}
	mae, rmse := test["mae"], test["rmse"]
	if unit := math.Sqrt(max(rmse*rmse-mae*mae, mae*mae/100)); unit > 0 && unit < math.MaxFloat64 {
		return unit
	}
	if c := m.Bundle.Baseline.Reference.Column("prediction"); c != nil && c.Deviation() > 0 {
		return c.Deviation()
	}
	return 1
}

// concept looks for changes of the error in the windows before and in this one.
func (m *collected) concept(o Options, into *ModelMeasure) error {
	var parts []*drift.Errors
	if o.Errors != nil {
		before, err := o.Errors(m.Model)
		if err != nil {
			return err
		}
		parts = before
	}
	for _, slot := range slices.SortedFunc(maps.Keys(m.parts), time.Time.Compare) {
		one, err := drift.DecodeErrors(m.parts[slot])
		if err != nil {
			return err
		}
		parts = append(parts, one)
	}
	into.Concept = drift.FindConcept(parts, m.unit())
	return nil
}

// togetherRows are drawn of either side.
const togetherRows = 5000

// together lets trees tell the rows of the window from training rows.
func (m *collected) together(ctx context.Context, o Options, into *ModelMeasure) error {
	if o.Training == nil || m.read() < int64(o.MinRows) {
		into.Notes = append(into.Notes, "rows are not told from training rows: too few, or none are at hand")
		return nil
	}
	rows, why, err := o.Training(m.Model)
	if err != nil {
		return err
	}
	if rows == nil {
		into.Notes = append(into.Notes, "rows are not told from training rows: "+why)
		return nil
	}
	into.Together, err = drift.Separate(ctx, rows, m.drawn.Rows, drift.SeparationOptions{MinRows: o.MinRows, Rows: togetherRows, Seed: 1})
	return err
}
