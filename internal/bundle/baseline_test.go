package bundle

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

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
		sig.Inputs = append(sig.Inputs, Input{Name: f.Columns[i].Name, Kind: f.Columns[i].Kind.String()})
	}
	target := &feature.Target{Task: pipeline.Binary, Classes: []string{"no", "yes"}}
	b, err := BaselineOf(f, sig, target, predictions)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.check(sig); err != nil {
		t.Fatal(err)
	}
	column := b.Reference.Column
	n, field := column("n"), &b.Layout.Features[0]
	if n.Rows != 100 || n.Missing != 1 || n.Infinite != 1 || *n.Least != 0 || *n.Greatest != 97 || math.Abs(n.Mean()-48.5) > 1e-12 || math.Abs(n.Deviation()-math.Sqrt((98.*98-1)/12)) > 1e-12 {
		t.Fatalf("number %+v", n)
	}
	if at := field.Groups; len(at) != 11 || field.Edges[at[1]] != 9 || field.Edges[at[5]] != 48 || field.Edges[at[10]] != 97 || n.Bins[0] != 0 || n.Bins[len(n.Bins)-1] != 0 {
		t.Fatalf("edges %v groups %v", field.Edges, field.Groups)
	}
	s := b.Layout.Features[1]
	if c := column("s"); c.Missing != 40 || !s.Whole || !slices.Equal(s.Categories, []string{"a", "b", "c"}) || !slices.Equal(c.Bins, []int64{20, 20, 20}) {
		t.Fatalf("text %+v %+v", s, c)
	}
	if at := column("t"); *at.Least != 0 || *at.Greatest != 99 || len(at.Bins) != 102 {
		t.Fatalf("time %+v", at)
	}
	if e := column("empty"); e.Missing != 100 || !slices.Equal(e.Bins, []int64{0}) {
		t.Fatalf("empty %+v", e)
	}
	if c := column("constant"); !slices.Equal(c.Bins, []int64{0, 100, 0}) || c.Deviation() != 0 {
		t.Fatalf("constant %+v", c)
	}
	if h := column("huge"); h.Mean() != 0 || h.Deviation() != math.MaxFloat64 {
		t.Fatalf("huge %+v", h)
	}
	if p := b.Layout.Outputs; len(p) != 3 || p[0].Categories[0] != "yes" || p[1].Name != "P(no)" || column("P(yes)").Mean() != 0.75 {
		t.Fatalf("predictions %+v", p)
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

func TestAnswersOfManyClassesAreTheirLabelAlone(t *testing.T) {
	target := &feature.Target{Task: pipeline.Multiclass}
	for k := range maxProbabilities + 1 {
		target.Classes = append(target.Classes, string(rune('a'+k)))
	}
	predictions := make([]float64, 2*len(target.Classes))
	predictions[3], predictions[len(target.Classes)] = 1, 1
	f, err := AnswersOf(target, 2, predictions)
	if err != nil || len(f.Columns) != 1 || !slices.Equal(f.Columns[0].Codes, []int32{3, 0}) {
		t.Fatalf("%+v, %v", f, err)
	}
}

func TestBaselineFromOutsideIsChecked(t *testing.T) {
	c := contents(t, pipeline.Regression)
	for name, spoil := range map[string]func(b *Baseline){
		"version": func(b *Baseline) { b.Version-- },
		"columns": func(b *Baseline) { b.Layout.Features = b.Layout.Features[1:] },
		"kind":    func(b *Baseline) { b.Layout.Features[0].Kind = "bytes" },
		"counts":  func(b *Baseline) { b.Reference.Features[0].Missing++ },
		"nothing": func(b *Baseline) { b.Reference = nil },
	} {
		b, copied := &Baseline{}, c
		data, err := encode("baseline.json", c.Baseline)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode("baseline.json", data, b); err != nil {
			t.Fatal(err)
		}
		spoil(b)
		copied.Baseline = b
		data, err = Build(copied)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(data); fault.KindOf(err) != fault.BundleInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatEstimatesPerformanceIsPackedWhereThereIsOne(t *testing.T) {
	eachTask(t, func(t *testing.T, task pipeline.Task) {
		p, rows := predictor(t, task), flights(3, 800)
		predictions, y := answers(t, p, rows), make([]float64, rows.Rows)
		c := contents(t, task)
		var err error
		if k := len(p.target.Classes); k > 0 {
			for i := range y {
				y[i] = float64(i % k)
			}
			c.Estimator, err = drift.FitCalibration(predictions, y, k)
		} else {
			c.Estimator, err = drift.FitLoss(t.Context(), rows, predictions, y, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := Open(build(t, c))
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Estimator.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Estimator.Encode(); err != nil || string(got) != string(want) {
			t.Fatalf("another estimator comes back, %v", err)
		}
		c.Estimator.Version++
		if _, err := Open(build(t, c)); fault.KindOf(err) != fault.BundleInvalid {
			t.Errorf("of another version: %v", err)
		}
		c.Estimator = nil
		if b, err := Open(build(t, c)); err != nil || b.Estimator != nil {
			t.Errorf("without one: %v", err)
		}
	})
}
