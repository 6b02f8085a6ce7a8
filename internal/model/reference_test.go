package model

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
)

// readTable reads columns of testdata/name.csv.
func readTable(t *testing.T, name string) map[string][]string {
	t.Helper()
	file, err := os.Open("testdata/" + name + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]string{}
	for j, name := range rows[0] {
		for _, row := range rows[1:] {
			columns[name] = append(columns[name], row[j])
		}
	}
	return columns
}

func numbersOf(t *testing.T, texts []string) []float64 {
	t.Helper()
	out := make([]float64, len(texts))
	for i, s := range texts {
		var err error
		if out[i], err = strconv.ParseFloat(s, 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func codesOf(texts []string) (codes []int32, categories []string) {
	categories = slices.Compact(slices.Sorted(slices.Values(texts)))
	for _, s := range texts {
		codes = append(codes, int32(slices.Index(categories, s)))
	}
	return codes, categories
}

// Coefficients and probabilities are scikit-learn's: bench/reference/linear.py.
func TestCoefficientsAreThoseOfScikitLearn(t *testing.T) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Kind, Table, Target string
		Numbers, Texts      []string
		Params              Params
		Intercepts          []float64
		Coefficients        [][]float64
		Predictions         [][]float64
		Every               int
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 9 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		columns := readTable(t, c.Table)
		d := Data{X: &frame.Matrix{Rows: len(columns[c.Target])}}
		for _, name := range c.Numbers {
			d.X.Features = append(d.X.Features, frame.Feature{Name: name, Numbers: numbersOf(t, columns[name])})
		}
		for _, name := range c.Texts {
			codes, categories := codesOf(columns[name])
			d.X.Features = append(d.X.Features, frame.Feature{Name: name, Codes: codes, Categories: categories})
		}
		if c.Kind == "ols" {
			d.Y = numbersOf(t, columns[c.Target])
		} else {
			codes, categories := codesOf(columns[c.Target])
			d.Classes = len(categories)
			for _, code := range codes {
				d.Y = append(d.Y, float64(code))
			}
		}
		learner, err := For(c.Kind)
		if err != nil {
			t.Fatal(err)
		}
		m, report, err := learner.Fit(context.Background(), d, Settings{Params: c.Params})
		if err != nil || !report.Converged {
			t.Fatalf("%s: %v %+v", c.Target, err, report)
		}
		l := m.(*Linear)
		if len(report.Dropped) == 0 { // else other coefficients give the same predictions
			near(t, "intercepts of "+c.Target, l.Intercepts, c.Intercepts, 1e-6)
			for k := range c.Coefficients {
				near(t, "coefficients of "+c.Target, l.Coefficients[k], c.Coefficients[k], 1e-6)
			}
		} else if c.Kind != "ols" || len(report.Dropped) != 1 {
			t.Errorf("%s of %s drops %v", c.Kind, c.Target, report.Dropped)
		}
		out := make([]float64, d.X.Rows*m.Outputs())
		m.Predict(d.X, out)
		for i, want := range c.Predictions {
			at := i * c.Every * m.Outputs()
			near(t, "predictions of "+c.Target, out[at:at+m.Outputs()], want, 1e-6)
		}
	}
}

// near compares relative to the larger magnitude, or absolutely below 1.
func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}
