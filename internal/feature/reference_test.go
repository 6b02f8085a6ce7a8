package feature_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// reference is what bench/reference/features.py wrote.
type reference struct {
	Table   map[string][]any     `json:"table"`
	Targets map[string][]float64 `json:"targets"`
	Cases   []struct {
		Feature   pipeline.Feature `json:"feature"`
		Task      pipeline.Task    `json:"task"`
		Columns   int              `json:"columns"`
		Output    [][3]float64     `json:"output"` // row, column, value of what is not 0
		Tolerance float64          `json:"tolerance"`
	} `json:"cases"`
	Selections []struct {
		Task    pipeline.Task   `json:"task"`
		Select  pipeline.Select `json:"select"`
		Kept    []int           `json:"kept"`
		Columns int             `json:"columns"`

		// Values are what columns that are dropped were judged by, if it is told.
		Values map[int]float64 `json:"values"`
	} `json:"selections"`
}

func readReference(t *testing.T) (*reference, *frame.Frame) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{}
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	f := &frame.Frame{}
	for name, values := range r.Table {
		f.Rows = len(values)
		if slices.ContainsFunc(values, func(v any) bool { _, is := v.(string); return is }) {
			texts := make([]string, len(values))
			for i, v := range values {
				if texts[i] = "-"; v != nil {
					texts[i] = v.(string)
				}
			}
			f.Columns = append(f.Columns, text(name, texts...))
			continue
		}
		numbers := make([]float64, len(values))
		for i, v := range values {
			if numbers[i] = nan; v != nil {
				numbers[i] = v.(float64)
			}
		}
		f.Columns = append(f.Columns, number(name, numbers...))
	}
	return r, f
}

// labelled is the target of the reference for a task.
func (r *reference) labelled(task pipeline.Task) (*feature.Target, feature.Option) {
	target := &feature.Target{Column: "y", Kind: "number", Task: task}
	switch task {
	case pipeline.Binary:
		target.Classes = []string{"0", "1"}
	case pipeline.Multiclass:
		target.Classes = []string{"0", "1", "2"}
	}
	return target, feature.Supervised(target, r.Targets[string(task)])
}

// spread lists the columns of a matrix, blocks as 0 and 1.
func spread(m *frame.Matrix) [][]float64 {
	var out [][]float64
	for i := range m.Features {
		f := &m.Features[i]
		if !f.Block() {
			out = append(out, f.Numbers)
			continue
		}
		for k := range f.Categories {
			column := make([]float64, m.Rows)
			for row, code := range f.Codes {
				if int(code) == k {
					column[row] = 1
				}
			}
			out = append(out, column)
		}
	}
	return out
}

func TestTransformsAgreeWithScikitLearn(t *testing.T) {
	r, f := readReference(t)
	names := map[string]int{}
	for _, c := range r.Cases {
		last := c.Feature.Apply[len(c.Feature.Apply)-1].Name()
		names[last]++
		t.Run(fmt.Sprintf("%s/%d", last, names[last]), func(t *testing.T) {
			_, supervised := r.labelled(c.Task)
			fitted, err := feature.Fit([]pipeline.Feature{c.Feature}, f, supervised)
			if err != nil {
				t.Fatal(err)
			}
			m, err := fitted.Apply(f)
			if err != nil {
				t.Fatal(err)
			}
			want := make([][]float64, c.Columns)
			for j := range want {
				want[j] = make([]float64, f.Rows)
			}
			for _, e := range c.Output {
				want[int(e[1])][int(e[0])] = e[2]
			}
			got := spread(m)
			if len(got) != len(want) {
				t.Fatalf("%d columns, want %d: %v", len(got), len(want), m.Names())
			}
			tolerance := max(c.Tolerance, 1e-12)
			for j := range want {
				for row := range want[j] {
					if math.Abs(got[j][row]-want[j][row]) > tolerance*max(1, math.Abs(want[j][row])) {
						t.Fatalf("column %d of %v, row %d: %v, want %v", j, c.Feature, row, got[j][row], want[j][row])
					}
				}
			}
		})
	}
	for _, name := range []string{"impute", "standardize", "min_max", "robust", "power", "bin", "one_hot", "ordinal", "frequency", "target_encode", "hash", "ngrams", "text_length", "polynomial"} {
		if names[name] == 0 {
			t.Errorf("the reference has no %s", name)
		}
	}
}

func TestSelectionAgreesWithScikitLearn(t *testing.T) {
	r, f := readReference(t)
	columns := []string{"skewed", "mixed", "positive", "few", "constant"}
	for i, c := range r.Selections {
		_, supervised := r.labelled(c.Task)
		fitted, err := feature.Fit([]pipeline.Feature{{Columns: columns[:c.Columns]}, {Select: &c.Select}}, f, supervised)
		if err != nil {
			t.Fatal(err)
		}
		var kept []int
		for _, chain := range fitted.Chains {
			kept = append(kept, slices.Index(columns, chain.Name))
		}
		if !slices.Equal(kept, c.Kept) || len(fitted.Dropped) != c.Columns-len(kept) {
			t.Errorf("selection %d: kept %v, want %v; dropped %+v", i, kept, c.Kept, fitted.Dropped)
		}
		for _, d := range fitted.Dropped {
			if want, told := c.Values[slices.Index(columns, d.Name)]; c.Values != nil && (!told || math.Abs(d.Value-want) > 1e-9) {
				t.Errorf("selection %d: %+v, want %v", i, d, want)
			}
		}
	}
}
