package quality

import (
	"math"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Text says the rule for people: "delay in [-120, 1500]".
func Text(r pipeline.Rule) string {
	text := plain(r)
	if r.MinShare != nil {
		text += ", in at least " + number(100**r.MinShare) + " % of " + judgedName(r.Check())
	}
	return text
}

// judgedName says what min_share is a share of.
func judgedName(check string) string {
	switch check {
	case "not_null", "sql", "no_repeats":
		return "rows"
	case "not_nan":
		return "values that are not NULL"
	default:
		return "known values"
	}
}

func plain(r pipeline.Rule) string {
	switch r.Check() {
	case "exists":
		return r.Column + " exists"
	case "absent":
		return r.Column + " is absent"
	case "columns":
		return map[string]string{"set": "the columns are exactly ", "order": "the columns are, in order, ", "within": "no column beside ", "contain": "the columns include "}[r.Columns.Match] + list(r.Columns.Names)
	case "type":
		return r.Column + " is " + map[string]string{"number": "a number", "text": "text", "time": "a time"}[r.Type]
	case "not_null":
		return r.Column + " is not missing"
	case "max_null_share":
		return r.Column + " missing in at most " + number(100**r.MaxNullShare) + " % of rows"
	case "missing_tokens":
		return r.Column + " holds no word for missing: " + list(r.MissingTokens)
	case "finite":
		return r.Column + " is finite"
	case "not_nan":
		return r.Column + " is not NaN"
	case "range":
		return interval(r.Column, *r.Range)
	case "set":
		return r.Column + " in {" + list(r.Set) + "}"
	case "pattern":
		return r.Column + " matches " + r.Pattern
	case "length":
		return interval("length of "+r.Column, *r.Length)
	case "utf8":
		return r.Column + " is sound UTF-8"
	case "parse":
		text := r.Column + " reads as " + map[string]string{"number": "a number", "integer": "a whole number", "boolean": "true or false", "time": "a time"}[r.Parse.As]
		if r.Parse.Format != "" {
			text += " (" + r.Parse.Format + ")"
		}
		return text
	case "at_most":
		return r.Column + " ≤ " + r.AtMost
	case "references":
		return r.Column + " is among " + r.References.Source + "." + r.References.Column
	case "sql":
		return strings.Join(strings.Fields(r.SQL), " ")
	case "unique":
		return strings.Join(r.Unique, ", ") + " unique"
	case "no_repeats":
		return "no row repeats another"
	case "mean":
		return interval("mean of "+r.Column, *r.Mean)
	case "deviation":
		return interval("standard deviation of "+r.Column, *r.Deviation)
	case "quantile":
		return interval("quantile "+number(r.Quantile.P)+" of "+r.Column, pipeline.Range{Min: r.Quantile.Min, Max: r.Quantile.Max})
	case "distinct":
		return interval("distinct values of "+r.Column, *r.Distinct)
	case "balance":
		return interval("share of every class of "+r.Column, *r.Balance)
	case "freshness":
		return "newest " + r.Column + " at most " + r.Freshness + " old"
	case "distribution":
		reference := "the previous run"
		if r.Distribution.Source != "" {
			reference = r.Distribution.Source
		}
		return r.Column + " is distributed as in " + reference + ": " + measureName(r.Distribution.Measure) + " ≤ " + number(r.Distribution.Max)
	case "row_count":
		return interval("row count", *r.RowCount)
	case "row_count_history":
		return interval("row count by that of earlier runs", pipeline.Range{Min: r.RowsSince.Min, Max: r.RowsSince.Max})
	case "no_leakage":
		text := "no row of one split tells of another"
		if len(r.NoLeakage.Across) > 0 {
			text = "no " + strings.Join(r.NoLeakage.Across, ", ") + " in two splits"
		}
		if r.NoLeakage.Time {
			text += ", none from the future"
		}
		return text
	default:
		return "no check"
	}
}

func measureName(measure string) string {
	return map[string]string{"psi": "PSI", "linf": "largest difference of a share"}[measure] + map[bool]string{true: "Jensen-Shannon distance"}[measure == "jensen_shannon" || measure == ""]
}

func list(values []string) string {
	const most = 8
	text := strings.Join(values[:min(most, len(values))], ", ")
	if len(values) > most {
		text += ", … (" + strconv.Itoa(len(values)) + " values)"
	}
	return text
}

func interval(what string, r pipeline.Range) string {
	switch {
	case r.Min == nil && r.Max == nil:
		return what + " in any range"
	case r.Max == nil:
		return what + " ≥ " + number(*r.Min)
	case r.Min == nil:
		return what + " ≤ " + number(*r.Max)
	default:
		return what + " in [" + number(*r.Min) + ", " + number(*r.Max) + "]"
	}
}

func number(x float64) string {
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// inside reports whether x is within an interval.
func inside(x float64, r pipeline.Range) bool {
	return (r.Min == nil || x >= *r.Min) && (r.Max == nil || x <= *r.Max)
}
