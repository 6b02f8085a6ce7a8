package feature

import (
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of encoders: a block wider than this is a key, not a category, and a
// state with more categories than that is no longer small.
const (
	maxMaxCategories   = 10_000
	maxCodedCategories = 500_000
	maxPolynomial      = 100
)

// planned is one output before it is fitted.
type planned struct {
	name      string
	column    string
	columns   []string // of an expr
	factors   []string // of a product
	kind      frame.Kind
	steps     []pipeline.Transform // a DateParts here has exactly one part
	class     int                  // of a TargetEncode: which of several classes
	indicator bool                 // ends in "was missing"
	implicit  bool                 // the last step is an imputer that the plan does not name
}

// refusal makes errors about one entry of the list.
type refusal string

func (r refusal) because(remedy, message string, args ...any) error {
	return fault.New(fault.FeatureInvalid, "feature %q: "+message, append([]any{string(r)}, args...)...).WithRemedy("%s", remedy)
}

// planEntry expands one entry into its outputs, and refuses chains that make no
// sense for columns of that kind. classes is the number of outputs of a
// TargetEncode.
func planEntry(entry pipeline.Feature, kind func(column string) frame.Kind, classes int) ([]planned, error) {
	var outputs []planned
	apply := pipeline.WithDefaults(entry.Apply)
	var polynomial *pipeline.Polynomial
	if n := len(apply); n > 0 && apply[n-1].Polynomial != nil {
		polynomial, apply = apply[n-1].Polynomial, apply[:n-1]
	}
	if len(apply) > 0 && apply[0].Expr != nil {
		one, err := planExpr(entry.Columns, apply, kind)
		if err != nil {
			return nil, err
		}
		outputs = one
	} else {
		for _, column := range entry.Columns {
			more, err := plan(apply, column, kind(column), classes)
			if err != nil {
				return nil, err
			}
			outputs = append(outputs, more...)
		}
	}
	if polynomial != nil {
		return planProducts(outputs, *polynomial)
	}
	return outputs, nil
}

// plan expands a chain for one of its columns.
func plan(apply []pipeline.Transform, column string, kind frame.Kind, classes int) ([]planned, error) {
	refuse := refusal(column)
	outputs := []planned{{name: column, column: column, kind: kind}}
	if kind == frame.Time {
		if len(apply) == 0 || apply[0].DateParts == nil {
			return nil, refuse.because("start its chain with date_parts", "a time cannot be learned from as it is")
		}
		var err error
		if outputs, err = planParts(*apply[0].DateParts, column); err != nil {
			return nil, err
		}
		apply = apply[1:]
	}
	if i := slices.IndexFunc(apply, func(t pipeline.Transform) bool { return t.TargetEncode != nil }); i >= 0 && classes > 1 {
		one := outputs[0]
		outputs = outputs[:0]
		for class := range classes {
			one.class = class
			outputs = append(outputs, one)
		}
	}
	var done []planned
	for _, o := range outputs {
		more, err := planOne(o, apply, refuse)
		if err != nil {
			return nil, err
		}
		done = append(done, more...)
	}
	return done, nil
}

// planOne follows one output through the transforms of its entry. It returns the
// indicator of its missing values after it, if one is asked for.
func planOne(o planned, apply []pipeline.Transform, refuse refusal) ([]planned, error) {
	kind, ended, parts := o.kind, "", o.kind == frame.Time
	if parts {
		kind = frame.Number
		if len(o.steps[0].DateParts.AsCategories) > 0 {
			ended = "date_parts"
		}
	}
	mayMiss, standardized := true, false
	var indicators []planned
	for _, t := range apply {
		if n := count(t); n != 1 {
			return nil, refuse.because("write one transform per list item", "a step holds %d transforms", n)
		}
		switch {
		case t.DateParts != nil:
			return nil, refuse.because("use date_parts once, first, on a time column", "date_parts is applied to a %s", kindNow(kind, ended != "", parts))
		case t.Expr != nil:
			return nil, refuse.because("put expr first", "expr is applied after %s", t.Name())
		case t.Polynomial != nil:
			return nil, refuse.because("put polynomial last", "polynomial is not the last transform")
		case ended == "date_parts":
			continue // the other steps are for the parts that stay numbers
		case ended != "":
			return nil, refuse.because("put "+ended+" last", "%s is applied after %s", t.Name(), ended)
		case t.Text() && kind != frame.Text:
			return nil, refuse.because("drop "+t.Name()+", or cast the column to text in dataset.sql", "%s is applied to a number", t.Name())
		case !t.Text() && t.Impute == nil && kind == frame.Text:
			return nil, refuse.because("encode it with one_hot, ordinal, frequency, target_encode, hash, text_length or ngrams", "%s is applied to a text", t.Name())
		}
		if err := checkTransform(t, refuse); err != nil {
			return nil, err
		}
		switch {
		case t.Impute != nil:
			imp, err := planImpute(*t.Impute, kind, refuse)
			if err != nil {
				return nil, err
			}
			if kind == frame.Text && len(o.steps) > 0 {
				return nil, refuse.because("impute once", "impute is applied twice")
			}
			if imp.Indicator {
				indicator := o
				indicator.name, indicator.indicator, indicator.steps = o.name+"_missing", true, slices.Clone(o.steps)
				indicators = append(indicators, indicator)
			}
			t, mayMiss = pipeline.Transform{Impute: &imp}, false
		case t.Text():
			kind, mayMiss = frame.Number, t.Ordinal != nil && len(o.steps) == 0
			o.name += suffix(t)
			if t.TargetEncode != nil && o.class > 0 {
				o.name += "_" + numbered(o.class + 1)[o.class]
			}
			if t.Block() {
				ended = t.Name()
			}
		case t.Log1p != nil:
			if standardized {
				return nil, refuse.because("put log1p before standardize", "log1p is applied after standardize, where half the values are negative")
			}
			if strings.HasSuffix(o.name, "_log1p") && o.name != o.column {
				return nil, refuse.because("apply log1p once", "log1p is applied twice")
			}
			mayMiss = true
			o.name += "_log1p"
		case t.Bin != nil:
			o.name += "_bin"
			if t.Block() {
				ended = t.Name()
			}
		case t.Power != nil:
			mayMiss = mayMiss || t.Power.Method == "box_cox"
			o.steps = append(o.steps, t)
			if !*t.Power.Standardize {
				continue
			}
			t, standardized = pipeline.Transform{Standardize: &struct{}{}}, true
		case t.Standardize != nil:
			standardized = true
		}
		o.steps = append(o.steps, t)
	}
	if kind == frame.Text {
		return nil, refuse.because("end its chain with one_hot, or another encoder of texts", "a text cannot be learned from as it is")
	}
	if ended == "" && mayMiss {
		o.steps = append(o.steps, pipeline.Transform{Impute: &pipeline.Impute{Strategy: "median"}})
		o.implicit = true
	}
	return append([]planned{o}, indicators...), nil
}

// suffix is what an encoder adds to the name of its output, "" for those a
// column has only one of.
func suffix(t pipeline.Transform) string {
	switch {
	case t.Frequency != nil:
		return "_frequency"
	case t.TargetEncode != nil:
		return "_target"
	case t.Hash != nil:
		return "_hash"
	case t.TextLength != nil:
		return "_length"
	case t.NGrams != nil:
		return "_ngram"
	}
	return ""
}

func planImpute(imp pipeline.Impute, kind frame.Kind, refuse refusal) (pipeline.Impute, error) {
	text := kind == frame.Text
	if text && imp.Strategy == "median" && imp.Value == nil && imp.Text == nil {
		imp.Strategy = "most_frequent" // the default, before the kind of the column was known
	}
	switch imp.Strategy {
	case "most_frequent":
	case "mean", "median":
		if text {
			return imp, refuse.because("use most_frequent or constant", "a text has no %s", imp.Strategy)
		}
	case "constant":
		if text && (imp.Text == nil || *imp.Text == "") {
			return imp, refuse.because("give impute a text that is not empty", "constant imputation of a text without text")
		}
		if !text && (imp.Value == nil || math.IsNaN(*imp.Value) || math.IsInf(*imp.Value, 0)) {
			return imp, refuse.because("give impute a finite value", "constant imputation of a number without a finite value")
		}
	default:
		return imp, refuse.because("use mean, median, most_frequent or constant", "unknown imputation strategy %q", imp.Strategy)
	}
	return imp, nil
}

func count(t pipeline.Transform) int {
	if t.Name() != "" {
		return 1
	}
	if t == (pipeline.Transform{}) {
		return 0
	}
	return 2
}

func kindNow(kind frame.Kind, block, part bool) string {
	if block {
		return "block of indicators"
	}
	if part {
		return "number (a part of a time)"
	}
	return kind.String()
}
