package feature_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// mix is what bench/peers/features.py makes too: 20 columns with the transforms a
// table of business usually has. 10 numbers (some missing, some skewed), 8 texts
// (of 12 to 50,000 categories), 2 times.
func mix(rows int) (*frame.Frame, []pipeline.Feature) {
	f := &frame.Frame{Rows: rows, Columns: make([]frame.Column, 20)}
	var list []pipeline.Feature
	skip := pipeline.Transform{Impute: &pipeline.Impute{Strategy: "median"}}
	chains := [][]pipeline.Transform{
		{skip, standardize}, {skip, standardize}, {skip, standardize}, {skip, standardize}, {skip, log1p, standardize}, {skip, log1p, standardize},
		{{Impute: &pipeline.Impute{Strategy: "mean", Indicator: true}}, {MinMax: &pipeline.MinMax{}}}, {skip, {Robust: &pipeline.Robust{}}},
		{skip, {Clip: &pipeline.Clip{Lower: new(0.01), Upper: new(0.99)}}, standardize}, {skip, {Bin: &pipeline.Bin{Bins: 10}}},
		{impute("most_frequent"), oneHot(50, 0)}, {impute("most_frequent"), oneHot(50, 0)}, {impute("most_frequent"), oneHot(50, 0)}, {impute("most_frequent"), oneHot(100, 0)},
		{impute("most_frequent"), {Ordinal: &pipeline.Ordinal{}}}, {{TargetEncode: &pipeline.TargetEncode{}}, standardize}, {{TargetEncode: &pipeline.TargetEncode{}}, standardize}, {{Frequency: &pipeline.Frequency{}}},
		{dateParts([]string{"day_of_week"}, "month", "day"), skip, standardize}, {dateParts([]string{"hour"}, "minute"), skip, standardize},
	}
	categories := []int{12, 20, 51, 300, 8, 2000, 50_000, 300}
	for j := range f.Columns {
		r := rand.New(rand.NewPCG(uint64(j), 1))
		c := frame.Column{Name: fmt.Sprintf("c%02d", j)}
		switch {
		case j < 10:
			c.Numbers = make([]float64, rows)
			for i := range c.Numbers {
				switch c.Numbers[i] = r.NormFloat64(); {
				case r.IntN(20) == 0:
					c.Numbers[i] = nan
				case j == 4 || j == 5:
					c.Numbers[i] = math.Exp(c.Numbers[i])
				}
			}
		case j < 18:
			c.Kind, c.Codes = frame.Text, make([]int32, rows)
			for k := range categories[j-10] {
				c.Dict = append(c.Dict, fmt.Sprintf("category %05d", k))
			}
			for i := range c.Codes {
				if c.Codes[i] = int32(float64(len(c.Dict)) * r.Float64() * r.Float64()); r.IntN(50) == 0 {
					c.Codes[i] = frame.MissingCode
				}
			}
		default:
			c.Kind, c.Times = frame.Time, make([]int64, rows)
			for i := range c.Times {
				c.Times[i] = 1_600_000_000_000_000 + r.Int64N(1e14)
			}
		}
		f.Columns[j] = c
		list = append(list, entry(c.Name, chains[j]...))
	}
	return f, list
}

func target(rows int) feature.Option { return supervised(rand.New(rand.NewPCG(3, 3)), rows) }

// One iteration is one table of 2,000,000 × 20: fitted and given to learn from.
func BenchmarkFitApply2000000x20(b *testing.B) {
	f, list := mix(2_000_000)
	y := target(f.Rows)
	b.ResetTimer()
	for range b.N {
		if _, _, err := feature.FitApply(list, f, y); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply2000000x20(b *testing.B) {
	f, list := mix(2_000_000)
	fitted, err := feature.Fit(list, f, target(f.Rows))
	if err != nil {
		b.Fatal(err)
	}
	scratch := fitted.NewScratch()
	b.ResetTimer()
	for range b.N {
		if _, err := fitted.ApplyInto(f, scratch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequestOfTheMix(b *testing.B) {
	f, list := mix(5000)
	fitted, err := feature.Fit(list, f, target(f.Rows))
	if err != nil {
		b.Fatal(err)
	}
	one, scratch := oneRow(f), fitted.NewScratch()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fitted.ApplyInto(one, scratch); err != nil {
			b.Fatal(err)
		}
	}
}

// oneRow is the first row as a request brings it: with dictionaries of its own.
func oneRow(f *frame.Frame) *frame.Frame {
	one := f.Take([]int32{0})
	for j := range one.Columns {
		c := &one.Columns[j]
		if c.Kind == frame.Text && c.Codes[0] >= 0 {
			c.Dict, c.Codes[0] = []string{c.Dict[c.Codes[0]]}, 0
		}
	}
	return one
}

// Every transform at once, and nothing is allocated for a request.
func TestARequestThroughEveryTransformAllocatesNothing(t *testing.T) {
	f, list := mix(3000)
	other := []pipeline.Feature{
		{Columns: []string{"c00", "c01"}, Apply: []pipeline.Transform{{Expr: &pipeline.Expr{Name: "e", Formula: "if(c00 > c01, c00 * 2, log(abs(c01)))"}}}},
	}
	for i, c := range f.Columns[:3] {
		c.Name = fmt.Sprintf("n%d", i)
		f.Columns = append(f.Columns, c)
	}
	for i, encoder := range []pipeline.Transform{{Hash: &pipeline.Hash{}}, {NGrams: &pipeline.NGrams{}}, {TextLength: &struct{}{}}} {
		c := f.Columns[10]
		c.Name = fmt.Sprintf("t%d", i)
		f.Columns = append(f.Columns, c)
		other = append(other, entry(c.Name, encoder))
	}
	other = append(other, pipeline.Feature{Columns: []string{"n0", "n1", "n2"}, Apply: []pipeline.Transform{{Power: &pipeline.Power{}}, {Polynomial: &pipeline.Polynomial{}}}})
	fitted, err := feature.Fit(append(list, other...), f, target(f.Rows))
	if err != nil {
		t.Fatal(err)
	}
	one, scratch := oneRow(f), fitted.NewScratch()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := fitted.ApplyInto(one, scratch); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations a request", n)
	}
}
