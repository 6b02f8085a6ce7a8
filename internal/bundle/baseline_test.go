package bundle

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

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
