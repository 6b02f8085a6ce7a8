package quality_test

import (
	"context"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
)

// TestTheEnginesMistakesAreToldBeforeAnyRow tries what only the engine can tell, with
// the columns and without.
func TestTheEnginesMistakesAreToldBeforeAnyRow(t *testing.T) {
	b := setup(t, 1)
	schema := pipeline.Schema{{Name: "s", Type: "text", SQL: "VARCHAR"}, {Name: "n", Type: "number", SQL: "BIGINT"}, {Name: "t", Type: "number", SQL: "TINYINT"}, {Name: "d", Type: "number", SQL: "DECIMAL(4,2)"}, {Name: "b", Type: "number", SQL: "BOOLEAN"}}
	correct := func(r pipeline.Rule, repair string) pipeline.Rule {
		r.OnFail, r.Repair = pipeline.Correct, repair
		return r
	}
	parse := correct(pipeline.Rule{Column: "s", Parse: &pipeline.ParseAs{As: "integer"}}, "cast")
	for _, c := range []struct {
		rule  pipeline.Rule
		path  string // "" if it is sound
		said  string
		alone bool // it is found without the columns
	}{
		{pipeline.Rule{Column: "s", Pattern: "(?<y>a)"}, "pattern", "(?<", true},
		{pipeline.Rule{Column: "s", Pattern: "(?P<y>a)"}, "", "", false},
		{pipeline.Rule{Column: "s", Parse: &pipeline.ParseAs{As: "time", Format: "%Q"}}, "parse.format", "%Q", true},
		{correct(pipeline.Rule{Column: "n", NotNull: true, Value: new("abc")}, "impute"), "value", "abc", false},
		{correct(pipeline.Rule{Column: "n", NotNull: true, Value: new("4.5")}, "impute"), "value", "whole", false},
		{correct(pipeline.Rule{Column: "b", NotNull: true, Value: new("maybe")}, "impute"), "value", "BOOLEAN", false},
		{correct(pipeline.Rule{Column: "s", NotNull: true, Value: new("abc")}, "impute"), "", "", false},
		{correct(pipeline.Rule{Column: "n", Set: []string{"1"}, Map: map[string]string{"2": "abc", "3": ""}}, "map"), "map", "abc", false},
		{correct(pipeline.Rule{Column: "n", Set: []string{"1"}, Map: map[string]string{"2": "1", "3": ""}}, "map"), "", "", false},
		{correct(pipeline.Rule{Column: "n", Range: between(0.2, 0.8)}, "clip"), "range", "no value", false},
		{correct(pipeline.Rule{Column: "t", Range: atLeast(300)}, "clip"), "range", "no value", false},
		{correct(pipeline.Rule{Column: "t", Range: between(0, 300)}, "clip"), "", "", false},
		{correct(pipeline.Rule{Column: "d", Range: atLeast(300)}, "clip"), "range", "DECIMAL", false},
		{pipeline.Rule{SQL: "n + s > 0 AND nothing"}, "sql", "nothing", false},
		{pipeline.Rule{SQL: "n > 0"}, "", "", false},
		{pipeline.Rule{SQL: "nothing > 0", Environment: pipeline.Serving}, "", "", false},
	} {
		p := &pipeline.Pipeline{Validation: []pipeline.Rule{parse, c.rule}}
		if c.rule.Column == "s" {
			p.Validation[0] = pipeline.Rule{Column: "n", NotNull: true}
		}
		for _, known := range []pipeline.Schema{schema, nil} {
			err := quality.Try(context.Background(), b.engine, p, known)
			if c.path == "" || known == nil && !c.alone {
				if err != nil {
					t.Errorf("%+v: %v", c.rule, err)
				}
				continue
			}
			found := pipeline.Mistakes(err)
			if fault.KindOf(err) != fault.PipelineInvalid || len(found) != 1 || found[0].Path != "validation[1]."+c.path || !strings.Contains(found[0].Message, c.said) || found[0].Remedy == "" {
				t.Errorf("%+v: %v %+v", c.rule, err, found)
			}
		}
	}
	if schema[0].SQL != "VARCHAR" {
		t.Error("the columns given were changed")
	}
	for _, r := range []pipeline.Rule{{Column: "s", Pattern: "(?<y>a)"}, correct(pipeline.Rule{Column: "n", NotNull: true, Value: new("abc")}, "impute")} {
		_, err := b.check("SELECT 'a' AS s, 1 AS n", r)
		if fault.KindOf(err) != fault.PipelineInvalid || err.(*fault.Error).Remedy == "" {
			t.Errorf("%v", err)
		}
	}
}

func TestSQLThatFailsOnARowSaysWhichRule(t *testing.T) {
	b := setup(t, 2)
	_, err := b.check("SELECT unnest(['1', 'x']) AS s, 9223372036854775807 AS n", pipeline.Rule{Column: "s", NotNull: true}, pipeline.Rule{SQL: "n > 0"}, pipeline.Rule{SQL: "CAST(s AS INTEGER) > 0"})
	if fault.KindOf(err) != fault.QueryInvalid || !strings.Contains(err.Error(), "CAST(s AS INTEGER) > 0") || !strings.Contains(err.Error(), "'x'") || strings.Contains(err.Error(), b.dir) || err.(*fault.Error).Remedy == "" {
		t.Fatal(err)
	}
	if _, err = b.check("SELECT 9223372036854775807 AS n", pipeline.Rule{SQL: "n + n > 0", OnFail: pipeline.Quarantine}); fault.KindOf(err) != fault.QueryInvalid || strings.Contains(err.Error(), b.dir) {
		t.Fatal(err)
	}
}

// TestAClipObeysItsOwnRule clips whole numbers by bounds between them and by bounds
// beyond their type.
func TestAClipObeysItsOwnRule(t *testing.T) {
	b := setup(t, 1)
	got := b.must("SELECT unnest([1, 4, 5, 9])::BIGINT AS n, unnest([-100, 0, 5, 127])::TINYINT AS t",
		pipeline.Rule{Column: "n", Range: between(4.5, 8.5), OnFail: pipeline.Correct, Repair: "clip"},
		pipeline.Rule{Column: "t", Range: between(-0.5, 300), OnFail: pipeline.Correct, Repair: "clip"})
	if s := b.rowsOf(b.out.Valid); s != "[[5 0] [5 0] [5 5] [8 127]]" || got.Violation() != nil {
		t.Fatal(s, got.Violation())
	}
}
