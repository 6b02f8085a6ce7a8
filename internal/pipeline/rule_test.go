package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestEveryCheckParsesAndHasItsName(t *testing.T) {
	validate := compiled(t)
	for check, rule := range map[string]string{
		"exists": "{column: a, exists: true}", "absent": "{column: a, absent: true, environment: serving}", "columns": "{columns: {names: [a, b], match: order}}",
		"missing_tokens": "{column: a, missing_tokens: [NA, 9], on_fail: correct, repair: map, map: {NA: ''}}", "not_nan": "{column: a, not_nan: true}",
		"pattern": "{column: a, pattern: '^x', on_fail: quarantine, min_share: 0.9}", "length": "{column: a, length: {max: 3}}", "utf8": "{column: a, utf8: true}",
		"parse": "{column: a, parse: {as: time, format: '%d'}, on_fail: correct, repair: cast}", "at_most": "{column: a, at_most: b}", "sql": "{sql: a < b}",
		"references": "{column: a, references: {source: penguins}}", "no_repeats": "{no_repeats: true, on_fail: correct, repair: drop_duplicate}",
		"mean": "{column: a, mean: {min: 1}}", "deviation": "{column: a, deviation: {max: 1}}", "quantile": "{column: a, quantile: {p: 0.5, max: 1}}",
		"distinct": "{column: a, distinct: {max: 9}}", "balance": "{column: a, balance: {min: 0.1}}", "freshness": "{column: a, freshness: 7d}",
		"distribution": "{column: a, distribution: {max: 0.1}}", "row_count_history": "{row_count_history: {min: 0.5}}", "no_leakage": "{no_leakage: {across: [a]}}",
		"not_null": "{column: a, not_null: true, on_fail: correct, repair: impute, value: 0}", "range": "{column: a, range: {min: 0}, on_fail: correct, repair: clip}",
		"set": "{column: a, set: [x], on_fail: correct, repair: trim}",
	} {
		text := minimal + "validation: [" + rule + "]\n"
		p := parse(t, text)
		require.Equal(t, check, p.Validation[0].Check(), rule)
		require.NoError(t, validate([]byte(text)), rule)
	}
}

func TestRulesAreRefusedWithARemedy(t *testing.T) {
	for rule, want := range map[string]string{
		"{column: a, pattern: '('}":                                     "regular expression",
		"{column: a, freshness: soon}":                                  "no duration",
		"{column: a, quantile: {p: 2, min: 1}}":                         "between 0 and 1",
		"{column: a, quantile: {p: 0.5}}":                               "no bound",
		"{column: a, mean: {min: 1}, on_fail: quarantine}":              "whole table",
		"{column: a, mean: {min: 1}, min_share: 0.5}":                   "not counted by rows",
		"{column: a, set: [x], min_share: 2}":                           "between 0 and 1",
		"{column: a, mean: {min: 1}, on_fail: correct}":                 "cannot be repaired",
		"{column: a, range: {min: 1}, on_fail: correct}":                "repair",
		"{column: a, range: {min: 1}, on_fail: correct, repair: trim}":  "does not mend",
		"{column: a, range: {min: 1}, repair: clip}":                    "on_fail is correct",
		"{column: a, set: [x], on_fail: correct, repair: map}":          "is missing",
		"{column: a, not_null: true, on_fail: correct, repair: impute}": "is missing",
		"{column: a, not_null: true, value: 3}":                         "impute alone",
		"{column: a, references: {source: nowhere}}":                    "no source",
		"{column: a, distribution: {source: nowhere, max: 1}}":          "no source",
		"{column: a, distribution: {max: 0}}":                           "more than 0",
		"{no_leakage: {time: true}}":                                    "dataset.event_time",
		"{column: Species, absent: true}":                               "target must be there",
		"{column: a, at_most: a}":                                       "itself",
		"{column: a, sql: a > 1}":                                       "one column",
		"{row_count_history: {runs: 1000, min: 1}}":                     "1000 runs",
		"{column: a, parse: {as: number, format: '%d'}}":                "only times",
		"{column: a, balance: {min: 3}}":                                "at most 1",
		"{column: a, exists: false}":                                    "false checks nothing",
		"{columns: {names: [a, a]}}":                                    "twice",
	} {
		_, err := pipeline.Parse("f.yaml", []byte(minimal+"validation: ["+rule+"]\n"))
		require.Error(t, err, rule)
		found := pipeline.Mistakes(err)
		said := ""
		for _, m := range found {
			said += m.String() + "; "
			require.NotEmpty(t, m.Remedy, rule)
		}
		require.Contains(t, said, want, rule)
	}
}

func TestSplitsAreRefusedWithARemedy(t *testing.T) {
	for split, want := range map[string]string{
		"{method: grouped}":                    "needs the columns",
		"{method: random, by: [a]}":            "not used by method random",
		"{method: time}":                       "dataset.event_time",
		"{method: random, gap: 1h}":            "method time alone",
		"{method: column}":                     "one column",
		"{method: column, by: [a], test: 0.1}": "the column decides",
		"{method: column, by: [a], values: {train: [x], test: [x]}}": "two splits",
		"{method: random, values: {train: [x]}}":                     "method column alone",
		"{method: stratified, by: [y]}":                              "many strata",
	} {
		text := "name: p\nproblem: {task: regression, target: y}\nsources: {d: {path: d.csv}}\nsplit: " + split + "\n"
		_, err := pipeline.Parse("f.yaml", []byte(text))
		require.Error(t, err, split)
		require.Contains(t, err.Error(), want, split)
	}
	p := parse(t, "name: p\nproblem: {task: binary, target: y}\nsources: {d: {path: d.csv}}\nsplit: {method: stratified}\n")
	require.Equal(t, []string{"y"}, p.Split.By)
	p = parse(t, "name: p\nproblem: {task: binary, target: y}\nsources: {d: {path: d.csv}}\nsplit: {method: column, by: [part], values: {test: [2008, x]}}\n")
	require.Equal(t, &pipeline.SplitValues{Train: []string{"train"}, Validation: []string{"validation"}, Test: []string{"2008", "x"}}, p.Split.Values)
}

func TestRulesAreCheckedAgainstTheColumns(t *testing.T) {
	schema := pipeline.Schema{{Name: "y", Kind: frame.Number, Type: "number", SQL: "DOUBLE"}, {Name: "s", Kind: frame.Text, Type: "text", SQL: "VARCHAR"}, {Name: "t", Kind: frame.Time, Type: "time", SQL: "TIMESTAMP"}}
	for rule, want := range map[string]string{
		"{column: y, pattern: x}": "of texts", "{column: s, mean: {min: 1}}": "of numbers", "{column: s, freshness: 1h}": "of times", "{column: y, at_most: t}": "compared",
		"{column: y, at_most: no}": "no column", "{column: t, set: [x]}": "texts or numbers", "{no_leakage: {across: [no]}}": "no column",
		"{column: y, not_null: true, on_fail: correct, repair: impute, value: many}": "none",
		"{column: gone, exists: true}": "", "{column: gone, not_null: true, environment: serving}": "",
		"{column: s, parse: {as: number}, on_fail: correct, repair: cast}, {column: s, range: {min: 1}}": "",
	} {
		p := parse(t, "name: p\nproblem: {task: regression, target: y}\nsources: {d: {path: d.csv}}\nvalidation: ["+rule+"]\n")
		err := pipeline.Check(p, schema)
		if want == "" {
			require.NoError(t, err, rule)
			continue
		}
		require.ErrorContains(t, err, want, rule)
	}
	mended := pipeline.Repaired(schema, []pipeline.Rule{{Column: "s", Parse: &pipeline.ParseAs{As: "integer"}, OnFail: pipeline.Correct, Repair: "cast"}})
	require.Equal(t, pipeline.Column{Name: "s", Kind: frame.Number, Type: "number", SQL: "BIGINT"}, mended[1])
	require.Equal(t, "text", schema[1].Type)
}

func TestDurations(t *testing.T) {
	d, err := pipeline.ParseDuration("7d")
	require.NoError(t, err)
	require.EqualValues(t, 7*24, d.Hours())
	for _, wrong := range []string{"d", "-1d", "99999d", "soon", ""} {
		_, err := pipeline.ParseDuration(wrong)
		require.Error(t, err, wrong)
	}
}
