package model

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/stat"

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

// reference is one case of testdata/reference.json.
type reference struct {
	Kind, Table, Target string
	Numbers, Texts      []string
	Params              Params
	Options             Options
	Weighted, Scaled    bool
	First               int // rows that are taken, 0 for all
	Intercepts          []float64
	Coefficients        [][]float64
	Predictions         [][]float64
	Every               int
	Inference           *struct {
		Inference
		Estimates [][]float64 // value, standard error, t, p, low and high: of the intercept, then of each column
	}
}

func (c *reference) String() string {
	return fmt.Sprintf("%s of %s by %v %v %v %v, weighted: %v", c.Kind, c.Target, c.Numbers, c.Texts, c.Params, c.Options, c.Weighted)
}

func references(t *testing.T) []reference {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []reference
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 37 {
		t.Fatal(len(cases), err)
	}
	return cases
}

func (c *reference) data(t *testing.T) Data {
	t.Helper()
	columns := readTable(t, c.Table)
	for name, values := range columns {
		if c.First > 0 {
			columns[name] = values[:c.First]
		}
	}
	d := Data{X: &frame.Matrix{Rows: len(columns[c.Target])}}
	for _, name := range c.Numbers {
		numbers := numbersOf(t, columns[name])
		if c.Scaled {
			mean, deviation := stat.PopMeanStdDev(numbers, nil)
			for i, v := range numbers {
				numbers[i] = (v - mean) / deviation
			}
		}
		d.X.Features = append(d.X.Features, frame.Feature{Name: name, Numbers: numbers})
	}
	for _, name := range c.Texts {
		codes, categories := codesOf(columns[name])
		d.X.Features = append(d.X.Features, frame.Feature{Name: name, Codes: codes, Categories: categories})
	}
	if c.Kind != "logistic" {
		d.Y = numbersOf(t, columns[c.Target])
	} else {
		codes, categories := codesOf(columns[c.Target])
		d.Classes = len(categories)
		for _, code := range codes {
			d.Y = append(d.Y, float64(code))
		}
	}
	if c.Weighted {
		for i := range d.Y {
			d.Weights = append(d.Weights, float64(i%5)/2)
		}
	}
	return d
}

// What ols says of its coefficients is what statsmodels says.
func TestInferenceIsThatOfStatsmodels(t *testing.T) {
	compared := 0
	for _, c := range references(t) {
		if c.Kind != "ols" {
			continue
		}
		d := c.data(t)
		m, report := fit(t, "ols", d, nil)
		got, want := m.(*Linear).Inference, c.Inference
		near(t, c.String(), []float64{float64(got.DegreesOfFreedom), got.ResidualError, got.RSquared, got.AdjustedRSquared, got.F, math.Log(got.FP)},
			[]float64{float64(want.DegreesOfFreedom), want.ResidualError, want.RSquared, want.AdjustedRSquared, want.F, math.Log(want.FP)}, 1e-8)
		if (want.Estimates == nil) != (len(report.Dropped) > 0) || len(got.Coefficients)+len(report.Dropped) != d.X.Width() {
			t.Errorf("%v: drops %v, estimates %v", c, report.Dropped, got.Coefficients)
		}
		for k, estimate := range want.Estimates {
			e := append([]Estimate{got.Intercept}, got.Coefficients...)[k]
			near(t, c.String(), []float64{e.Value, e.Error, e.T, math.Log(e.P), e.Low, e.High}, []float64{estimate[0], estimate[1], estimate[2], math.Log(estimate[3]), estimate[4], estimate[5]}, 1e-7)
			compared++
		}
	}
	if compared < 15 {
		t.Fatalf("only %d estimates were compared", compared)
	}
}

// Coefficients and predictions are scikit-learn's: bench/reference/linear.py.
func TestCoefficientsAreThoseOfScikitLearn(t *testing.T) {
	for _, c := range references(t) {
		t.Run(c.String(), func(t *testing.T) {
			d := c.data(t)
			learner, err := For(c.Kind)
			if err != nil {
				t.Fatal(err)
			}
			params := Params{}
			for name, bound := range map[string]float64{"tol": 1e-12, "max_iter": 100_000} {
				if find(learner.Parameters(), name) != nil {
					params[name] = bound
				}
			}
			maps.Copy(params, c.Params)
			m, report, err := learner.Fit(context.Background(), d, Settings{Params: params, Options: c.Options})
			if err != nil || !report.Converged {
				t.Fatalf("%v %+v", err, report)
			}
			l := m.(*Linear)
			if c.Kind != "ols" || len(report.Dropped) == 0 { // else other coefficients give the same predictions
				near(t, "intercepts", l.Intercepts, c.Intercepts, 1e-6)
				for k := range c.Coefficients {
					near(t, "coefficients", l.Coefficients[k], c.Coefficients[k], 1e-6)
				}
			} else if len(report.Dropped) > len(c.Texts) {
				t.Errorf("drops %v", report.Dropped)
			}
			for k := range c.Coefficients {
				for j, want := range c.Coefficients[k] {
					if sparse := c.Kind == "lasso" || c.Kind == "elastic_net" || c.Options.Penalty == "l1"; sparse && (math.Abs(want) < 1e-12) != (l.Coefficients[k][j] == 0) {
						t.Errorf("coefficient %d of row %d is %v and not %v", j, k, l.Coefficients[k][j], want)
					}
				}
			}
			out := make([]float64, d.X.Rows*m.Outputs())
			m.Predict(d.X, out)
			for i, want := range c.Predictions {
				at := i * c.Every * m.Outputs()
				near(t, "predictions", out[at:at+m.Outputs()], want, 1e-6)
			}
		})
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
