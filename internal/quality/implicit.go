package quality

import (
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Implicit returns the rules every dataset must satisfy to be learnt from: at
// least one row, a target, weights that can weigh, and finite numbers. They come
// before the file's own.
// A finite rule that the file has for a column takes the place of the implicit
// one, with its severity. Rows to be answered (serving) must not have a target.
func Implicit(p pipeline.Pipeline, schema pipeline.Schema) []pipeline.Rule {
	one := 1.0
	rules := []pipeline.Rule{
		{RowCount: &pipeline.Range{Min: &one}, OnFail: pipeline.Stop},
		{Column: p.Problem.Target, NotNull: true, OnFail: pipeline.Quarantine, Environment: pipeline.Training},
		{Column: p.Problem.Target, Absent: true, OnFail: pipeline.Stop, Environment: pipeline.Serving},
	}
	if w := p.Problem.Weight; w != "" {
		rules = append(rules,
			pipeline.Rule{Column: w, NotNull: true, OnFail: pipeline.Quarantine, Environment: pipeline.Training},
			pipeline.Rule{Column: w, Range: &pipeline.Range{Min: new(0.0)}, OnFail: pipeline.Quarantine, Environment: pipeline.Training})
	}
	own := map[string]bool{}
	for _, r := range p.Validation {
		own[r.Column] = own[r.Column] || r.Finite
	}
	for _, c := range schema {
		regressed := c.Name == p.Problem.Target && p.Problem.Task == pipeline.Regression
		if table.IsFloat(c) && (regressed || !own[c.Name]) {
			rules = append(rules, pipeline.Rule{Column: c.Name, Finite: true, OnFail: pipeline.Quarantine})
		}
	}
	return rules
}

// For returns the rules of a pipeline, implicit ones first, that hold in an
// environment. Rules about the target speak of training only, whether they say
// so or not.
func For(p pipeline.Pipeline, schema pipeline.Schema, e pipeline.Environment) []pipeline.Rule {
	var out []pipeline.Rule
	for _, r := range append(Implicit(p, schema), p.Validation...) {
		ofTarget := r.Column == p.Problem.Target && !r.Absent
		if r.Holds(e) && !r.OfSplits() && (e == pipeline.Training || !ofTarget) {
			out = append(out, r)
		}
	}
	return out
}
