package tuning

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Trial is one point of the search.
type Trial struct {
	ID      int           `json:"id"` // its place in the search, from 0; the baseline is 0
	Kind    string        `json:"kind"`
	Params  model.Params  `json:"params,omitempty"`
	Options model.Options `json:"options,omitzero"`

	// External is who trains it, nil for kinds of our own; Kind is then its name.
	External *pipeline.External `json:"external,omitempty"`
}

// String is the trial as people read it: "logistic C=0.1 penalty=l1".
func (t Trial) String() string { return strings.TrimSpace(t.Kind + " " + t.Settings()) }

// Settings are all that makes the trial but its kind: "C=0.1 penalty=l1".
func (t Trial) Settings() string {
	var words []string
	for _, name := range sorted(t.Params) {
		words = append(words, fmt.Sprintf("%s=%g", name, t.Params[name]))
	}
	return strings.Join(append(words, t.Options.Words()...), " ")
}

// check refuses a space with a point that its learner would refuse: every corner
// is tried, one dimension at a time.
func (s space) check(task pipeline.Task) error {
	if s.candidate.External != nil {
		return nil // only its trainer knows
	}
	learner, err := model.For(s.candidate.Kind)
	if err != nil {
		return err
	}
	refused := func(p model.Params) error {
		return learner.Check(task.LeastClasses(), model.Settings{Params: p, Options: s.candidate.Options})
	}
	if err := refused(nil); err != nil {
		return err
	}
	for _, d := range s.dimensions {
		ends := d.choices
		if ends == nil {
			ends = []float64{d.low, d.high}
		}
		for _, v := range ends {
			if err := refused(model.Params{d.name: v}); err != nil {
				return err
			}
		}
	}
	return nil
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
