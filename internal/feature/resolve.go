package feature

import (
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// ReservedPrefix starts the names of the product's own columns, which are never
// features.
const ReservedPrefix = "__esteira_"

// Resolve turns the features section into the list that Fit reads, checked
// against the schema of the dataset; the run records it.
//
// For auto, numbers are imputed with their median and standardized; texts are
// imputed with "missing" and one-hot encoded; times become their month and day,
// standardized, and indicators of their day of week and hour. The target, the
// columns in skip (keys, event time) and reserved ones are left out. A year is
// never picked: a linear model would extrapolate it.
//
// Errors: ColumnMissing, with the nearest name; FeatureInvalid for a chain that
// makes no sense, the target among the features, two outputs of one name, or
// nothing to learn from.
func Resolve(p pipeline.Features, problem pipeline.Problem, schema pipeline.Schema, skip ...string) ([]pipeline.Feature, error) {
	if p.Auto || len(p.List) == 0 {
		list := auto(problem, schema, skip)
		if len(list) == 0 {
			return nil, fault.New(fault.FeatureInvalid, "no column is left to learn from: the dataset has only the target, keys and reserved columns").WithRemedy("select more columns in dataset.sql")
		}
		return list, nil
	}
	outputs := map[string]bool{}
	for _, entry := range p.List {
		if entry.Select != nil {
			continue
		}
		if len(entry.Columns) == 0 {
			return nil, fault.New(fault.FeatureInvalid, "a feature names no column").WithRemedy("list its columns")
		}
		for _, column := range entry.Columns {
			if column == problem.Target {
				return nil, fault.New(fault.FeatureInvalid, "the target %q is among the features: leakage, the model would be given the answer", column).WithRemedy("remove it from features")
			}
			if strings.HasPrefix(column, ReservedPrefix) {
				return nil, fault.New(fault.FeatureInvalid, "column %q is reserved", column).WithRemedy("remove it from features")
			}
			if schema.Column(column) == nil {
				return nil, columnMissing(column, schemaNames(schema))
			}
		}
		chains, err := planEntry(entry, func(name string) frame.Kind { return kindOf(schema.Column(name)) }, 1)
		if err != nil {
			return nil, err
		}
		if err := distinct(chains, outputs); err != nil {
			return nil, err
		}
	}
	return slices.Clone(p.List), nil
}

func auto(problem pipeline.Problem, schema pipeline.Schema, skip []string) []pipeline.Feature {
	var numbers, texts, times, dates []string
	for i := range schema {
		c := &schema[i]
		if c.Name == problem.Target || strings.HasPrefix(c.Name, ReservedPrefix) || slices.Contains(skip, c.Name) {
			continue
		}
		switch kindOf(c) {
		case frame.Text:
			texts = append(texts, c.Name)
		case frame.Time:
			if strings.EqualFold(c.SQL, "DATE") {
				dates = append(dates, c.Name)
			} else {
				times = append(times, c.Name)
			}
		default:
			numbers = append(numbers, c.Name)
		}
	}
	missing, standardize := "missing", pipeline.Transform{Standardize: &struct{}{}}
	median := pipeline.Transform{Impute: &pipeline.Impute{Strategy: "median"}}
	var list []pipeline.Feature
	add := func(columns []string, apply ...pipeline.Transform) {
		if len(columns) > 0 {
			list = append(list, pipeline.Feature{Columns: columns, Apply: apply})
		}
	}
	add(numbers, median, standardize)
	add(texts, pipeline.Transform{Impute: &pipeline.Impute{Strategy: "constant", Text: &missing}}, pipeline.Transform{OneHot: &pipeline.OneHot{MaxCategories: 50}})
	add(times, pipeline.Transform{DateParts: autoParts("")}, median, standardize)
	add(dates, pipeline.Transform{DateParts: autoParts("DATE")}, median, standardize)
	return list
}

// autoParts is the default of date_parts; a DATE has no hour.
func autoParts(sql string) *pipeline.DateParts {
	if sql == "DATE" {
		return &pipeline.DateParts{Parts: []string{"month", "day", "day_of_week"}, AsCategories: []string{"day_of_week"}}
	}
	return &pipeline.DateParts{Parts: []string{"month", "day", "day_of_week", "hour"}, AsCategories: []string{"day_of_week", "hour"}}
}

// kindOf prefers the Type, which survives JSON where Kind does not.
func kindOf(c *pipeline.Column) frame.Kind {
	for _, k := range []frame.Kind{frame.Number, frame.Text, frame.Time} {
		if c.Type == k.String() {
			return k
		}
	}
	return c.Kind
}

func distinct(chains []planned, outputs map[string]bool) error {
	for _, c := range chains {
		if outputs[c.name] {
			return fault.New(fault.FeatureInvalid, "two features are both named %q", c.name).WithRemedy("name column %q in one feature only", c.column)
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
