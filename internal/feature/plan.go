package feature

import (
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of an encoder: a block wider than this is a key, not a category.
const (
	defaultMaxCategories = 50
	maxMaxCategories     = 10_000
)

// planned is one output before it is fitted.
type planned struct {
	name, column string
	kind         frame.Kind
	steps        []pipeline.Transform // a DateParts here has exactly one part
}

// plan expands one feature entry for one of its columns into its outputs, and
// refuses chains that make no sense for a column of that kind.
func plan(apply []pipeline.Transform, column string, kind frame.Kind) ([]planned, error) {
	refuse := func(remedy, message string, args ...any) error {
		return fault.New(fault.FeatureInvalid, "feature %q: "+message, append([]any{column}, args...)...).WithRemedy("%s", remedy)
	}
	outputs := []planned{{name: column, column: column, kind: kind}}
	if kind == frame.Time {
		if len(apply) == 0 || apply[0].DateParts == nil {
			return nil, refuse("start its chain with date_parts", "a time cannot be learned from as it is")
		}
		var err error
		if outputs, err = planParts(*apply[0].DateParts, column); err != nil {
			return nil, err
		}
		apply = apply[1:]
	}
	for i := range outputs {
		o := &outputs[i]
		block := kind == frame.Time && len(o.steps[0].DateParts.AsCategories) > 0
		mayMiss, standardized := true, false
		for _, t := range apply {
			if n := count(t); n != 1 {
				return nil, refuse("write one transform per list item", "a step holds %d transforms", n)
			}
			if t.DateParts != nil {
				return nil, refuse("use date_parts once, first, on a time column", "date_parts is applied to a %s", kindNow(kind, block))
			}
			if block && kind == frame.Time {
				continue // the other steps are for the parts that stay numbers
			}
			if block {
				return nil, refuse("put one_hot last", "%s is applied after one_hot", name(t))
			}
			switch {
			case t.OneHot != nil:
				if kind != frame.Text {
					return nil, refuse("drop one_hot, or cast the column to text in dataset.sql", "one_hot is applied to a number")
				}
				h := *t.OneHot
				if h.MaxCategories == 0 {
					h.MaxCategories = defaultMaxCategories
				}
				if h.MaxCategories < 2 || h.MaxCategories > maxMaxCategories || h.MinCount < 0 {
					return nil, refuse("use max_categories of 2 to 10000 and min_count of at least 0", "one_hot with max_categories %d and min_count %d", h.MaxCategories, h.MinCount)
				}
				t, block = pipeline.Transform{OneHot: &h}, true
			case t.Impute != nil:
				imp, err := planImpute(*t.Impute, kind, refuse)
				if err != nil {
					return nil, err
				}
				if kind == frame.Text && len(o.steps) > 0 {
					return nil, refuse("impute once", "impute is applied twice")
				}
				t, mayMiss = pipeline.Transform{Impute: &imp}, false
			case kind == frame.Text:
				return nil, refuse("encode it with one_hot", "%s is applied to a text", name(t))
			case t.Log1p != nil:
				if standardized {
					return nil, refuse("put log1p before standardize", "log1p is applied after standardize, where half the values are negative")
				}
				if strings.HasSuffix(o.name, "_log1p") && o.name != column {
					return nil, refuse("apply log1p once", "log1p is applied twice")
				}
				mayMiss = true
				o.name += "_log1p"
			default:
				standardized = true
			}
			o.steps = append(o.steps, t)
		}
		if kind == frame.Text && !block {
			return nil, refuse("end its chain with one_hot", "a text cannot be learned from as it is")
		}
		if kind != frame.Text && !block && mayMiss {
			o.steps = append(o.steps, pipeline.Transform{Impute: &pipeline.Impute{Strategy: "median"}})
		}
	}
	return outputs, nil
}

func planParts(d pipeline.DateParts, column string) ([]planned, error) {
	all := slices.Clone(d.Parts)
	for _, p := range d.AsCategories {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		all, d.AsCategories = autoParts("").Parts, autoParts("").AsCategories
	}
	outputs := make([]planned, 0, len(all))
	for i, p := range all {
		if !slices.Contains(PartNames, p) {
			e := fault.New(fault.FeatureInvalid, "feature %q: %q is not a date part", column, p)
			return nil, e.WithRemedy("use any of %s", strings.Join(PartNames, ", "))
		}
		if slices.Contains(all[:i], p) {
			return nil, fault.New(fault.FeatureInvalid, "feature %q: date part %q is listed twice", column, p).WithRemedy("list each part once")
		}
		one := pipeline.DateParts{Parts: []string{p}}
		if slices.Contains(d.AsCategories, p) {
			if p == "year" {
				return nil, fault.New(fault.FeatureInvalid, "feature %q: years have no closed list of categories", column).WithRemedy("keep year among parts, not as_categories")
			}
			one.AsCategories = []string{p}
		}
		outputs = append(outputs, planned{name: column + "_" + p, column: column, kind: frame.Time, steps: []pipeline.Transform{{DateParts: &one}}})
	}
	return outputs, nil
}

func planImpute(imp pipeline.Impute, kind frame.Kind, refuse func(string, string, ...any) error) (pipeline.Impute, error) {
	text := kind == frame.Text
	if imp.Strategy == "" {
		imp.Strategy = "median"
		switch {
		case imp.Value != nil || imp.Text != nil:
			imp.Strategy = "constant"
		case text:
			imp.Strategy = "most_frequent"
		}
	}
	switch imp.Strategy {
	case "most_frequent":
	case "mean", "median":
		if text {
			return imp, refuse("use most_frequent or constant", "a text has no %s", imp.Strategy)
		}
	case "constant":
		if text && (imp.Text == nil || *imp.Text == "") {
			return imp, refuse("give impute a text that is not empty", "constant imputation of a text without text")
		}
		if !text && (imp.Value == nil || math.IsNaN(*imp.Value) || math.IsInf(*imp.Value, 0)) {
			return imp, refuse("give impute a finite value", "constant imputation of a number without a finite value")
		}
	default:
		return imp, refuse("use mean, median, most_frequent or constant", "unknown imputation strategy %q", imp.Strategy)
	}
	return imp, nil
}

func count(t pipeline.Transform) (n int) {
	for _, set := range []bool{t.Impute != nil, t.Standardize != nil, t.Log1p != nil, t.OneHot != nil, t.DateParts != nil} {
		if set {
			n++
		}
	}
	return n
}

func name(t pipeline.Transform) string {
	switch {
	case t.Impute != nil:
		return "impute"
	case t.Standardize != nil:
		return "standardize"
	case t.Log1p != nil:
		return "log1p"
	case t.OneHot != nil:
		return "one_hot"
	default:
		return "date_parts"
	}
}

func kindNow(kind frame.Kind, block bool) string {
	if block {
		return "block of indicators"
	}
	if kind == frame.Time {
		return "number (a part of a time)"
	}
	return kind.String()
}
