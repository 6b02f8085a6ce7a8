package feature_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// factual has a column for every fact auto picks by.
func factual(rows int) (*frame.Frame, pipeline.Schema) {
	r := rand.New(rand.NewPCG(8, 8))
	f := &frame.Frame{Rows: rows}
	var schema pipeline.Schema
	numbers := func(name string, value func(i int) float64) {
		c := frame.Column{Name: name}
		for i := range rows {
			c.Numbers = append(c.Numbers, value(i))
		}
		f.Columns = append(f.Columns, c)
		schema = append(schema, pipeline.Column{Name: name, Type: "number"})
	}
	texts := func(name string, value func(i int) string) {
		values := make([]string, rows)
		for i := range rows {
			values[i] = value(i)
		}
		f.Columns = append(f.Columns, text(name, values...))
		schema = append(schema, pipeline.Column{Name: name, Type: "text"})
	}
	numbers("id", func(i int) float64 { return float64(i) })
	numbers("plain", func(int) float64 { return r.NormFloat64() })
	numbers("holes", func(i int) float64 { return []float64{nan, r.NormFloat64()}[min(i%20, 1)] })
	numbers("skewed", func(int) float64 { return math.Exp(2 * r.NormFloat64()) })
	numbers("skewed_below", func(int) float64 { return -math.Exp(2 * r.NormFloat64()) })
	numbers("same", func(int) float64 { return 3 })
	texts("small", func(i int) string { return fmt.Sprint(i % 5) })
	texts("large", func(i int) string { return fmt.Sprint(i % 80) })
	texts("name", func(i int) string { return fmt.Sprint("row ", i) })
	texts("only", func(int) string { return "x" })
	numbers("delay", func(int) float64 { return r.NormFloat64() })
	return f, schema
}

func TestAutoLooksAtTheRows(t *testing.T) {
	f, schema := factual(600)
	list, choices, err := feature.Plan(pipeline.Features{Auto: true}, problem, schema, feature.FactsOf(f), "id")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range choices {
		got[c.Column] = c.Picked + "; " + c.Why
	}
	for column, want := range map[string]string{
		"plain":        "impute, standardize; ",
		"holes":        "impute with indicator, standardize; missing in 5.0 % of the rows",
		"skewed":       "impute, log1p, standardize; skew",
		"skewed_below": "impute, power; skew -",
		"same":         "left out; it is the same in every row",
		"small":        "impute, one_hot; ",
		"large":        "impute, target_encode, standardize; 80 categories",
		"name":         "left out; 600 different texts",
		"only":         "left out; it is the same",
	} {
		if !strings.HasPrefix(got[column], want) {
			t.Errorf("%s: %q, want %q", column, got[column], want)
		}
	}
	if len(choices) != 9 {
		t.Errorf("chose %+v: the key and the target are never picked", choices)
	}
	if _, err := feature.Resolve(pipeline.Features{List: list}, problem, schema); err != nil {
		t.Fatalf("what auto picked is refused: %v", err)
	}
	few, _, err := feature.Plan(pipeline.Features{Auto: true}, problem, schema, feature.FactsOf(f.Take([]int32{0, 1, 2})), "id")
	if err != nil || len(few) != 2 {
		t.Fatalf("three rows tell nothing: %+v, %v", few, err)
	}
}

func TestAutoInAListLeavesTheRestAlone(t *testing.T) {
	f, schema := factual(600)
	list := []pipeline.Feature{entry("plain", standardize), {Auto: &pipeline.Auto{Drop: []string{"name", "large"}}}, {Select: &pipeline.Select{Top: new(4)}}}
	got, choices, err := feature.Plan(pipeline.Features{List: list}, problem, schema, feature.FactsOf(f), "id")
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Columns[0] != "plain" || got[len(got)-1].Select == nil || len(choices) != 6 {
		t.Fatalf("%+v, %+v", got, choices)
	}
	for _, c := range choices {
		if c.Column == "plain" || c.Column == "name" || c.Column == "large" {
			t.Fatalf("auto picked %q", c.Column)
		}
	}
	if want := "delay"; strings.Contains(strings.Join(feature.Columns(pipeline.Features{List: list}, problem, schema, "id"), " "), want) {
		t.Fatal("the target may be read")
	}
	weighed := problem
	weighed.Weight = "holes"
	if columns := feature.Columns(pipeline.Features{Auto: true}, weighed, schema, "id"); slices.Contains(columns, "holes") || !slices.Contains(columns, "plain") {
		t.Fatalf("auto may read %v", columns)
	}
	for says, f := range map[string]pipeline.Feature{
		"nane":         {Auto: &pipeline.Auto{Drop: []string{"nane"}}},
		`mean "same"`:  {Select: &pipeline.Select{Keep: []string{"samee"}}},
		`mean "small"`: {Select: &pipeline.Select{Drop: []string{"smalll"}}},
	} {
		_, err := feature.Resolve(pipeline.Features{List: []pipeline.Feature{entry("plain"), f}}, problem, schema)
		refused(t, err, fault.ColumnMissing, says)
	}
}

func TestASummaryTellsBeforeAndAfter(t *testing.T) {
	f, schema := factual(70_000)
	list, choices, err := feature.Plan(pipeline.Features{Auto: true}, problem, schema, feature.FactsOf(f), "id")
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, pipeline.Feature{Select: &pipeline.Select{Drop: []string{"plain"}}})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for _, threads := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(threads)
		fitted, x, err := feature.FitApply(list, f, supervised(rand.New(rand.NewPCG(1, 1)), f.Rows))
		if err != nil {
			t.Fatal(err)
		}
		s := feature.Summarize(fitted, f, x, choices)
		got, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		} else if !bytes.Equal(first, got) {
			t.Fatalf("%d threads tell otherwise", threads)
		}
		if len(s.After) != len(x.Features) || len(s.Columns) != len(s.After) || len(s.Steps) != len(s.After) {
			t.Fatalf("%d features, %d described", len(x.Features), len(s.After))
		}
		for i, a := range s.After {
			if a.Name == "skewed_log1p" {
				before := s.Before[1]
				if before.Name != "skewed" || before.Skew < 3 || math.Abs(a.Mean) > 1e-9 || math.Abs(a.Deviation-1) > 1e-9 || a.Skew > before.Skew/2 || !strings.Contains(s.Steps[i], "log1p → ") {
					t.Fatalf("%+v after %+v by %s", a, before, s.Steps[i])
				}
			}
		}
		var page bytes.Buffer
		if err := s.HTML(&page, "Features of test", "train 1234"); err != nil {
			t.Fatal(err)
		}
		for _, says := range []string{"What auto picked", "missing in 5.0 % of the rows", "left out", "What selection dropped", "skewed_log1p", "<svg"} {
			if !strings.Contains(page.String(), says) {
				t.Fatalf("the page does not say %q", says)
			}
		}
		if page.Len() > 1<<20 {
			t.Fatalf("the page has %d bytes", page.Len())
		}
	}
}
