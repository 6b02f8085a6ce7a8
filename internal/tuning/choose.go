package tuning

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Scored is a trial with its score on each fold it was fitted on.
type Scored struct {
	Trial  Trial     `json:"trial"`
	Scores []float64 `json:"scores"`
	State  State     `json:"state"`
	Share  float64   `json:"share"` // of the training rows it was last fitted on
}

// Mean is the mean score over the folds, NaN without folds.
func (s Scored) Mean() float64 {
	sum := 0.0
	for _, x := range s.Scores {
		sum += x
	}
	return sum / float64(len(s.Scores))
}

// Choose returns the best finished trial of each kind by mean score, in order of
// trial. A tie goes to the earlier trial. TrainingFailed if no trial but the
// baseline has finished.
func Choose(all []Scored, metric string) ([]Scored, error) {
	var best []Scored
	learned := false
	for _, s := range all {
		if s.State != Finished || !finite(s.Mean()) {
			continue
		}
		learned = learned || s.Trial.Kind != "baseline"
		best = challenge(best, s, metric)
	}
	if !learned {
		return nil, fault.New(fault.TrainingFailed, "none of %d trials has a finite %s in cross-validation", len(all)-1, metric).
			WithRemedy("look at the trials' warnings; check the target and the features for extreme values")
	}
	return best, nil
}

func challenge(best []Scored, s Scored, metric string) []Scored {
	for i := range best {
		if best[i].Trial.Kind != s.Trial.Kind {
			continue
		}
		if pipeline.Better(metric, s.Mean(), best[i].Mean()) {
			best[i] = s
		}
		return best
	}
	return append(best, s)
}

// Best returns the first of the best, which must not be empty.
func Best(scored []Scored, metric string) Scored {
	best := scored[0]
	for _, s := range scored[1:] {
		if pipeline.Better(metric, s.Mean(), best.Mean()) {
			best = s
		}
	}
	return best
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
