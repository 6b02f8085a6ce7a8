package model

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

var learners = map[string]Learner{
	"baseline":    baseline{},
	boostedKind:   boosted{},
	"elastic_net": elasticNet,
	"lasso":       lasso,
	"logistic":    logistic{},
	"ols":         ols{},
	"poisson":     poisson{},
	"ridge":       ridge{},
}

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

// check refuses numbers out of their range, and options other than those named.
func check(kind string, s Settings, known []Parameter, options ...string) error {
	for _, name := range sortedKeys(s.Params) {
		v, k := s.Params[name], find(known, name)
		if k == nil {
			e := fault.New(fault.PipelineInvalid, "%s has no parameter %q", kind, name)
			if len(known) == 0 {
				return e.WithRemedy("remove it: %s has no parameters", kind)
			}
			return e.WithRemedy("use any of %s", strings.Join(names(known), ", "))
		}
		if !k.Accepts(v) {
			return fault.New(fault.PipelineInvalid, "%s of %s is %v", name, kind, v).WithRemedy("use %s", k.Range())
		}
	}
	for _, name := range s.Options.Given() {
		if !slices.Contains(options, name) {
			return fault.New(fault.PipelineInvalid, "%s has no option %q", kind, name).WithRemedy("remove it")
		}
	}
	return nil
}

// oneOf refuses a value of an option that is not among those known.
func oneOf(kind, option, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return fault.New(fault.PipelineInvalid, "%s of %s is %q", option, kind, value).WithRemedy("use one of %s", strings.Join(known, ", "))
}

// numbersOnly refuses classes.
func numbersOnly(kind string, classes int) error {
	if classes == 0 {
		return nil
	}
	return fault.New(fault.PipelineInvalid, "%s predicts numbers, not classes", kind).WithRemedy("use logistic for binary and multiclass problems")
}

// Accepts reports whether v is in range.
func (k Parameter) Accepts(v float64) bool {
	return v >= k.Low && v <= k.High && (!k.Whole || v == math.Trunc(v))
}

// Range says in words what Accepts accepts.
func (k Parameter) Range() string {
	number := "a number"
	if k.Whole {
		number = "a whole number"
	}
	return fmt.Sprintf("%s from %v to %v", number, k.Low, k.High)
}

// Given names the options that are set.
func (o Options) Given() []string {
	given := o.Words()
	for i, word := range given {
		given[i], _, _ = strings.Cut(word, "=")
	}
	return given
}

// Words are the options that are set, as people read them: "penalty=l1".
func (o Options) Words() []string {
	var words []string
	for _, option := range []struct{ name, value string }{
		{"loss", o.Loss}, {"growth", o.Growth}, {"penalty", o.Penalty}, {"class_weight", o.ClassWeight}, {"monotone", o.monotone()},
	} {
		if option.value != "" {
			words = append(words, option.name+"="+option.value)
		}
	}
	return words
}

func (o Options) monotone() string {
	var parts []string
	for _, name := range sortedKeys(o.Monotone) {
		parts = append(parts, fmt.Sprintf("%s:%+d", name, o.Monotone[name]))
	}
	return strings.Join(parts, ",")
}

func (p Params) get(name string, known []Parameter) float64 {
	if v, ok := p[name]; ok {
		return v
	}
	return find(known, name).Default
}

func find(known []Parameter, name string) *Parameter {
	for i := range known {
		if known[i].Name == name {
			return &known[i]
		}
	}
	return nil
}

func names(known []Parameter) []string {
	out := make([]string, len(known))
	for i, k := range known {
		out[i] = k.Name
	}
	return out
}

func sortedKeys[M ~map[string]V, V any](m M) []string {
	return slices.Sorted(maps.Keys(m)) //workflowcheck:ignore sorted before use
}
