package evaluation

import (
	"context"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Bounds of the measurement: answers that are timed, after some that are not.
const (
	timedAnswers = 1000
	warmAnswers  = 100
)

// answering is how long one model took to answer single rows, on the machine that
// evaluates: the one figure of an evaluation that is measured and not computed,
// so that it differs from run to run. It is taken only where a gate asks.
type answering struct {
	answers  int
	p50, p95 float64 // microseconds
}

func (a answering) of(percentile string) float64 {
	if percentile == "p50" {
		return a.p50
	}
	return a.p95
}

// latency times answers to rows evenly spaced among f.
func latency(ctx context.Context, p Predictor, f *frame.Frame) (answering, error) {
	rows := evenly(f.Rows, timedAnswers)
	singles := make([]*frame.Frame, len(rows))
	for i, row := range rows {
		singles[i] = f.Take([]int32{row})
	}
	out := make([]float64, p.Outputs())
	took := make([]float64, 0, timedAnswers)
	for i := range timedAnswers + warmAnswers {
		if err := ctx.Err(); err != nil {
			return answering{}, err
		}
		begun := time.Now()
		if err := p.Predict(singles[i%len(singles)], out); err != nil {
			return answering{}, err
		}
		if elapsed := time.Since(begun); i >= warmAnswers {
			took = append(took, float64(elapsed)/float64(time.Microsecond))
		}
	}
	slices.Sort(took)
	return answering{answers: timedAnswers, p50: quantile(took, 0.5), p95: quantile(took, 0.95)}, nil
}
