package metadata

import (
	"context"
	"encoding/json"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// RunFacts is a run with all that is known of it.
type RunFacts struct {
	Rollout *Rollout `json:"rollout,omitempty"` // of the model it made, if it came so far
	Run     Run      `json:"run"`
	// ProblemDigest names what Run.ProblemVersion counts: the version of the problem
	// that the run answered, as the model card does. Empty: it was not defined.
	ProblemDigest string `json:"problem_digest,omitempty"`

	Steps   []Step       `json:"steps"`
	Checks  []Check      `json:"checks,omitempty"`
	Metrics []RealMetric `json:"metrics,omitempty"`
	Gates   []RealGate   `json:"gates,omitempty"`
}

// RealMetric is a metric whose value JSON can say, whatever it is.
type RealMetric struct {
	Metric
	Value Real `json:"value"`
}

// RealGate is a gate whose numbers JSON can say, whatever they are.
type RealGate struct {
	Gate
	Value Real `json:"value"`
	Bound Real `json:"bound"`
}

// Real is a number that is "NaN", "Infinity" or "-Infinity" where JSON has no number.
type Real float64

// MarshalJSON implements json.Marshaler.
func (r Real) MarshalJSON() ([]byte, error) {
	switch x := float64(r); {
	case math.IsNaN(x):
		return []byte(`"NaN"`), nil
	case math.IsInf(x, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(x, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(float64(r))
}

// RunFacts returns a run with its steps, checks, metrics, gates and rollout, or
// NotFound.
func (db *DB) RunFacts(ctx context.Context, id string) (f RunFacts, err error) {
	if f.Run, err = db.Run(ctx, id); err != nil {
		return f, err
	}
	if f.ProblemDigest, err = db.problemDigest(ctx, f.Run.Pipeline, f.Run.ProblemVersion); err != nil {
		return f, err
	}
	if f.Steps, err = db.Steps(ctx, id); err != nil {
		return f, err
	}
	if f.Steps == nil {
		f.Steps = []Step{}
	}
	if f.Checks, err = db.Checks(ctx, id); err != nil {
		return f, err
	}
	metrics, err := db.Metrics(ctx, id)
	if err != nil {
		return f, err
	}
	for _, m := range metrics {
		f.Metrics = append(f.Metrics, RealMetric{m, Real(m.Value)})
	}
	gates, err := db.Gates(ctx, id)
	if err != nil {
		return f, err
	}
	for _, g := range gates {
		f.Gates = append(f.Gates, RealGate{g, Real(g.Value), Real(g.Bound)})
	}
	r, err := db.Rollout(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return f, nil
	}
	f.Rollout = &r
	return f, err
}
