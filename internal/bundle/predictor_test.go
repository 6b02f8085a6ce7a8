package bundle

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestOneRowAnswersAsAmongMany(t *testing.T) {
	eachTask(t, func(t *testing.T, task pipeline.Task) {
		p, f := predictor(t, task), flights(5, 2*blockRows+17)
		all, k := answers(t, p, f), p.Outputs()
		var wait sync.WaitGroup
		for w := range 4 {
			wait.Go(func() {
				out := make([]float64, k)
				for _, row := range []int{w, blockRows - 1, blockRows, blockRows + w, 2*blockRows + 16} {
					if err := p.Predict(f.Take([]int32{int32(row)}), out); err != nil || !slices.Equal(out, all[row*k:(row+1)*k]) {
						t.Errorf("row %d: %v alone, %v among many, %v", row, out, all[row*k:(row+1)*k], err)
					}
				}
			})
		}
		wait.Wait()
	})
}

func TestARequestAllocatesLittle(t *testing.T) {
	p, f := predictor(t, pipeline.Multiclass), flights(5, 1)
	out := make([]float64, p.Outputs())
	if n := testing.AllocsPerRun(200, func() {
		if err := p.Predict(f, out); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // a garbage collection may empty the pool
		t.Fatalf("%v allocations a request", n)
	}
}

func TestLabelsFollowTheGreatestProbability(t *testing.T) {
	p := predictor(t, pipeline.Multiclass)
	for want, probabilities := range map[string][]float64{"early": {0.4, 0.4, 0.2}, "late": {0.1, 0.5, 0.4}, "on time": {0.2, 0.3, 0.5}} {
		if got := p.Label(probabilities); got != want {
			t.Fatalf("%v is %q", probabilities, got)
		}
	}
	if got := predictor(t, pipeline.Regression).Label([]float64{3}); got != "" {
		t.Fatalf("a regression says %q", got)
	}
	if p.Task() != pipeline.Multiclass || len(p.Classes()) != 3 || len(p.Signature().Outputs) != 2 {
		t.Fatalf("%v %v %v", p.Task(), p.Classes(), p.Signature().Outputs)
	}
}

func TestWhatCannotBeAnsweredSaysWhy(t *testing.T) {
	p, f := predictor(t, pipeline.Regression), flights(5, 3)
	if err := p.Predict(f, make([]float64, 2)); fault.KindOf(err) != fault.Internal {
		t.Fatalf("short buffer: %v", err)
	}
	out := make([]float64, 3)
	missing := &frame.Frame{Rows: 3, Columns: f.Columns[:3]}
	if err := p.Predict(missing, out); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatalf("missing column: %v", err)
	}
	f.Columns[3].Numbers[1] = math.Inf(1)
	if err := p.Predict(f, out); fault.KindOf(err) != fault.FeatureInvalid {
		t.Fatalf("infinity: %v", err)
	}
	huge := &model.Linear{Learner: "ols", Link: model.Identity, Names: []string{"x"}, Intercepts: []float64{0}, Coefficients: [][]float64{{1e300}}}
	zero := 0.0
	fitted := &feature.Fitted{Version: 1, Inputs: []feature.Input{{Name: "x", Kind: "number"}}, Chains: []feature.Chain{
		{Name: "x", Column: "x", Steps: []feature.Step{{Impute: &feature.ImputeState{Number: &zero}}}},
	}}
	q, err := NewPredictor(fitted, p.target, huge, Signature{Inputs: []Input{{Name: "x", Kind: "number", Nullable: true}}})
	if err != nil {
		t.Fatal(err)
	}
	err = q.Predict(&frame.Frame{Rows: 2, Columns: []frame.Column{{Name: "x", Numbers: []float64{1, 1e100}}}}, out[:2])
	if fault.KindOf(err) != fault.RequestInvalid || !strings.Contains(err.Error(), "row 1") {
		t.Fatalf("overflow: %v", err)
	}
}

func TestSignatureDescribesTheTrainingRows(t *testing.T) {
	f := flights(1, 300)
	fitted, target, _ := parts(t, pipeline.Binary)
	s, err := SignatureOf(f, fitted, target)
	if err != nil {
		t.Fatal(err)
	}
	distance, origin, departs := s.Inputs[0], s.Inputs[1], s.Inputs[2]
	if distance.Kind != "number" || !distance.Nullable || *distance.Min < 0 || *distance.Max > 3000 || *distance.Min >= *distance.Max {
		t.Fatalf("distance %+v", distance)
	}
	if !slices.Equal(origin.Categories, []string{"GRU", "JFK", "SFO"}) || origin.MoreCategories != 0 || !slices.Contains(origin.Categories, origin.Example.(string)) {
		t.Fatalf("origin %+v", origin)
	}
	if departs.Kind != "time" || !strings.HasPrefix(departs.Earliest, "202") || departs.Earliest >= departs.Latest {
		t.Fatalf("departs %+v", departs)
	}
	if s.Outputs[0].Name != "label" || !slices.Equal(s.Outputs[1].Classes, target.Classes) {
		t.Fatalf("outputs %+v", s.Outputs)
	}
	many := frame.Column{Name: "origin", Kind: frame.Text, Dict: make([]string, 80), Codes: make([]int32, 200)}
	for i := range many.Codes {
		many.Dict[i%80] = strings.Repeat("z", i%80+1)
		many.Codes[i] = int32(i % 80)
	}
	if in := describe(&many, true); len(in.Categories) != 50 || in.MoreCategories != 30 || !slices.Contains(in.Categories, "z") {
		t.Fatalf("many %+v", in)
	}
	none := frame.Column{Name: "n", Numbers: []float64{math.NaN(), math.Inf(1)}}
	if in := describe(&none, false); in.Example != nil || in.Min != nil {
		t.Fatalf("none %+v", in)
	}
	if _, err := SignatureOf(&frame.Frame{Rows: 1}, fitted, target); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatalf("got %v", err)
	}
	wrong := &frame.Frame{Rows: 1, Columns: []frame.Column{{Name: "distance", Kind: frame.Text, Codes: []int32{-1}}}}
	if _, err := SignatureOf(wrong, fitted, target); fault.KindOf(err) != fault.TypeMismatch {
		t.Fatalf("got %v", err)
	}
}

func TestBaselineOfKnownNumbers(t *testing.T) {
	const rows = 100
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "n", Numbers: make([]float64, rows)},
		{Name: "s", Kind: frame.Text, Codes: make([]int32, rows), Dict: []string{"b", "a", "", "c"}},
		{Name: "t", Kind: frame.Time, Times: make([]int64, rows)},
		{Name: "empty", Numbers: slices.Repeat([]float64{math.NaN()}, rows)},
		{Name: "constant", Numbers: slices.Repeat([]float64{5}, rows)},
		{Name: "huge", Numbers: slices.Repeat([]float64{math.MaxFloat64, -math.MaxFloat64}, rows/2)},
	}}
	predictions := make([]float64, 2*rows)
	for i := range rows {
		f.Columns[0].Numbers[i] = float64(rows - 1 - i) // 0 … 99, backwards
		f.Columns[1].Codes[i] = int32(i%5) - 1          // 20 of each; missing and "" together 40
		f.Columns[2].Times[i] = int64(i)
		predictions[2*i], predictions[2*i+1] = 0.25, 0.75
	}
	f.Columns[0].Numbers[0], f.Columns[0].Numbers[1] = math.NaN(), math.Inf(-1) // 0 … 97 remain
	var sig Signature
	for i := range f.Columns {
		sig.Inputs = append(sig.Inputs, Input{Name: f.Columns[i].Name})
	}
	target := &feature.Target{Task: pipeline.Binary, Classes: []string{"no", "yes"}}
	b, err := BaselineOf(f, sig, target, predictions)
	if err != nil {
		t.Fatal(err)
	}
	n := b.Columns[0].Number
	if b.Columns[0].MissingShare != 0.01 || n.InfiniteShare != 0.01 || math.Abs(n.Mean-48.5) > 1e-12 || math.Abs(n.Deviation-math.Sqrt((98.*98-1)/12)) > 1e-12 {
		t.Fatalf("number %+v", n)
	}
	if q := n.Quantiles[5]; q.Probability != 0.5 || q.Value != 48.5 || n.Quantiles[0].Value != 0 || n.Quantiles[10].Value != 97 || math.Abs(n.Quantiles[4].Value-24.25) > 1e-12 {
		t.Fatalf("quantiles %+v", n.Quantiles)
	}
	if want := []float64{9, 19, 29, 39, 48, 58, 68, 78, 88}; !slices.Equal(n.Edges, want) || n.Shares[0] != 0.10 || n.Shares[9] != 0.09 {
		t.Fatalf("edges %v shares %v", n.Edges, n.Shares)
	}
	s := b.Columns[1]
	if s.MissingShare != 0.4 || s.Text.Distinct != 3 || !slices.Equal(s.Text.Categories, []Category{{"a", 0.2}, {"b", 0.2}, {"c", 0.2}}) || s.Text.OtherShare != 0 {
		t.Fatalf("text %+v", s)
	}
	if at := b.Columns[2].Time; at.Earliest != 0 || at.Latest != 99 || len(at.Edges) != 9 || at.Shares[9] != 0.1 {
		t.Fatalf("time %+v", at)
	}
	if e := b.Columns[3]; e.MissingShare != 1 || e.Number != nil {
		t.Fatalf("empty %+v", e)
	}
	if c := b.Columns[4].Number; len(c.Edges) != 0 || !slices.Equal(c.Shares, []float64{1}) || c.Deviation != 0 {
		t.Fatalf("constant %+v", c)
	}
	if h := b.Columns[5].Number; h.Mean != 0 || h.Deviation != math.MaxFloat64 || math.IsInf(h.Quantiles[5].Value, 0) {
		t.Fatalf("huge %+v", h)
	}
	if p := b.Predictions; len(p) != 3 || p[0].Text.Categories[0] != (Category{"yes", 1}) || p[1].Name != "no" || p[2].Number.Mean != 0.75 {
		t.Fatalf("predictions %+v", p)
	}
	for _, c := range b.Columns {
		total := c.MissingShare
		if c.Number != nil {
			total += c.Number.InfiniteShare + sum(c.Number.Shares)
		}
		if c.Text != nil {
			total += c.Text.OtherShare
			for _, k := range c.Text.Categories {
				total += k.Share
			}
		}
		if c.Time != nil {
			total += sum(c.Time.Shares)
		}
		if math.Abs(total-1) > 1e-12 {
			t.Fatalf("shares of %q add up to %v", c.Name, total)
		}
	}
	if _, err := BaselineOf(f, sig, target, predictions[1:]); fault.KindOf(err) != fault.Internal {
		t.Fatalf("got %v", err)
	}
	if _, err := BaselineOf(&frame.Frame{}, sig, target, nil); fault.KindOf(err) != fault.DatasetEmpty {
		t.Fatalf("got %v", err)
	}
	if _, err := BaselineOf(&frame.Frame{Rows: rows}, sig, target, predictions); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatalf("got %v", err)
	}
}

func sum(x []float64) (total float64) {
	for _, v := range x {
		total += v
	}
	return total
}

func TestTextsBeyondTheBoundShareOneShare(t *testing.T) {
	c := &frame.Column{Name: "s", Kind: frame.Text}
	for i := range 150 {
		c.Dict = append(c.Dict, strings.Repeat("x", i+1))
		c.Codes = append(c.Codes, int32(i))
	}
	if b := columnBaseline(c, 150).Text; b.Distinct != 150 || len(b.Categories) != 100 || math.Abs(b.OtherShare-50./150) > 1e-15 {
		t.Fatalf("%d distinct, %d listed, %v other", b.Distinct, len(b.Categories), b.OtherShare)
	}
}

func TestBaselineIsTheSameWithAnyThreads(t *testing.T) {
	p, f := predictor(t, pipeline.Multiclass), flights(8, 5000)
	predictions := answers(t, p, f)
	var first []byte
	for _, threads := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(threads)
		b, err := BaselineOf(f, p.signature, p.target, predictions)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		data, err := encode("baseline.json", b)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		} else if string(first) != string(data) {
			t.Fatalf("differs with %d threads", threads)
		}
	}
}
