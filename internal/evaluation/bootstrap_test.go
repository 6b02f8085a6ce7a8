package evaluation

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

func sampleOf(t *testing.T, task pipeline.Task, n int, skill float64, seed uint64) *prepared {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	s := Sample{Task: task}
	for range n {
		x := r.NormFloat64()
		if task == pipeline.Regression {
			s.Y, s.P = append(s.Y, skill*x+r.NormFloat64()), append(s.P, skill*x)
			continue
		}
		q := 1 / (1 + math.Exp(-skill*x))
		y := 0.0
		if r.Float64() < q {
			y = 1
		}
		s.Classes, s.Y, s.P = 2, append(s.Y, y), append(s.P, 1-q, q)
	}
	p, err := prepare(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCountsOfADrawArePoisson(t *testing.T) {
	base := make([]float64, 200_001)
	for i := range base {
		base[i] = 1
	}
	out := make([]float64, len(base))
	resamplingOf(1000, 3).weigh(7, base, nil, out)
	var sum, square, zero float64
	for _, v := range out {
		sum, square = sum+v, square+v*v
		if v == 0 {
			zero++
		}
	}
	n := float64(len(out))
	if mean := sum / n; math.Abs(mean-1) > 0.01 || math.Abs(square/n-mean*mean-1) > 0.02 || math.Abs(zero/n-math.Exp(-1)) > 0.005 {
		t.Fatalf("mean %v, square %v, none %v", mean, square/n, zero/n)
	}
	// A part of the rows is drawn as within the whole.
	rows, part := []int32{5, 77, 200_000}, make([]float64, 3)
	resamplingOf(1000, 3).weigh(7, base[:3], rows, part)
	for i, row := range rows {
		if part[i] != out[row] {
			t.Fatalf("row %d has count %v, within the whole %v", row, part[i], out[row])
		}
	}
}

// TestIntervalsAreAsWideAsTheoryHasThem compares with the standard error of a
// mean, and with Hanley and McNeil's (1982) of an area.
func TestIntervalsAreAsWideAsTheoryHasThem(t *testing.T) {
	p := sampleOf(t, pipeline.Regression, 4000, 1, 1)
	drawn, err := resamplingOf(len(p.Y), 0).replicate(context.Background(), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	mean := average(len(p.errors), func(i int) float64 { return p.errors[i] })
	deviation := math.Sqrt(average(len(p.errors), func(i int) float64 { return (p.errors[i] - mean) * (p.errors[i] - mean) }))
	i := drawn[0].interval("mae")
	if width, want := i.High-i.Low, 2*1.96*deviation/math.Sqrt(4000); math.Abs(width/want-1) > 0.12 || i.Low > mean || i.High < mean {
		t.Fatalf("%+v is %v wide, want %v around %v", i, width, want, mean)
	}
	if drawn[0].interval("max_error") != nil {
		t.Fatal("no resample exceeds the largest error, so it has no interval")
	}
	b := sampleOf(t, pipeline.Binary, 4000, 1, 2)
	drawn, err = resamplingOf(len(b.Y), 0).replicate(context.Background(), nil, b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.point()
	if err != nil {
		t.Fatal(err)
	}
	a, n1 := s.Values["roc_auc"], total(b.weights, func(i int) float64 { return b.Y[i] })
	n0 := 4000 - n1
	q1, q2 := a/(2-a), 2*a*a/(1+a)
	want := 2 * 1.96 * math.Sqrt((a*(1-a)+(n1-1)*(q1-a*a)+(n0-1)*(q2-a*a))/(n1*n0))
	if i := drawn[0].interval("roc_auc"); math.Abs((i.High-i.Low)/want-1) > 0.15 {
		t.Fatalf("%+v, want a width of %v", i, want)
	}
}

func TestDrawsDoNotDependOnThreads(t *testing.T) {
	p := sampleOf(t, pipeline.Binary, 700, 1, 3)
	var got [2]replicates
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for i, threads := range []int{1, 5} {
		runtime.GOMAXPROCS(threads)
		drawn, err := resampling{seed: 1, draws: 50}.replicate(context.Background(), nil, p)
		if err != nil {
			t.Fatal(err)
		}
		got[i] = drawn[0]
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Fatal("the draws of one thread and of five differ")
	}
	other, err := resampling{seed: 2, draws: 50}.replicate(context.Background(), nil, p)
	if err != nil || reflect.DeepEqual(got[0], other[0]) {
		t.Fatal("another seed gives the same draws", err)
	}
}

// TestAPairedDifferenceIsSurerThanTwoIntervals: models that err alike differ by
// far less than either is uncertain.
func TestAPairedDifferenceIsSurerThanTwoIntervals(t *testing.T) {
	p := sampleOf(t, pipeline.Regression, 2000, 1, 4)
	worse := p.Sample
	worse.P = make([]float64, len(p.P))
	for i, v := range p.P {
		worse.P[i] = v + 0.3
	}
	q, err := prepare(worse)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := resamplingOf(len(p.Y), 0).replicate(context.Background(), nil, p, q)
	if err != nil {
		t.Fatal(err)
	}
	own, over := drawn[0].interval("rmse"), drawn[0].minus(drawn[1], "rmse")
	if over.High >= 0 || over.High-over.Low > (own.High-own.Low)/2 {
		t.Fatalf("difference %+v, own %+v", over, own)
	}
}

// TestBinsOfLikeRankTellWhatRowsTell compares the fast way of a draw of many rows
// with the exact one, ties and weights included.
func TestBinsOfLikeRankTellWhatRowsTell(t *testing.T) {
	for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Binary} {
		p := sampleOf(t, task, 60_000, 1, 5)
		if task == pipeline.Binary {
			for i := 1; i < len(p.P); i += 2 {
				p.P[i] = math.Round(p.P[i]*5000) / 5000
				p.P[i-1] = 1 - p.P[i]
			}
		}
		p, err := prepare(p.Sample)
		if err != nil {
			t.Fatal(err)
		}
		if !p.binned() {
			t.Fatal("so many rows are binned")
		}
		w := make([]float64, len(p.Y))
		resamplingOf(10, 0).weigh(0, p.weights, nil, w)
		exact, fast := p.under(w, true).Values, p.under(w, false).Values
		for name, v := range exact {
			if math.Abs(v-fast[name]) > 1e-3*max(1, math.Abs(v)) {
				t.Errorf("%s is %v by rows and %v by bins", name, v, fast[name])
			}
		}
	}
}

func TestAMetricThatFewDrawsDefineHasNoInterval(t *testing.T) {
	p, err := prepare(Sample{Task: pipeline.Binary, Classes: 2, Y: []float64{0, 0, 0, 1}, P: []float64{.6, .4, .7, .3, .8, .2, .3, .7}})
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := resamplingOf(4, 0).replicate(context.Background(), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	if drawn[0].interval("roc_auc") != nil || drawn[0].interval("log_loss") == nil {
		t.Fatalf("%+v %+v", drawn[0].interval("roc_auc"), drawn[0].interval("log_loss"))
	}
}

func TestTheThresholdIsTheCheapestOfAll(t *testing.T) {
	for seed := range uint64(20) {
		p := sampleOf(t, pipeline.Binary, 60, 1.5, seed)
		for i := range p.weights {
			p.weights[i] = float64(i%3) + 0.5
		}
		costs := &pipeline.Costs{FalsePositive: float64(seed%4) + 1, FalseNegative: 3}
		d := decide(costs, p)
		p.Decision = d
		got := p.cost(d.Threshold).Total
		for i := range p.Y {
			if other := p.cost(p.P[2*i+1]).Total; other < got-1e-9 {
				t.Fatalf("threshold %v costs %v, %v costs %v", d.Threshold, got, p.P[2*i+1], other)
			}
		}
		if never := p.cost(2).Total; never < got-1e-9 {
			t.Fatalf("threshold %v costs %v, never answering costs %v", d.Threshold, got, never)
		}
	}
	if decide(nil, sampleOf(t, pipeline.Binary, 5, 1, 1)) != nil {
		t.Fatal("without costs no threshold is chosen")
	}
}

func TestCurvesEndWhereTheyMustAndEncloseTheArea(t *testing.T) {
	p := sampleOf(t, pipeline.Binary, 5000, 1, 9)
	c := p.curves()
	s, err := p.point()
	if err != nil {
		t.Fatal(err)
	}
	area := 0.0
	for i := 1; i < len(c.ROC); i++ {
		area += (c.ROC[i].X - c.ROC[i-1].X) * (c.ROC[i].Y + c.ROC[i-1].Y) / 2
	}
	last := func(points []Point) Point { return points[len(points)-1] }
	if math.Abs(area-s.Values["roc_auc"]) > 0.002 || last(c.ROC) != (Point{1, 1}) || last(c.Gain) != (Point{1, 1}) || last(c.Lift) != (Point{1, 1}) || last(c.PR).X != 1 {
		t.Fatalf("area %v, auc %v; %v %v %v", area, s.Values["roc_auc"], last(c.ROC), last(c.Gain), last(c.Lift))
	}
	if len(c.ROC) > maxCurvePoints+3 {
		t.Fatalf("%d points", len(c.ROC))
	}
	one, err := prepare(Sample{Task: pipeline.Binary, Classes: 2, Y: []float64{1, 1}, P: []float64{.5, .5, .4, .6}})
	if err != nil || one.curves() != nil {
		t.Fatal("one class has no curve", err)
	}
}
