package window

import (
	"context"
	"math"
	"time"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// errors are those of the labelled answers in [from, to), nil if there are none: how
// far from the value, or 1 for a wrong class.
func (m *collected) errors(from, to time.Time) []byte {
	var at []int64
	var raw []float64
	for i, t := range m.times {
		if t >= from.UnixMicro() && t < to.UnixMicro() {
			at, raw = append(at, t), append(raw, m.errorOf(i))
		}
	}
	if len(at) == 0 {
		return nil
	}
	return drift.ErrorsOf(at, raw, m.unit()).Encode()
}

func (m *collected) errorOf(i int) float64 {
	k := len(m.Bundle.Target.Classes)
	if k == 0 {
		return math.Abs(m.p[i] - m.y[i])
	}
	best := 0
	for c, p := range m.p[i*k : (i+1)*k] {
		if p > m.p[i*k+best] {
			best = c
		}
	}
	if float64(best) == m.y[i] {
		return 0
	}
	return 1
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
	for _, data := range m.parts {
		one, err := drift.DecodeErrors(data)
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
	if o.Training == nil || m.sample.len() < o.MinRows {
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
	into.Together, err = drift.Separate(ctx, rows, m.sample.rows, drift.SeparationOptions{MinRows: o.MinRows, Rows: togetherRows, Seed: 1})
	return err
}
