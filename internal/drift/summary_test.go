package drift

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// rowsOf draws rows of all kinds, some missing, infinite or new, and predictions.
func rowsOf(seed uint64, rows int, shift float64) (features, outputs *frame.Frame) {
	r := rand.New(rand.NewPCG(seed, 7))
	n := frame.Column{Name: "n", Numbers: make([]float64, rows)}
	wild := frame.Column{Name: "wild", Numbers: make([]float64, rows)}
	s := frame.Column{Name: "s", Kind: frame.Text, Codes: make([]int32, rows)}
	for k := range 40 {
		s.Dict = append(s.Dict, fmt.Sprintf("category %d", k))
	}
	s.Dict = append(s.Dict, "")
	at := frame.Column{Name: "t", Kind: frame.Time, Times: make([]int64, rows)}
	answer := frame.Column{Name: "prediction", Numbers: make([]float64, rows)}
	for i := range rows {
		n.Numbers[i] = r.NormFloat64() + shift
		wild.Numbers[i] = math.Ldexp(r.NormFloat64(), r.IntN(1200)-600)
		s.Codes[i] = int32(min(r.IntN(41), r.IntN(41)))
		at.Times[i] = 1_700_000_000_000_000 + r.Int64N(86_400_000_000)
		switch r.IntN(20) {
		case 0:
			n.Numbers[i], s.Codes[i] = math.NaN(), frame.MissingCode
		case 1:
			wild.Numbers[i], at.Times[i] = math.Inf(r.IntN(2)*2-1), frame.MissingTime
		}
		answer.Numbers[i] = 10 * r.Float64()
	}
	return &frame.Frame{Rows: rows, Columns: []frame.Column{n, wild, s, at}}, &frame.Frame{Rows: rows, Columns: []frame.Column{answer}}
}

func summarised(t testing.TB, l *Layout, f, o *frame.Frame) *Summary {
	t.Helper()
	s, err := Summarize(l, f, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encoded(t testing.TB, s *Summary) []byte {
	t.Helper()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func part(f *frame.Frame, lo, hi int) *frame.Frame {
	rows := make([]int32, 0, hi-lo)
	for i := lo; i < hi; i++ {
		rows = append(rows, int32(i))
	}
	return f.Take(rows)
}

func TestSummariesMergeInAnyOrderToTheSameBytes(t *testing.T) {
	reference, answers := rowsOf(1, 3000, 0)
	l := LayoutOf(reference, answers)
	f, o := rowsOf(2, 5000, 1)
	for i := range f.Columns[2].Dict { // most texts are new, more than are kept
		f.Columns[2].Dict[i] += " again"
	}
	for k := range 200 {
		f.Columns[2].Dict = append(f.Columns[2].Dict, fmt.Sprintf("new %d", k))
		f.Columns[2].Codes[k*7] = int32(41 + k)
	}
	whole := summarised(t, l, f, o)
	for i := range 300 {
		whole.Service.Add(200+100*(i%4), int64(i*i), []string{"", "Timeout", "RequestInvalid"}[i%3])
	}
	var parts []*Summary
	for at := 0; at < f.Rows; {
		to := min(f.Rows, at+1+at/3)
		parts = append(parts, summarised(t, l, part(f, at, to), part(o, at, to)))
		at = to
	}
	for i := range 300 {
		parts[i%len(parts)].Service.Add(200+100*(i%4), int64(i*i), []string{"", "Timeout", "RequestInvalid"}[i%3])
	}
	want := encoded(t, whole)
	r := rand.New(rand.NewPCG(3, 3))
	for range 6 {
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		cut := 1 + r.IntN(len(parts)-2)
		left, err := Merge(l, parts[:cut]...)
		if err != nil {
			t.Fatal(err)
		}
		right, err := Merge(l, parts[cut:]...)
		if err != nil {
			t.Fatal(err)
		}
		// Through the codec, as rows of a table would come.
		if right, err = Decode(encoded(t, right), l); err != nil {
			t.Fatal(err)
		}
		both, err := Merge(l, right, New(l), left)
		if err != nil {
			t.Fatal(err)
		}
		if got := encoded(t, both); !bytes.Equal(got, want) {
			t.Fatalf("merged:\n%s\nwhole:\n%s", got, want)
		}
	}
	if c := whole.Column("s"); len(c.Unlisted.Texts) != kept || c.Unlisted.Distinct() < 150 || c.Unlisted.Distinct() > 350 {
		t.Errorf("%d distinct texts are estimated, of about 240", c.Unlisted.Distinct())
	}
	if n := len(want); n > 5*4000 {
		t.Errorf("five columns take %d bytes", n)
	}
}

func TestSummaryDoesNotDependOnThreads(t *testing.T) {
	f, o := rowsOf(4, 4000, 0)
	l := LayoutOf(f, o)
	want := encoded(t, summarised(t, l, f, o))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !bytes.Equal(encoded(t, summarised(t, LayoutOf(f, o), f, o)), want) {
		t.Error("one thread gives other bytes")
	}
}

func TestSumsAreExact(t *testing.T) {
	values := []float64{1e300, 1, -1e300, 5e-324, math.MaxFloat64, -math.MaxFloat64, 0x1p-1022, -3.5, 1e-200}
	var sum, squares accumulator
	wantSum, wantSquares := new(big.Rat), new(big.Rat)
	for _, x := range values {
		sum.add(x)
		squares.addSquare(x)
		r := new(big.Rat).SetFloat64(x)
		wantSum.Add(wantSum, r)
		wantSquares.Add(wantSquares, new(big.Rat).Mul(r, r))
	}
	var s, q Exact
	sum.into(&s)
	squares.into(&q)
	scale := new(big.Int).Lsh(big.NewInt(1), unit)
	if new(big.Rat).SetFrac(&s.n, scale).Cmp(wantSum) != 0 || new(big.Rat).SetFrac(&q.n, scale).Cmp(wantSquares) != 0 {
		t.Fatal("a sum is not exact")
	}
	for _, e := range []*Exact{&s, &q, {}} {
		text, _ := e.MarshalText()
		var back Exact
		if err := back.UnmarshalText(text); err != nil || back.n.Cmp(&e.n) != 0 {
			t.Errorf("%s reads back as %v, %v", text, &back.n, err)
		}
	}
	for _, bad := range []string{"", "1", "xp1", "1p9999999", "1p-2149"} {
		if new(Exact).UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestColumnsCountWhatTheyHold(t *testing.T) {
	f := &frame.Frame{Rows: 8, Columns: []frame.Column{
		{Name: "n", Numbers: []float64{1, 2, 3, 4, math.NaN(), math.Inf(1), -7, 99}},
		{Name: "s", Kind: frame.Text, Dict: []string{"a", "b", "", "z"}, Codes: []int32{0, 0, 1, 2, -1, 3, 3, 0}},
	}}
	l := &Layout{Features: []Field{
		NumberField("n", frame.Number, 1, 4, []float64{2, 3}, []float64{.5, .25, .25}),
		TextField("s", []string{"b", "a"}),
		EmptyField("gone", frame.Number),
	}}
	s := summarised(t, l, f, &frame.Frame{Rows: 8})
	n, text := s.Column("n"), s.Column("s")
	if !slices.Equal(n.Bins, []int64{1, 2, 1, 1, 1}) || n.Missing != 1 || n.Infinite != 1 || *n.Least != -7 || *n.Greatest != 99 {
		t.Errorf("numbers are %+v", n)
	}
	if n.Mean() != 17 || math.Abs(n.Deviation()-math.Sqrt((16*16+15*15+14*14+13*13+24*24+82*82)/6.)) > 1e-12 {
		t.Errorf("mean %v, deviation %v", n.Mean(), n.Deviation())
	}
	if !slices.Equal(text.Bins, []int64{1, 3}) || text.Missing != 2 || text.Unlisted.Rows != 2 || text.Unlisted.Texts[0].Text != "z" {
		t.Errorf("texts are %+v", text)
	}
	if s.Column("gone").Problem == "" {
		t.Error("a column that the rows lack has no problem")
	}
	if math.Abs(s.Service.Quantile(.5)) >= 0 {
		t.Error("no requests have a latency")
	}
}

func TestLatencyBins(t *testing.T) {
	last := -1
	for _, micros := range []int64{-5, 0, 1, 7, 8, 9, 15, 16, 17, 100, 1000, 12_345, 1e6, 1e9, 1 << 62} {
		bin := latencyBin(micros)
		if bin < last || bin >= latencyBins {
			t.Errorf("%d µs are in bin %d", micros, bin)
		}
		if last = bin; micros > 0 && micros < 1e10 && math.Abs(latencyOf(bin)/float64(micros)-1) > .07 {
			t.Errorf("%d µs are told as %v", micros, latencyOf(bin))
		}
	}
	var s Service
	for i := range 1000 {
		s.Add(200+300*(i/990), int64(i), "")
	}
	if all, failed := s.Requests(); all != 1000 || failed != 10 || math.Abs(s.Quantile(.9)/900-1) > .07 {
		t.Errorf("%d requests, %d failed, p90 %v", all, failed, s.Quantile(.9))
	}
}

func TestDecodeTrustsNothing(t *testing.T) {
	f, o := rowsOf(5, 600, 0)
	l := LayoutOf(f, o)
	good := encoded(t, summarised(t, l, f, o))
	for _, change := range [][2]string{
		{`"version":1`, `"version":2`}, {`"rows":600`, `"rows":599`}, {`"bins":[`, `"bins":[1,`}, {`"bins":[0,`, `"bins":[-1,`},
		{`"layout":"`, `"layout":"0`}, {`"name":"n"`, `"name":"m"`}, {`"sum":"`, `"sum":"!`}, {`{"version"`, `{"more":1,"version"`}, {"\n", "{}"}, {`"least":`, `"least":9`}, {`"squares":"`, `"squares":"-`}, {`"sum":"`, `"sum":"fffffff`},
	} {
		bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
		if _, err := Decode(bad, l); fault.KindOf(err) != fault.ArtifactCorrupt {
			t.Errorf("%s for %s: %v", change[1], change[0], err)
		}
	}
	other := LayoutOf(part(f, 0, 100), part(o, 0, 100))
	if _, err := Merge(other, New(l)); fault.KindOf(err) != fault.Internal {
		t.Errorf("another layout: %v", err)
	}
}

func BenchmarkSummarize1000000x20(b *testing.B) {
	const rows = 1_000_000
	f := &frame.Frame{Rows: rows}
	for j := range 20 {
		f.Columns = append(f.Columns, frame.Column{Name: fmt.Sprint(j), Numbers: make([]float64, rows)})
		r := rand.New(rand.NewPCG(1, uint64(j)))
		for i := range rows {
			f.Columns[j].Numbers[i] = r.NormFloat64()
		}
	}
	o := &frame.Frame{Rows: rows}
	l := LayoutOf(f, o)
	for b.Loop() {
		summarised(b, l, f, o)
	}
}

func FuzzDecode(f *testing.F) {
	rows, answers := rowsOf(6, 40, 0)
	l := LayoutOf(rows, answers)
	f.Add(encoded(f, summarised(f, l, rows, answers)))
	f.Add(encoded(f, New(l)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data, l)
		if err != nil {
			if fault.KindOf(err) != fault.ArtifactCorrupt {
				t.Fatal(err)
			}
			return
		}
		both, err := Merge(l, s, s)
		if err != nil {
			t.Fatal(err)
		}
		compared(t, l, s, both, Options{MinRows: 1})
	})
}
