package tuning

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Trial is one point of the search.
type Trial struct {
	ID      int           `json:"id"` // its place in the search, from 0; the baseline is 0
	Kind    string        `json:"kind"`
	Params  model.Params  `json:"params,omitempty"`
	Options model.Options `json:"options,omitzero"`
}

// String is the trial as people read it: "logistic C=0.1".
func (t Trial) String() string {
	var b strings.Builder
	b.WriteString(t.Kind)
	for _, name := range sorted(t.Params) {
		b.WriteString(fmt.Sprintf(" %s=%g", name, t.Params[name])) // workflowcheck follows Fprintf into its writer
	}
	return b.String()
}

// Trials lists the baseline and the points of every candidate's grid: candidates
// in the file's order, parameters by name, the last name turning fastest.
//
// Errors are PipelineInvalid: more than pipeline.MaxTrials, an unknown kind, a parameter
// out of its range.
func Trials(train pipeline.Train, task pipeline.Task) ([]Trial, error) {
	trials := []Trial{{Kind: "baseline"}}
	for _, c := range train.Candidates {
		points := []model.Params{nil}
		for _, name := range sorted(c.Grid) {
			points = cross(points, name, c.Grid[name])
			if len(trials)+len(points) > pipeline.MaxTrials {
				return nil, fault.New(fault.PipelineInvalid, "the grids ask for more than %d trials", pipeline.MaxTrials).WithRemedy("give fewer values in train.candidates")
			}
		}
		learner, err := model.For(c.Kind)
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			if err := learner.Check(task.LeastClasses(), model.Settings{Params: p, Options: c.Options}); err != nil {
				return nil, err
			}
			trials = append(trials, Trial{ID: len(trials), Kind: c.Kind, Params: p, Options: c.Options})
		}
	}
	return trials, nil
}

// sorted returns the names in order, so that the workflow that asks for trials
// gets the same ones on every replay.
func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	//workflowcheck:ignore
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func cross(points []model.Params, name string, values []float64) []model.Params {
	out := make([]model.Params, 0, len(points)*len(values))
	for _, p := range points {
		for _, v := range values {
			next := maps.Clone(p)
			if next == nil {
				next = model.Params{}
			}
			next[name] = v
			out = append(out, next)
		}
	}
	return out
}
