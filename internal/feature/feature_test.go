package feature_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

var nan = math.NaN()

func number(name string, values ...float64) frame.Column {
	return frame.Column{Name: name, Kind: frame.Number, Numbers: values}
}

// text makes a text column; "-" is missing.
func text(name string, values ...string) frame.Column {
	c := frame.Column{Name: name, Kind: frame.Text}
	codes := map[string]int32{"-": frame.MissingCode}
	for _, v := range values {
		if _, ok := codes[v]; !ok {
			codes[v] = int32(len(c.Dict))
			c.Dict = append(c.Dict, v)
		}
		c.Codes = append(c.Codes, codes[v])
	}
	return c
}

func table(columns ...frame.Column) *frame.Frame {
	c := &columns[0]
	return &frame.Frame{Rows: len(c.Numbers) + len(c.Codes) + len(c.Times), Columns: columns}
}

func impute(strategy string) pipeline.Transform {
	return pipeline.Transform{Impute: &pipeline.Impute{Strategy: strategy}}
}

var (
	standardize = pipeline.Transform{Standardize: &struct{}{}}
	log1p       = pipeline.Transform{Log1p: &struct{}{}}
)

func oneHot(most, least int) pipeline.Transform {
	return pipeline.Transform{OneHot: &pipeline.OneHot{MaxCategories: most, MinCount: least}}
}

func dateParts(asCategories []string, parts ...string) pipeline.Transform {
	return pipeline.Transform{DateParts: &pipeline.DateParts{Parts: parts, AsCategories: asCategories}}
}

func entry(column string, apply ...pipeline.Transform) pipeline.Feature {
	return pipeline.Feature{Columns: []string{column}, Apply: apply}
}

func fitApply(t *testing.T, f *frame.Frame, list ...pipeline.Feature) (*feature.Fitted, *frame.Matrix) {
	t.Helper()
	fitted, err := feature.Fit(list, f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fitted.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	return fitted, m
}

func wantNumbers(t *testing.T, m *frame.Matrix, at int, want ...float64) {
	t.Helper()
	got := m.Features[at].Numbers
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-14 {
			t.Fatalf("%s: got %v want %v", m.Features[at].Name, got, want)
		}
	}
}

func TestNumbersAreImputedAndStandardized(t *testing.T) {
	f := table(number("x", 1, nan, 3, 8))
	_, m := fitApply(t, f, entry("x", impute("median"), standardize))
	mean, scale := 15.0/4, math.Sqrt((2.75*2.75+0.75*0.75*2+4.25*4.25)/4)
	wantNumbers(t, m, 0, (1-mean)/scale, (3-mean)/scale, (3-mean)/scale, (8-mean)/scale)

	for strategy, want := range map[string]float64{"mean": 4, "median": 3, "most_frequent": 1} {
		_, m := fitApply(t, f, entry("x", impute(strategy)))
		wantNumbers(t, m, 0, 1, want, 3, 8)
	}
	nine := 9.0
	_, m = fitApply(t, f, entry("x", pipeline.Transform{Impute: &pipeline.Impute{Strategy: "constant", Value: &nine}}))
	wantNumbers(t, m, 0, 1, 9, 3, 8)
}

func TestWhatAChainLeavesMissingIsImputedWithTheMedian(t *testing.T) {
	f := table(number("x", 1, nan, 3, 8), number("y", 0, -1, -7, math.E-1))
	fitted, m := fitApply(t, f, entry("x"), entry("y", impute("mean"), log1p))
	wantNumbers(t, m, 0, 1, 3, 3, 8)
	wantNumbers(t, m, 1, 0, 0.5, 0.5, 1)
	if got := fitted.Chains[1].Name; got != "y_log1p" {
		t.Fatalf("named %q", got)
	}
}

// A learner that knows missing values is shown them where the plan says nothing.
func TestRawKeepsWhatOnlyTheImplicitImputerFilled(t *testing.T) {
	f := table(number("x", 1, nan, 3, 8), number("y", 4, nan, 4, 4), number("z", 1, 2, 3, 4))
	list := []pipeline.Feature{
		entry("x", standardize), entry("y", impute("mean")), entry("z"),
		{Columns: []string{"x2", "z2"}, Apply: []pipeline.Transform{{Polynomial: &pipeline.Polynomial{InteractionOnly: true}}}},
	}
	f.Columns = append(f.Columns, number("x2", f.Columns[0].Numbers...), number("z2", f.Columns[2].Numbers...))
	fitted, fit, err := feature.FitApply(list, f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fitted.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*frame.Matrix{fit, m, m.Take([]int32{0, 1, 2, 3})} {
		for j, want := range []bool{true, false, false, true, false, true} {
			got := x.Features[j]
			if (got.Raw != nil) != want || want != math.IsNaN(got.Native()[1]) || math.IsNaN(got.Numbers[1]) || got.Native()[3] != got.Numbers[3] {
				t.Errorf("%s: %v beside %v", got.Name, got.Raw, got.Numbers)
			}
		}
	}
	if whole, err := fitted.Apply(f.Take([]int32{0, 2, 3})); err != nil || whole.Features[0].Raw != nil {
		t.Errorf("a raw column of rows that miss nothing: %v, %v", whole.Features[0].Raw, err)
	}
}

func TestAnEmptyColumnHasADeclaredOutcome(t *testing.T) {
	f := table(number("x", nan, nan), text("c", "-", ""), text("d", "-", "-"))
	_, m := fitApply(t, f, entry("x", impute("mean"), standardize), entry("c", impute("most_frequent"), oneHot(5, 0)), entry("d", oneHot(5, 0)))
	wantNumbers(t, m, 0, 0, 0)
	if got := m.Features[1]; !reflect.DeepEqual(got.Categories, []string{"missing"}) || got.Codes[0] != 0 || got.Codes[1] != 0 {
		t.Fatalf("%+v", got)
	}
	if got := m.Features[2]; !got.Block() || got.Width() != 0 || got.Codes[0] != frame.MissingCode {
		t.Fatalf("%+v", got)
	}
}

func TestOneHotFollowsScikitLearn(t *testing.T) {
	f := table(text("c", "b", "b", "b", "a", "a", "d", "c", "-"))
	at := func(fitted *feature.Fitted, value string) int32 {
		m, err := fitted.Apply(table(text("c", value)))
		if err != nil {
			t.Fatal(err)
		}
		return m.Features[0].Codes[0]
	}
	fitted, _ := fitApply(t, f, entry("c", oneHot(3, 0)))
	if h := fitted.Chains[0].Steps[0].OneHot; !reflect.DeepEqual(h, &feature.OneHotState{Categories: []string{"a", "b", "infrequent"}, Shared: true}) {
		t.Fatalf("%+v", h)
	}
	for value, want := range map[string]int32{"a": 0, "b": 1, "d": 2, "never seen": 2, "-": 2, "": 2, "infrequent": 2} {
		if got := at(fitted, value); got != want {
			t.Errorf("%q is category %d, want %d", value, got, want)
		}
	}
	all, _ := fitApply(t, f, entry("c", oneHot(4, 0)))
	if h := all.Chains[0].Steps[0].OneHot; len(h.Categories) != 4 || h.Shared || at(all, "never seen") != -1 || at(all, "-") != -1 {
		t.Fatalf("%+v", h)
	}
	rare, _ := fitApply(t, f, entry("c", oneHot(50, 2)))
	if h := rare.Chains[0].Steps[0].OneHot; !reflect.DeepEqual(h.Categories, []string{"a", "b", "infrequent"}) {
		t.Fatalf("%+v", h)
	}
	frequent, _ := fitApply(t, f, entry("c", impute("most_frequent"), oneHot(4, 0)))
	if at(frequent, "-") != 1 || at(frequent, "") != 1 {
		t.Fatal("a missing text is not the most frequent one")
	}
}

func TestDatePartsAreNumbersOrBlocks(t *testing.T) {
	f := table(frame.Column{Name: "t", Kind: frame.Time, Times: []int64{0, frame.MissingTime, 951_782_400_000_000 + 13*3_600_000_000}}) // 2000-02-29 13:00
	fitted, m := fitApply(t, f, entry("t", dateParts([]string{"day_of_week"}, "month", "hour"), standardize))
	if got := m.Names(); len(got) != 9 || got[0] != "t_month" || got[1] != "t_hour" || got[2] != "t_day_of_week=0" {
		t.Fatal(got)
	}
	wantNumbers(t, m, 0, -1, 0, 1)
	wantNumbers(t, m, 1, -1, 0, 1)
	if got := m.Features[2].Codes; !reflect.DeepEqual(got, []int32{3, -1, 1}) {
		t.Fatal(got)
	}
	if len(fitted.Inputs) != 1 || len(fitted.Chains) != 3 {
		t.Fatalf("%+v", fitted)
	}
}

// randomTable has columns of every kind with missing values, and a list of
// features over them.
func randomTable(r *rand.Rand, rows int) (*frame.Frame, []pipeline.Feature) {
	f, list := &frame.Frame{Rows: rows}, []pipeline.Feature{}
	var plain []string
	for j := range 2 + r.IntN(8) {
		c := frame.Column{Name: fmt.Sprintf("c%d", j), Kind: frame.Kind(r.IntN(3))}
		missing := r.Float64() * 0.5
		var apply []pipeline.Transform
		switch c.Kind {
		case frame.Text:
			for k := range 1 + r.IntN(30) {
				c.Dict = append(c.Dict, fmt.Sprintf("v%d é", k*7%31))
			}
			if r.IntN(2) == 0 {
				apply = append(apply, imputes[r.IntN(2)])
			}
			apply = append(apply, texts[r.IntN(len(texts))]...)
			if apply[0].Impute != nil && apply[len(apply)-1].Impute != nil { // a text is imputed once
				apply = apply[1:]
			}
		case frame.Time:
			parts := dateParts([]string{"hour", "day"}, "year", "month", "day", "minute")
			parts.DateParts.Cyclical = []string{"day_of_week", "hour"}
			apply = append(apply, parts, imputes[r.IntN(2)], standardize)
		default:
			for range r.IntN(4) {
				apply = append(apply, numbers[r.IntN(len(numbers))])
			}
			if r.IntN(3) == 0 {
				apply = append([]pipeline.Transform{log1p}, apply...)
			}
			if r.IntN(4) == 0 {
				apply = append(apply, pipeline.Transform{Bin: &pipeline.Bin{Bins: 2 + r.IntN(9), Strategy: []string{"quantile", "uniform"}[r.IntN(2)]}})
			}
			plain = append(plain, c.Name)
		}
		scale := math.Pow(10, float64(r.IntN(12)-6))
		for range rows {
			gone := r.Float64() < missing
			switch {
			case c.Kind == frame.Text && gone:
				c.Codes = append(c.Codes, frame.MissingCode)
			case c.Kind == frame.Text:
				c.Codes = append(c.Codes, int32(r.IntN(len(c.Dict))))
			case c.Kind == frame.Time && gone:
				c.Times = append(c.Times, frame.MissingTime)
			case c.Kind == frame.Time:
				c.Times = append(c.Times, r.Int64()>>uint(r.IntN(20)))
			case gone:
				c.Numbers = append(c.Numbers, nan)
			default:
				c.Numbers = append(c.Numbers, r.NormFloat64()*scale)
			}
		}
		f.Columns = append(f.Columns, c)
		list = append(list, entry(c.Name, apply...))
	}
	if len(plain) > 1 {
		formula := pipeline.Expr{Name: "formula", Formula: plain[0] + " / (1 + abs(" + plain[1] + ")) - if(" + plain[1] + " > 0, 1, log(" + plain[0] + "))"}
		list = append(list, pipeline.Feature{Columns: plain[:2], Apply: []pipeline.Transform{{Expr: &formula}, {Impute: &pipeline.Impute{Indicator: true}}, standardize}})
		for k, name := range plain { // products need names of their own
			if k < 3 {
				c := *f.Column(name)
				c.Name += "_factor"
				f.Columns = append(f.Columns, c)
			}
		}
		list = append(list, pipeline.Feature{Columns: []string{plain[0] + "_factor", plain[1] + "_factor"}, Apply: []pipeline.Transform{standardize, {Polynomial: &pipeline.Polynomial{InteractionOnly: r.IntN(2) == 0}}}})
	}
	if r.IntN(2) == 0 {
		list = append(list, pipeline.Feature{Select: &pipeline.Select{Top: new(3 + r.IntN(9)), Keep: []string{"c0"}}})
	}
	return f, list
}

var (
	imputes = []pipeline.Transform{impute("most_frequent"), {Impute: &pipeline.Impute{Strategy: "most_frequent", Indicator: true}}}
	numbers = []pipeline.Transform{standardize, impute("median"), {MinMax: &pipeline.MinMax{Clip: true}}, {Robust: &pipeline.Robust{}}, {Power: &pipeline.Power{}}, {Clip: &pipeline.Clip{Lower: new(0.1), Max: new(2.5)}}, {Bin: &pipeline.Bin{Encode: "ordinal"}}}
	texts   = [][]pipeline.Transform{
		{oneHot(5, 2)}, {oneHot(20, 0)}, {{OneHot: &pipeline.OneHot{MaxCategories: 4, Unknown: "ignore"}}}, {{Ordinal: &pipeline.Ordinal{}}}, {{Frequency: &pipeline.Frequency{}}, standardize},
		{{TargetEncode: &pipeline.TargetEncode{}}}, {{Hash: &pipeline.Hash{Bits: 4}}}, {{TextLength: &struct{}{}}, {MinMax: &pipeline.MinMax{}}}, {{NGrams: &pipeline.NGrams{Bits: 3}}},
	}
)

// supervised gives random targets to learn from.
func supervised(r *rand.Rand, rows int) feature.Option {
	y := make([]float64, rows)
	for i := range y {
		y[i] = r.NormFloat64()
	}
	return feature.Supervised(&feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}, y)
}

// One row or all of them, once encoded and decoded or not, through old buffers
// or new: the same bits.
func TestRowByRowIsTheWholeBitForBit(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		f, list := randomTable(r, 1+r.IntN(200))
		fitted, err := feature.Fit(list, f, supervised(r, f.Rows))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := fitted.Apply(f)
		if err != nil {
			t.Fatal(err)
		}
		data, err := fitted.Encode()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := feature.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(decoded, fitted) {
			t.Fatalf("decoded %+v\nfitted %+v", decoded, fitted)
		}
		scratch := decoded.NewScratch()
		for row := range f.Rows {
			one, err := decoded.ApplyInto(f.Take([]int32{int32(row)}), scratch)
			if err != nil {
				t.Fatal(err)
			}
			for j, got := range one.Features {
				want := whole.Features[j]
				if got.Block() != want.Block() || got.Block() && got.Codes[0] != want.Codes[row] ||
					!got.Block() && (math.Float64bits(got.Numbers[0]) != math.Float64bits(want.Numbers[row]) ||
						math.Float64bits(got.Native()[0]) != math.Float64bits(want.Native()[row])) {
					t.Fatalf("seed %d row %d: %+v is not the row of %s", seed, row, got, want.Name)
				}
				if !got.Block() && (math.IsNaN(got.Numbers[0]) || math.IsInf(got.Numbers[0], 0)) {
					t.Fatalf("seed %d row %d: %s is %v", seed, row, got.Name, got.Numbers[0])
				}
			}
		}
	}
}

func TestTheSameBytesWithAnyNumberOfThreads(t *testing.T) {
	f, list := randomTable(rand.New(rand.NewPCG(5, 5)), 70_000)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []byte
	for _, threads := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(threads)
		fitted, err := feature.Fit(list, f, supervised(rand.New(rand.NewPCG(1, 1)), f.Rows))
		if err != nil {
			t.Fatal(err)
		}
		got, err := fitted.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		} else if string(want) != string(got) {
			t.Fatalf("%d threads give other bytes", threads)
		}
	}
}

// request is one row of 20 columns: 12 numbers, 6 texts, 2 times.
func request() (*frame.Frame, []pipeline.Feature) {
	f, list := &frame.Frame{Rows: 2}, []pipeline.Feature{}
	for j := range 20 {
		name := fmt.Sprintf("column_%02d", j)
		switch {
		case j < 12:
			f.Columns = append(f.Columns, number(name, float64(j), 3))
			list = append(list, entry(name, impute("median"), log1p, standardize))
		case j < 18:
			f.Columns = append(f.Columns, text(name, "JFK", "LAX"))
			list = append(list, entry(name, impute("most_frequent"), oneHot(50, 0)))
		default:
			f.Columns = append(f.Columns, frame.Column{Name: name, Kind: frame.Time, Times: []int64{1, 1e15}})
			list = append(list, entry(name, dateParts([]string{"hour"}, "month", "day"), standardize))
		}
	}
	return f, list
}

func TestARequestAllocatesNothing(t *testing.T) {
	f, list := request()
	fitted, _ := fitApply(t, f, list...)
	one, scratch := f.Take([]int32{0}), fitted.NewScratch()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := fitted.ApplyInto(one, scratch); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations a request", n)
	}
}

func BenchmarkRequestOf20Columns(b *testing.B) {
	f, list := request()
	fitted, err := feature.Fit(list, f)
	if err != nil {
		b.Fatal(err)
	}
	one, scratch := f.Take([]int32{0}), fitted.NewScratch()
	for b.Loop() {
		if _, err := fitted.ApplyInto(one, scratch); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNamesAreThoseOfTheMatrix(t *testing.T) {
	f, list := request()
	fitted, m := fitApply(t, f, list...)
	if !reflect.DeepEqual(fitted.Names(), m.Names()) || len(m.Names()) != 12+12+2*2+2*24 {
		t.Fatal(fitted.Names())
	}
}
