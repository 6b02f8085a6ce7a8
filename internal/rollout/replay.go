package rollout

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// maxExamples bounds the examples of a replay.
const maxExamples = 5

// Replayed is what came of scoring requests of the past.
type Replayed struct {
	Rows     int       `json:"rows"`
	Refused  int       `json:"refused"`
	Why      string    `json:"why,omitempty"`     // the first refusal
	Changed  int       `json:"changed,omitempty"` // classes: rows that got another
	Mean     float64   `json:"mean"`              // distance of the answers; classes: of the given class's probability
	P50      float64   `json:"p50"`
	P99      float64   `json:"p99"`
	Max      float64   `json:"max"`
	Spread   float64   `json:"spread,omitempty"`   // regression: standard deviation of the answers given
	Examples []Example `json:"examples,omitempty"` // the greatest distances
	Breach   string    `json:"breach,omitempty"`

	distances []float64
	given     []float64
	task      pipeline.Task
}

// Example is one answer given and the one that would be. What was asked is found by
// the id: esteira trace.
type Example struct {
	Prediction string  `json:"prediction"`
	Was        string  `json:"was"`
	Now        string  `json:"now"`
	Distance   float64 `json:"distance"`
}

// NewReplayed returns one without rows.
func NewReplayed(task pipeline.Task) *Replayed { return &Replayed{task: task} }

// Refuse counts a row that the version cannot answer.
func (r *Replayed) Refuse(why string) {
	r.Rows++
	r.Refused++
	if r.Why == "" {
		r.Why = why
	}
}

// Add compares an answer given with the outputs of the version: the value, or the
// probabilities of the classes.
func (r *Replayed) Add(id string, was json.RawMessage, out []float64, classes []string) {
	var given answer
	if json.Unmarshal(was, &given) != nil || given.Prediction == nil && given.Label == nil {
		r.Refuse("the answer given is not in the log")
		return
	}
	r.Rows++
	e := Example{Prediction: id}
	if given.Prediction != nil && len(classes) == 0 {
		e.Was, e.Now, e.Distance = Number(*given.Prediction), Number(out[0]), math.Abs(out[0]-*given.Prediction)
		r.given = append(r.given, *given.Prediction)
	} else {
		best, now := 0, 0.0
		for i, p := range out {
			if p > out[best] {
				best = i
			}
			if given.Label != nil && i < len(classes) && classes[i] == *given.Label {
				now = p
			}
		}
		if given.Label != nil && best < len(classes) {
			e.Was, e.Now = *given.Label, classes[best]
			e.Distance = math.Abs(now - given.Probabilities[*given.Label])
		} else {
			e.Distance = 1
		}
		if e.Was != e.Now {
			r.Changed++
		}
	}
	e.Distance = finite(e.Distance)
	r.distances = append(r.distances, e.Distance)
	at, _ := slices.BinarySearchFunc(r.Examples, e, func(a, b Example) int {
		switch {
		case a.Distance > b.Distance:
			return -1
		case a.Distance < b.Distance:
			return 1
		}
		return 0
	})
	if at < maxExamples && e.Distance > 0 {
		r.Examples = slices.Insert(r.Examples, at, e)
		r.Examples = r.Examples[:min(len(r.Examples), maxExamples)]
	}
}

// Judge completes the figures and holds them against the bounds.
func (r *Replayed) Judge(rules pipeline.Replay) {
	if n := len(r.distances); n > 0 {
		slices.Sort(r.distances)
		r.Mean, _ = moments(r.distances)
		r.Mean = finite(r.Mean)
		r.P50, r.P99, r.Max = quantile(r.distances, 0.5), quantile(r.distances, 0.99), r.distances[n-1]
	}
	if len(r.given) > 1 {
		_, v := moments(r.given)
		r.Spread = finite(math.Sqrt(v))
	}
	if r.Rows == 0 {
		return
	}
	if share := float64(r.Refused) / float64(r.Rows); share > *rules.MaxRefused {
		r.Breach = fmt.Sprintf("%d of %d rows are refused (%s), at most %s of them may be", r.Refused, r.Rows, r.Why, Number(*rules.MaxRefused))
		return
	}
	if m := rules.MaxDifference; m != nil && len(r.distances) > 0 {
		switch {
		case r.task == pipeline.Regression && r.Mean > *m*r.Spread:
			r.Breach = fmt.Sprintf("answers differ by %s in the mean, %s standard deviations are allowed: %s", Number(r.Mean), Number(*m), Number(*m*r.Spread))
		case r.task != pipeline.Regression && float64(r.Changed)/float64(len(r.distances)) > *m:
			r.Breach = fmt.Sprintf("%d of %d rows get another class, at most %s of them may", r.Changed, len(r.distances), Number(*m))
		}
	}
}

// Figure says what came out, in one line.
func (r *Replayed) Figure(q Question) string {
	switch {
	case r.Rows == 0:
		return "no request of the live version is in the log"
	case q.Task == pipeline.Regression:
		return fmt.Sprintf("%d rows, %d refused; answers differ by %s in the mean, %s at most", r.Rows, r.Refused, Number(r.Mean), Number(r.Max))
	}
	return fmt.Sprintf("%d rows, %d refused; %d get another class", r.Rows, r.Refused, r.Changed)
}
