package model

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

var learners = map[string]Learner{"baseline": baseline{}, "logistic": logistic{}, "ols": ols{}}

// Kinds returns the kinds of learners, sorted.
func Kinds() []string { return sortedKeys(learners) }

// For returns the learner of a kind; PipelineInvalid if there is none.
func For(kind string) (Learner, error) {
	l, ok := learners[kind]
	if !ok {
		return nil, fault.New(fault.PipelineInvalid, "no model of kind %q", kind).WithRemedy("use one of %s", strings.Join(Kinds(), ", "))
	}
	return l, nil
}

// parameter is the default and the inclusive range of a hyperparameter.
type parameter struct {
	fallback, low, high float64
	whole               bool
}

func check(kind string, p Params, known map[string]parameter) error {
	for _, name := range sortedKeys(p) {
		v := p[name]
		k, ok := known[name]
		if !ok {
			e := fault.New(fault.PipelineInvalid, "%s has no parameter %q", kind, name)
			if len(known) == 0 {
				return e.WithRemedy("remove it: %s has no parameters", kind)
			}
			return e.WithRemedy("use any of %s", strings.Join(sortedKeys(known), ", "))
		}
		number := "a number"
		if k.whole {
			number = "a whole number"
		}
		if !(v >= k.low && v <= k.high) || k.whole && v != math.Trunc(v) {
			return fault.New(fault.PipelineInvalid, "%s of %s is %v", name, kind, v).WithRemedy("use %s from %v to %v", number, k.low, k.high)
		}
	}
	return nil
}

func (p Params) get(name string, known map[string]parameter) float64 {
	if v, ok := p[name]; ok {
		return v
	}
	return known[name].fallback
}

func sortedKeys[M ~map[string]V, V any](m M) []string {
	return slices.Sorted(maps.Keys(m)) //workflowcheck:ignore sorted before use
}
