package model

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
)

// withHoles is numbersOf, with NaN for what is empty.
func withHoles(t *testing.T, texts []string) []float64 {
	t.Helper()
	out := make([]float64, len(texts))
	for i, s := range texts {
		if out[i] = math.NaN(); s != "" {
			var err error
			if out[i], err = strconv.ParseFloat(s, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// scores are rmse, or log_loss and, of two classes, auc.
func scores(y, out []float64, classes int) map[string]float64 {
	n := float64(len(y))
	sum := 0.0
	if classes == 0 {
		for i, v := range y {
			sum += (v - out[i]) * (v - out[i])
		}
		return map[string]float64{"rmse": math.Sqrt(sum / n)}
	}
	for i, v := range y {
		sum -= math.Log(out[i*classes+int(v)])
	}
	s := map[string]float64{"log_loss": sum / n}
	if classes == 2 {
		s["auc"] = auc(y, out)
	}
	return s
}

// auc is the share of pairs of a row of each class that are in order.
func auc(y, out []float64) float64 {
	order := make([]int, len(y))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(out[2*a+1], out[2*b+1]) })
	ranks, positive := 0.0, 0.0
	for lo := 0; lo < len(order); {
		hi := lo
		for hi < len(order) && out[2*order[hi]+1] == out[2*order[lo]+1] {
			hi++
		}
		for _, i := range order[lo:hi] {
			ranks += y[i] * float64(lo+hi+1) / 2
			positive += y[i]
		}
		lo = hi
	}
	return (ranks - positive*(positive+1)/2) / (positive * (float64(len(y)) - positive))
}

// Scores are within 1 % of XGBoost's and LightGBM's with the same settings, or
// better, and contributions are XGBoost's: bench/reference/trees.py.
func TestScoresAreThoseOfXGBoostAndLightGBM(t *testing.T) {
	data, err := os.ReadFile("testdata/reference_trees.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Table, Target  string
		Numbers, Texts []string
		Classes        int
		Peers          map[string][2]map[string]float64
		Contributions  [][]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) != 8 {
		t.Fatal(len(cases), err)
	}
	explained, compared := 0, 0
	for _, c := range cases {
		columns := readTable(t, c.Table)
		d := Data{X: &frame.Matrix{Rows: len(columns[c.Target])}, Classes: c.Classes}
		for _, name := range c.Numbers {
			d.X.Features = append(d.X.Features, frame.Feature{Name: name, Numbers: withHoles(t, columns[name])})
		}
		for _, name := range c.Texts {
			codes, categories := codesOf(columns[name])
			d.X.Features = append(d.X.Features, frame.Feature{Name: name, Codes: codes, Categories: categories})
		}
		if c.Classes == 0 {
			d.Y = withHoles(t, columns[c.Target])
		} else {
			codes, _ := codesOf(columns[c.Target])
			for _, code := range codes {
				d.Y = append(d.Y, float64(code))
			}
		}
		var rows [2][]int32
		for i := range int32(d.X.Rows) {
			part := 0
			if i%4 == 3 {
				part = 1
			}
			rows[part] = append(rows[part], i)
		}
		part := func(k int) Data {
			p := Data{X: d.X.Take(rows[k]), Classes: c.Classes}
			for _, i := range rows[k] {
				p.Y = append(p.Y, d.Y[i])
			}
			return p
		}
		m, _ := boost(t, part(0), Settings{Params: Params{"max_iter": 60, "max_depth": 5, "min_child_weight": 1, "min_samples_leaf": 1}})
		for k, where := range []string{"learnt", "held out"} {
			p := part(k)
			out := make([]float64, p.X.Rows*m.Outputs())
			m.Predict(p.X, out)
			for metric, got := range scores(p.Y, out, c.Classes) {
				for peer, theirs := range c.Peers {
					// A hundred rows held out say little; what was learnt of them must be what
					// XGBoost learns. LightGBM has another hessian for several classes.
					if small := d.X.Rows < 1000; small != (k == 0) || small && peer != "xgboost" {
						continue
					}
					compared++
					want := theirs[k][metric]
					behind := got/want - 1
					if metric == "auc" {
						behind = want/got - 1
					}
					t.Logf("%s of %s, %s, %d texts: %.5f, %s %.5f", metric, c.Target, where, len(c.Texts), got, peer, want)
					if !(behind <= 0.01) {
						t.Errorf("%s of %s, %s, is %v, with %s %v", metric, c.Target, where, got, peer, want)
					}
				}
			}
		}
		if c.Contributions == nil {
			continue
		}
		explained++
		m, _ = boost(t, part(0), Settings{Params: Params{"max_iter": 5, "max_depth": 3, "min_child_weight": 1, "min_samples_leaf": 1}})
		some := d.X.Take(rows[0][:len(c.Contributions)])
		width := len(d.X.Features) + 1
		out := make([]float64, some.Rows*m.Outputs()*width)
		m.Explain(some, out)
		for i, want := range c.Contributions {
			at := (i*m.Outputs() + m.Outputs() - 1) * width
			near(t, "contributions of "+c.Target, out[at:at+width], want, 1e-3)
		}
	}
	if explained != 2 || compared != 16 {
		t.Fatalf("%d scores and the contributions of %d models compared", compared, explained)
	}
}
