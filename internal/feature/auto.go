package feature

import (
	"fmt"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of what auto picks by.
const (
	autoCategories = 50   // texts with more are target encoded
	autoMissing    = 0.01 // share from which missing values are told apart
	autoSkew       = 2.0
	autoIdentifier = 0.9 // distinct share from which a text names its row
	autoRows       = 100 // fewer rows tell nothing of a column
)

// Facts is what auto knows of the training rows, by column.
type Facts map[string]Fact

// Fact is what auto knows of one column.
type Fact struct {
	Rows     int     `json:"rows"`
	Missing  int     `json:"missing"`
	Distinct int     `json:"distinct,omitempty"` // texts
	Constant bool    `json:"constant,omitempty"` // at most one value, never missing beside it
	Min      float64 `json:"min,omitempty"`      // numbers
	Skew     float64 `json:"skew,omitempty"`     // numbers: the third standardized moment
}

// Choice is one decision of auto.
type Choice struct {
	Column string `json:"column"`
	Picked string `json:"picked"` // the transforms, or "left out"
	Why    string `json:"why,omitempty"`
}

// FactsOf looks at the rows of f.
func FactsOf(f *frame.Frame) Facts {
	found := make([]Fact, len(f.Columns))
	_ = parallel(len(f.Columns), f.Rows, func(i int) error { found[i] = factOf(&f.Columns[i], f.Rows); return nil }) // never fails
	facts := Facts{}
	for i := range f.Columns {
		facts[f.Columns[i].Name] = found[i]
	}
	return facts
}

func factOf(c *frame.Column, rows int) Fact {
	fact := Fact{Rows: rows}
	for i := range rows {
		if c.Missing(i) || c.Kind == frame.Text && c.Dict[c.Codes[i]] == "" {
			fact.Missing++
		}
	}
	switch c.Kind {
	case frame.Text:
		seen := make([]bool, len(c.Dict))
		for _, code := range c.Codes {
			if code != frame.MissingCode && c.Dict[code] != "" && !seen[code] {
				seen[code] = true
				fact.Distinct++
			}
		}
		fact.Constant = fact.Distinct == 0 || fact.Distinct == 1 && fact.Missing == 0
	case frame.Number:
		x := present(c.Numbers, nil)
		if len(x) > 0 {
			fact.Min, fact.Skew = x[0], skew(x)
			for _, v := range x {
				fact.Min = min(fact.Min, v)
			}
		}
		fact.Constant = len(x) == 0 || fact.Missing == 0 && constant(x)
	case frame.Time:
		fact.Constant = fact.Missing == rows
	}
	return fact
}

// skew is the third standardized moment, 0 for a constant or what overflows.
func skew(x []float64) float64 {
	m, scale := meanScale(x)
	s := sum(x, func(v float64) float64 { z := (v - m) / scale; return z * z * z }) / float64(len(x))
	if !isFinite(s) {
		return 0
	}
	return s
}

// auto picks the transforms of every column that is not taken, grouping those
// that have the same.
func auto(problem pipeline.Problem, schema pipeline.Schema, facts Facts, taken []string) ([]pipeline.Feature, []Choice) {
	var list []pipeline.Feature
	var choices []Choice
	at := map[string]int{}
	for _, kind := range []frame.Kind{frame.Number, frame.Text, frame.Time} {
		for i := range schema {
			c := &schema[i]
			if c.FrameKind() != kind || !candidate(c.Name, problem, taken) {
				continue
			}
			fact, known := facts[c.Name]
			apply, why := pick(c, kind, fact, known && fact.Rows >= autoRows)
			if apply == nil {
				choices = append(choices, Choice{c.Name, "left out", why})
				continue
			}
			picked := chainText(apply)
			choices = append(choices, Choice{c.Name, picked, why})
			if j, ok := at[picked]; ok {
				list[j].Columns = append(list[j].Columns, c.Name)
				continue
			}
			at[picked] = len(list)
			list = append(list, pipeline.Feature{Columns: []string{c.Name}, Apply: apply})
		}
	}
	return list, choices
}

// pick returns the transforms of one column and why, or nil to leave it out.
func pick(c *pipeline.Column, kind frame.Kind, fact Fact, known bool) ([]pipeline.Transform, string) {
	if known && fact.Constant {
		return nil, "it is the same in every row"
	}
	var why []string
	missing := known && float64(fact.Missing) >= autoMissing*float64(fact.Rows) && fact.Missing > 0
	if missing {
		why = append(why, fmt.Sprintf("missing in %.1f %% of the rows", 100*float64(fact.Missing)/float64(fact.Rows)))
	}
	standardize := pipeline.Transform{Standardize: &struct{}{}}
	switch kind {
	case frame.Text:
		text := "missing"
		apply := []pipeline.Transform{{Impute: &pipeline.Impute{Strategy: "constant", Text: &text}}}
		if known && float64(fact.Distinct) > autoIdentifier*float64(fact.Rows-fact.Missing) && fact.Distinct > autoCategories {
			return nil, fmt.Sprintf("%d different texts in %d rows: it names rows", fact.Distinct, fact.Rows-fact.Missing)
		}
		if known && fact.Distinct > autoCategories {
			why = append(why, fmt.Sprintf("%d categories", fact.Distinct))
			return append(apply, pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Folds: 5}}, standardize), strings.Join(why, ", ")
		}
		return append(apply, pipeline.Transform{OneHot: &pipeline.OneHot{MaxCategories: autoCategories}}), strings.Join(why, ", ")
	case frame.Time:
		parts := autoParts("")
		if strings.EqualFold(c.SQL, "DATE") {
			parts = autoParts("DATE")
		}
		return []pipeline.Transform{{DateParts: parts}, {Impute: &pipeline.Impute{Strategy: "median"}}, standardize}, strings.Join(why, ", ")
	}
	apply := []pipeline.Transform{{Impute: &pipeline.Impute{Strategy: "median", Indicator: missing}}}
	if known && math.Abs(fact.Skew) > autoSkew {
		why = append(why, fmt.Sprintf("skew %.1f", fact.Skew))
		if fact.Min >= 0 && fact.Skew > 0 {
			apply = append(apply, pipeline.Transform{Log1p: &struct{}{}})
		} else {
			standard := true
			return append(apply, pipeline.Transform{Power: &pipeline.Power{Method: "yeo_johnson", Standardize: &standard}}), strings.Join(why, ", ")
		}
	}
	return append(apply, standardize), strings.Join(why, ", ")
}

// autoParts is the default of date_parts; a DATE has no hour.
func autoParts(sql string) *pipeline.DateParts {
	if sql == "DATE" {
		return &pipeline.DateParts{Parts: []string{"month", "day", "day_of_week"}, AsCategories: []string{"day_of_week"}}
	}
	return &pipeline.DateParts{Parts: []string{"month", "day", "day_of_week", "hour"}, AsCategories: []string{"day_of_week", "hour"}}
}

// chainText writes a chain as the names of its transforms, with what tells
// chains of auto apart.
func chainText(apply []pipeline.Transform) string {
	names := make([]string, len(apply))
	for i, t := range apply {
		names[i] = t.Name()
		switch {
		case t.Impute != nil && t.Impute.Indicator:
			names[i] += " with indicator"
		case t.DateParts != nil:
			names[i] += " " + strings.Join(t.DateParts.Parts, " ")
		}
	}
	return strings.Join(names, ", ")
}
