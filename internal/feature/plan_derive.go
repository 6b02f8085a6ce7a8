package feature

import (
	"errors"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/expression"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func planExpr(columns []string, apply []pipeline.Transform, kind func(string) frame.Kind) ([]planned, error) {
	e := *apply[0].Expr
	refuse := refusal(e.Name)
	if e.Name == "" {
		return nil, refuse.because("give expr a name", "a formula has no name")
	}
	formula, err := expression.Parse(e.Formula)
	var mistake *expression.Error
	if errors.As(err, &mistake) {
		return nil, refuse.because(mistake.Remedy, "the formula %q, %s", e.Formula, mistake)
	}
	for _, name := range formula.Columns {
		if !slices.Contains(columns, name) {
			return nil, refuse.because("name it in columns", "the formula reads %q, which is not among the entry's columns", name)
		}
		if k := kind(name); k != frame.Number {
			return nil, refuse.because("encode it on its own, or derive a number in dataset.sql", "the formula reads %q, which is a %s", name, k)
		}
	}
	if len(formula.Columns) != len(columns) {
		return nil, refuse.because("list the columns the formula reads", "the formula reads %d of the entry's %d columns", len(formula.Columns), len(columns))
	}
	o := planned{name: e.Name, columns: formula.Columns, kind: frame.Number, steps: apply[:1:1]}
	return planOne(o, apply[1:], refuse)
}

// planProducts adds the products of each two outputs, in scikit-learn's order.
func planProducts(outputs []planned, p pipeline.Polynomial) ([]planned, error) {
	var bases []planned
	for _, o := range outputs {
		refuse := refusal(o.name)
		last := pipeline.Transform{}
		if len(o.steps) > 0 {
			last = o.steps[len(o.steps)-1]
		}
		if last.Block() || last.DateParts != nil {
			return nil, refuse.because("use ordinal, frequency or target_encode, or parts that stay numbers", "polynomial multiplies numbers, and this is a block of indicators")
		}
		if !o.indicator {
			bases = append(bases, o)
		}
	}
	if len(bases) > maxPolynomial {
		return nil, refusal(bases[0].name).because("list fewer columns", "polynomial of %d columns has too many products", len(bases))
	}
	for i, a := range bases {
		for j := i; j < len(bases); j++ {
			o := planned{name: a.name + "^2", factors: []string{a.name, bases[j].name}, kind: frame.Number}
			if i != j {
				o.name = a.name + " " + bases[j].name
			} else if p.InteractionOnly {
				continue
			}
			outputs = append(outputs, o)
		}
	}
	return outputs, nil
}

func planParts(d pipeline.DateParts, column string) ([]planned, error) {
	refuse := refusal(column)
	all := slices.Clone(d.Parts)
	for _, p := range slices.Concat(d.AsCategories, d.Cyclical) {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	outputs := make([]planned, 0, len(all))
	for i, p := range all {
		switch {
		case !slices.Contains(PartNames, p):
			return nil, refuse.because("use any of "+strings.Join(PartNames, ", "), "%q is not a date part", p)
		case slices.Contains(all[:i], p):
			return nil, refuse.because("list each part once", "date part %q is listed twice", p)
		case p == "year" && slices.Contains(d.AsCategories, p):
			return nil, refuse.because("keep year among parts, not as_categories", "years have no closed list of categories")
		case p == "year" && slices.Contains(d.Cyclical, p):
			return nil, refuse.because("keep year among parts, not cyclical", "years do not come round again")
		}
		add := func(suffix string, one pipeline.DateParts) {
			outputs = append(outputs, planned{name: column + "_" + p + suffix, column: column, kind: frame.Time, steps: []pipeline.Transform{{DateParts: &one}}})
		}
		listed := slices.Contains(d.Parts, p)
		if slices.Contains(d.AsCategories, p) {
			add("", pipeline.DateParts{Parts: []string{p}, AsCategories: []string{p}})
		} else if listed && !slices.Contains(d.Cyclical, p) {
			add("", pipeline.DateParts{Parts: []string{p}})
		}
		if slices.Contains(d.Cyclical, p) {
			add("_sin", pipeline.DateParts{Parts: []string{p}, Cyclical: []string{"sin"}})
			add("_cos", pipeline.DateParts{Parts: []string{p}, Cyclical: []string{"cos"}})
		}
	}
	return outputs, nil
}
