package pmml_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

var (
	regression = &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
	binary     = &feature.Target{Column: "y", Kind: "text", Task: pipeline.Binary, Classes: []string{"no", "sim, <é> & \"x\""}}
	multiclass = &feature.Target{Column: "y", Kind: "text", Task: pipeline.Multiclass, Classes: []string{"a", "b", " ", "c"}}
	impute     = pipeline.Transform{Impute: &pipeline.Impute{}}
	log1p      = pipeline.Transform{Log1p: &struct{}{}}
	scale      = pipeline.Transform{Standardize: &struct{}{}}
	indicated  = pipeline.Transform{Impute: &pipeline.Impute{Strategy: "most_frequent", Indicator: true}}
)

// texts hold what XML, arrays and tables tend to lose.
var texts = []string{"SFO", "JFK", " ", "São Paulo", "other", "✈", "gru", "a  b ", "7", "<&\"'>", "tab\there", "line\nbreak", "\\", "NaN"}

// table makes a random table with every kind of column and every kind of trouble.
func table(seed uint64, rows int) *frame.Frame {
	r := rand.New(rand.NewPCG(seed, 1))
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "distance", Numbers: make([]float64, rows)},
		{Name: "small \"x\"/1", Numbers: make([]float64, rows)},
		{Name: "origin", Kind: frame.Text, Codes: make([]int32, rows), Dict: texts},
		{Name: "label", Kind: frame.Text, Codes: make([]int32, rows), Dict: texts},
		{Name: "départ", Kind: frame.Time, Times: make([]int64, rows)},
		{Name: "other", Numbers: make([]float64, rows)},
	}}
	for i := range rows {
		f.Columns[0].Numbers[i] = math.Round(r.NormFloat64() * 1000)
		f.Columns[1].Numbers[i] = r.NormFloat64() * math.Pow(10, -float64(r.IntN(14)))
		f.Columns[2].Codes[i] = int32(r.IntN(len(texts)+1)) - 1
		f.Columns[3].Codes[i] = int32(math.Sqrt(float64(r.IntN((len(texts)+1)*(len(texts)+1))))) - 1
		f.Columns[4].Times[i] = r.Int64N(8e15) - 4e15 // 127 years either side of 1970
		f.Columns[5].Numbers[i] = r.NormFloat64()
		for j := range f.Columns {
			if r.IntN(10) == 0 {
				forget(&f.Columns[j], i)
			}
		}
	}
	return f
}

func forget(c *frame.Column, i int) {
	switch c.Kind {
	case frame.Number:
		c.Numbers[i] = math.NaN()
	case frame.Text:
		c.Codes[i] = frame.MissingCode
	default:
		c.Times[i] = frame.MissingTime
	}
}

// hard are numbers that transforms tend to get wrong.
var hard = []float64{
	0, math.Copysign(0, -1), 1, -1, -1 + 1e-9, 1e-12, -1e-12, 0.5, -2.5, 1e6, -1e6, 1e9, 5e-324, -5e-324, 1e-310, 1e-45, 1e-40,
	math.MaxFloat32, -math.MaxFloat32, 1e39, 1e100, -1e100, math.NaN(),
}

// instants are times that calendars tend to get wrong.
var instants = []string{
	"2000-02-29T23:59:59.999999Z", "1900-02-28T00:00:00Z", "1900-03-01T00:00:00Z", "2024-02-29T12:00:00Z", "2100-12-31T23:59:59Z",
	"1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "1582-10-15T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
}

// adversaries changes one column of a row at a time, and all at once to missing.
func adversaries(seed uint64) *frame.Frame {
	const rows = 110
	f := table(seed, rows)
	at := 1 // the first two are all missing
	next := func() int { at++; return at }
	for _, j := range []int{0, 1, 5} {
		for _, x := range hard {
			f.Columns[j].Numbers[next()] = x
		}
	}
	for _, j := range []int{2, 3} {
		f.Columns[j].Dict = append(texts[:len(texts):len(texts)], "\u00e9\u2708 no such category", "NULL", "sfo", "SFO ")
		for k := range 4 {
			f.Columns[j].Codes[next()] = int32(len(texts) + k)
		}
	}
	for _, text := range instants {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err)
		}
		f.Columns[4].Times[next()] = t.UnixMicro()
	}
	for i := range 2 {
		for j := range f.Columns {
			forget(&f.Columns[j], i)
		}
	}
	return f
}

// records are rows as JPMML reads them; a missing text is left out or empty in turn.
func records(f *frame.Frame) []map[string]any {
	out := make([]map[string]any, f.Rows)
	for i := range out {
		out[i] = map[string]any{}
		for j := range f.Columns {
			switch c := &f.Columns[j]; {
			case c.Kind == frame.Text && c.Missing(i) && i%2 == 0:
				out[i][c.Name] = ""
			case c.Missing(i):
				out[i][c.Name] = nil
			case c.Kind == frame.Text:
				out[i][c.Name] = c.Dict[c.Codes[i]]
			case c.Kind == frame.Time:
				out[i][c.Name] = time.UnixMicro(c.Times[i]).UTC().Format("2006-01-02T15:04:05.999999")
			default:
				out[i][c.Name] = c.Numbers[i]
			}
		}
	}
	return out
}

func fit(t *testing.T, list []pipeline.Feature, seed uint64) *feature.Fitted {
	t.Helper()
	f := table(seed, 400)
	y := make([]float64, f.Rows)
	for i := range y {
		y[i] = float64(i % 7)
	}
	fitted, err := feature.Fit(list, f, feature.Supervised(regression, y))
	if err != nil {
		t.Fatal(err)
	}
	return fitted
}

// linear makes a model with random coefficients over the columns of fitted.
func linear(fitted *feature.Fitted, learner string, link model.Link, rows int) *model.Linear {
	r := rand.New(rand.NewPCG(3, 2))
	m := &model.Linear{Learner: learner, Link: link, Names: fitted.Names()}
	for range rows {
		w := make([]float64, len(m.Names))
		for i := range w {
			w[i] = r.NormFloat64()
		}
		m.Intercepts, m.Coefficients = append(m.Intercepts, r.NormFloat64()), append(m.Coefficients, w)
	}
	return m
}

// learn fits a learner on x; the target depends on everything.
func learn(t *testing.T, kind string, x *frame.Matrix, classes int, s model.Settings) model.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 1))
	d := model.Data{X: x, Y: make([]float64, x.Rows), Classes: classes}
	for i := range d.Y {
		z := r.NormFloat64()
		for j := range x.Features {
			if f := &x.Features[j]; f.Block() {
				z += math.Cos(float64(3 * f.Codes[i]))
			} else {
				z += math.Atan(f.Numbers[i] / 100)
			}
		}
		switch d.Y[i] = z; {
		case classes > 0:
			d.Y[i] = float64(min(classes-1, max(0, int(math.Floor(z+float64(classes)/2)))))
		case s.Options.Loss == "poisson" || kind == "poisson":
			d.Y[i] = math.Floor(math.Abs(z * 3))
		}
	}
	learner, err := model.For(kind)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := learner.Fit(context.Background(), d, s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
