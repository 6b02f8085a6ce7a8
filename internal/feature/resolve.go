package feature

import (
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Resolve turns the features section into the list that Fit reads, checked
// against the schema of the dataset: Plan without facts, for when no rows are at
// hand.
func Resolve(p pipeline.Features, problem pipeline.Problem, schema pipeline.Schema, skip ...string) ([]pipeline.Feature, error) {
	list, _, err := Plan(p, problem, schema, nil, skip...)
	return list, err
}

// Plan turns the features section into the list that Fit reads, checked against
// the schema of the dataset, and says why auto chose as it did; the run records
// both. facts are of training rows, or nil.
//
// For auto, numbers are imputed with their median and standardized; texts are
// imputed with "missing" and one-hot encoded; times become their month and day,
// standardized, and indicators of their day of week and hour. Facts refine that:
//
//   - a constant column is left out, as is a text that is different in nearly
//     every row: an identifier tells nothing of rows to come
//   - a column that is missing in one row of a hundred or more also tells where
//   - numbers skewed beyond 2 have their logarithm taken if none is negative,
//     else a power transform
//   - a text of more than 50 categories is target encoded
//
// The target, the columns in skip (keys, event time) and reserved ones are left
// out, and so are columns that other entries of the list name. A year is never
// picked: a linear model would extrapolate it.
//
// Errors: ColumnMissing, with the nearest name; FeatureInvalid for a chain that
// makes no sense, the target among the features, two outputs of one name, or
// nothing to learn from.
func Plan(p pipeline.Features, problem pipeline.Problem, schema pipeline.Schema, facts Facts, skip ...string) ([]pipeline.Feature, []Choice, error) {
	list := p.List
	if p.Auto || len(list) == 0 {
		list = []pipeline.Feature{{Auto: &pipeline.Auto{}}}
	}
	named := slices.Clone(skip)
	for _, entry := range list {
		named = append(named, entry.Columns...)
	}
	var out []pipeline.Feature
	var choices []Choice
	columns := 0
	outputs := map[string]bool{}
	for _, entry := range list {
		made := []pipeline.Feature{entry}
		switch {
		case entry.Select != nil:
			if err := checkSelected(*entry.Select, schema); err != nil {
				return nil, nil, err
			}
			out = append(out, entry)
			continue
		case entry.Auto != nil:
			for _, column := range entry.Auto.Drop {
				if schema.Column(column) == nil {
					return nil, nil, columnMissing(column, schemaNames(schema))
				}
			}
			var more []Choice
			made, more = auto(problem, schema, facts, slices.Concat(named, entry.Auto.Drop))
			choices = append(choices, more...)
		case len(entry.Columns) == 0:
			return nil, nil, fault.New(fault.FeatureInvalid, "a feature names no column").WithRemedy("list its columns")
		}
		for _, e := range made {
			chains, err := planFor(e, problem, schema)
			if err != nil {
				return nil, nil, err
			}
			if err := distinct(chains, outputs); err != nil {
				return nil, nil, err
			}
			columns += len(e.Columns)
		}
		out = append(out, made...)
	}
	if columns == 0 {
		return nil, nil, fault.New(fault.FeatureInvalid, "no column is left to learn from: the dataset has only the target, keys, reserved, constant and identifying columns").WithRemedy("select more columns in dataset.sql")
	}
	return out, choices, nil
}

func planFor(entry pipeline.Feature, problem pipeline.Problem, schema pipeline.Schema) ([]planned, error) {
	for _, column := range entry.Columns {
		if column == problem.Target {
			return nil, fault.New(fault.FeatureInvalid, "the target %q is among the features: leakage, the model would be given the answer", column).WithRemedy("remove it from features")
		}
		if strings.HasPrefix(column, pipeline.ReservedPrefix) {
			return nil, fault.New(fault.FeatureInvalid, "column %q is reserved", column).WithRemedy("remove it from features")
		}
		if schema.Column(column) == nil {
			return nil, columnMissing(column, schemaNames(schema))
		}
	}
	return planEntry(entry, func(name string) frame.Kind { return schema.Column(name).FrameKind() }, 1)
}

func checkSelected(s pipeline.Select, schema pipeline.Schema) error {
	for _, column := range slices.Concat(s.Keep, s.Drop) {
		if schema.Column(column) == nil {
			return columnMissing(column, schemaNames(schema))
		}
	}
	return nil
}

// Columns lists what a plan could read of a dataset: for auto, every column that
// may be picked.
func Columns(p pipeline.Features, problem pipeline.Problem, schema pipeline.Schema, skip ...string) []string {
	var columns []string
	everything := p.Auto || len(p.List) == 0
	for _, entry := range p.List {
		columns = append(columns, entry.Columns...)
		everything = everything || entry.Auto != nil
	}
	for i := range schema {
		if name := schema[i].Name; everything && candidate(name, problem, skip) {
			columns = append(columns, name)
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

func candidate(name string, problem pipeline.Problem, skip []string) bool {
	return name != problem.Target && name != problem.Weight && !strings.HasPrefix(name, pipeline.ReservedPrefix) && !slices.Contains(skip, name)
}

// kindOf prefers the Type, which survives JSON where Kind does not.
func distinct(chains []planned, outputs map[string]bool) error {
	for _, c := range chains {
		if outputs[c.name] {
			return fault.New(fault.FeatureInvalid, "two features are both named %q", c.name).WithRemedy("make it in one feature only, or from a copy of its column that dataset.sql names otherwise")
		}
		outputs[c.name] = true
	}
	return nil
}

func columnMissing(column string, names []string) error {
	e := fault.New(fault.ColumnMissing, "feature column %q is not in the dataset", column)
	if n := nearest(column, names); n != "" {
		return e.WithRemedy("did you mean %q?", n)
	}
	if len(names) > 12 {
		names = append(slices.Clone(names[:12]), "…")
	}
	return e.WithRemedy("use one of %s", strings.Join(names, ", "))
}

func schemaNames(schema pipeline.Schema) []string {
	names := make([]string, len(schema))
	for i := range schema {
		names[i] = schema[i].Name
	}
	return names
}
