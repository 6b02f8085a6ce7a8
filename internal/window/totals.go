package window

import (
	"math"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/evaluation"
)

// totals are sums over labelled answers that merge without rounding: the scores that
// are made of them are those of every labelled row, however many there are.
type totals struct {
	Rows     int64        `json:"rows"`
	Cells    []int64      `json:"cells,omitempty"` // of classes, actual × answered
	Loss     *drift.Exact `json:"loss,omitempty"`  // log loss of classes
	Brier    *drift.Exact `json:"brier,omitempty"` // of two classes
	Absolute *drift.Exact `json:"absolute,omitempty"`
	Square   *drift.Exact `json:"square,omitempty"`
	Y        *drift.Exact `json:"y,omitempty"`
	Squares  *drift.Exact `json:"squares,omitempty"` // of Y
	Worst    float64      `json:"worst,omitempty"`
}

// maxCells bounds the classes that are counted against each other.
const maxCells = 100 * 100

// totalsOf sums labelled answers, p of so many classes (0: a regression).
func totalsOf(y, p []float64, classes int) *totals {
	t := &totals{Rows: int64(len(y))}
	if len(y) == 0 {
		return t
	}
	if classes == 0 {
		errs := make([]float64, len(y))
		for i := range y {
			errs[i] = math.Abs(y[i] - p[i])
			t.Worst = max(t.Worst, errs[i])
		}
		t.Absolute, t.Square = drift.Exactly(errs)
		t.Y, t.Squares = drift.Exactly(y)
		return t
	}
	losses, briers := make([]float64, len(y)), make([]float64, 0, len(y))
	if classes*classes <= maxCells {
		t.Cells = make([]int64, classes*classes)
	}
	for i, actual := range y {
		row, best := p[i*classes:(i+1)*classes], bundle.MostProbable(p[i*classes:(i+1)*classes])
		const eps = 0x1p-52 // as evaluation's log_loss
		losses[i] = -math.Log(min(max(row[int(actual)], eps), 1-eps))
		if t.Cells != nil {
			t.Cells[int(actual)*classes+best]++
		}
		if classes == 2 {
			briers = append(briers, (row[1]-actual)*(row[1]-actual))
		}
	}
	if t.Loss, _ = drift.Exactly(losses); classes == 2 {
		t.Brier, _ = drift.Exactly(briers)
	}
	return t
}

// add adds the sums of other rows.
func (t *totals) add(o *totals) {
	t.Rows += o.Rows
	t.Worst = max(t.Worst, o.Worst)
	if t.Cells == nil && o.Cells != nil {
		t.Cells = make([]int64, len(o.Cells))
	}
	for i := range min(len(t.Cells), len(o.Cells)) {
		t.Cells[i] += o.Cells[i]
	}
	for _, one := range []struct{ to, from **drift.Exact }{{&t.Loss, &o.Loss}, {&t.Brier, &o.Brier}, {&t.Absolute, &o.Absolute}, {&t.Square, &o.Square}, {&t.Y, &o.Y}, {&t.Squares, &o.Squares}} {
		if *one.from == nil {
			continue
		}
		if *one.to == nil {
			*one.to = &drift.Exact{}
		}
		(*one.to).Add(*one.from)
	}
}

// counted are the metrics of classes that follow from Cells alone.
var counted = []string{"accuracy", "precision", "recall", "f1", "mcc", "balanced_accuracy", "micro_f1",
	"macro_precision", "macro_recall", "macro_f1", "weighted_precision", "weighted_recall", "weighted_f1"}

// scores are the metrics that are known of every labelled row, by evaluation's names.
func (t *totals) scores(s evaluation.Sample) map[string]float64 {
	out := map[string]float64{}
	if t.Rows == 0 {
		return out
	}
	if s.Classes == 0 {
		out["mae"], out["rmse"] = t.Absolute.Mean(t.Rows), math.Sqrt(t.Square.Mean(t.Rows))
		out["pinball_50"], out["max_error"] = out["mae"]/2, t.Worst
		if d := drift.Deviation(t.Y, t.Squares, t.Rows); d > 0 {
			out["r2"] = 1 - t.Square.Mean(t.Rows)/(d*d)
		}
		return out
	}
	out["log_loss"] = t.Loss.Mean(t.Rows)
	if t.Brier != nil {
		out["brier"] = t.Brier.Mean(t.Rows)
	}
	if t.Cells == nil {
		return out
	}
	// A row for each pair of actual and answered class, weighing as many as there are.
	cells := evaluation.Sample{Task: s.Task, Classes: s.Classes}
	for i, n := range t.Cells {
		if n == 0 {
			continue
		}
		row := make([]float64, s.Classes)
		row[i%s.Classes] = 1
		cells.Y, cells.P, cells.Weights = append(cells.Y, float64(i/s.Classes)), append(cells.P, row...), append(cells.Weights, float64(n))
	}
	all, err := evaluation.ScoreWeighted(cells.Task, cells.Y, cells.P, cells.Weights, cells.Classes)
	if err != nil {
		return out // the sample says why
	}
	for _, name := range counted {
		if v, ok := all.Values[name]; ok {
			out[name] = v
		}
	}
	return out
}
