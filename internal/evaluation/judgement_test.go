package evaluation_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func judged(t *testing.T, o evaluation.Options) *evaluation.Evaluation {
	t.Helper()
	e, err := evaluation.Evaluate(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// planted is a regression whose error grows tenfold where bad says so.
func planted(n int, seed uint64, bad func(x float64, state int32, i int) bool) evaluation.Options {
	o := many(n, pipeline.Regression)
	r := rand.New(rand.NewPCG(seed, 7))
	x, y, states := o.Test.Column("x").Numbers, o.Test.Column("y").Numbers, o.Test.Column("state").Codes
	for i := range n {
		x[i], states[i] = r.Float64(), int32(r.IntN(8))
		noise := r.NormFloat64()
		if bad(x[i], states[i], i) {
			noise *= 4
		}
		y[i] = 2*x[i] + noise
	}
	o.Champion = nil
	return o
}

func nowhere(float64, int32, int) bool { return false }

func TestAPlantedWeakSliceIsFound(t *testing.T) {
	o := planted(6000, 1, func(x float64, state int32, _ int) bool { return state == 3 && x > 0.6 })
	e := judged(t, o)
	if len(e.Slices.Found) == 0 {
		t.Fatalf("%+v", e.Slices.Searched)
	}
	worst := e.Slices.Found[0]
	if name := worst.Name(); !strings.Contains(name, "state = AD") || !strings.Contains(name, "x = above 0.") || worst.P > 0.05 || worst.Whole.Interval.Low <= 0 {
		t.Fatalf("found %s: %+v", name, worst)
	}
	if len(e.Slices.Declared) != 8 || e.Slices.Small != 0 {
		t.Fatalf("%d slices declared", len(e.Slices.Declared))
	}
	rows := 0
	for _, s := range e.Slices.Declared {
		rows += s.Rows
	}
	if rows != 6000 {
		t.Fatalf("the slices of a column have %d rows", rows)
	}
	for _, limit := range e.Limits() {
		if strings.Contains(limit, "weaker where") {
			return
		}
	}
	t.Fatalf("the card would not say it: %q", e.Limits())
}

// TestNoiseIsNotAnnounced: with twelve columns and their pairs, about a thousand
// parts are looked at; at 5 % for all of them together, 2 of 25 may still speak.
func TestNoiseIsNotAnnounced(t *testing.T) {
	announced := 0
	for seed := range uint64(25) {
		o := planted(1500, seed+100, nowhere)
		o.Evaluate = pipeline.Evaluate{MinSliceRows: 50}
		e := judged(t, o)
		if e.Slices.Searched.Slices < 200 {
			t.Fatalf("looked at %d parts only", e.Slices.Searched.Slices)
		}
		if len(e.Slices.Found) > 0 {
			announced++
		}
	}
	if announced > 4 { // of Binomial(25, 0.05) once in 140
		t.Fatalf("noise was announced %d times of 25", announced)
	}
}

func TestTooFewRowsAreNotSpokenOf(t *testing.T) {
	o := planted(150, 1, nowhere)
	e := judged(t, o)
	if len(e.Slices.Declared) != 0 || e.Slices.Small != 8 || len(e.Slices.Found) != 0 || e.OverTime != nil || len(e.Fairness[0].Groups) != 0 || e.Fairness[0].Gaps != nil {
		t.Fatalf("%+v %+v", e.Slices, e.Fairness)
	}
}

func TestASliceThatCannotBeScoredSaysWhy(t *testing.T) {
	o := many(2000, pipeline.Binary)
	y, states := o.Test.Column("y").Numbers, o.Test.Column("state").Codes
	weights := make([]float64, 2000)
	for i := range y {
		states[i], weights[i] = int32(i%3), 1
		switch states[i] {
		case 0:
			y[i] = 0
		case 1:
			weights[i] = 0
		}
	}
	o.Test.Columns = append(o.Test.Columns, frame.Column{Name: "w", Numbers: weights})
	o.Problem.Weight, o.Problem.Metric = "w", "roc_auc"
	e := judged(t, o)
	why := map[string]string{}
	for _, s := range e.Slices.Declared {
		why[s.Where[0].Value] = s.Undefined
	}
	if !strings.Contains(why["AA"], "positive class") || !strings.Contains(why["AB"], "weigh nothing") || why["AC"] != "" {
		t.Fatalf("%v", why)
	}
	if len(e.Fairness[0].Groups) != 2 || e.Fairness[0].Groups[0].TPR != nil {
		t.Fatalf("%+v", e.Fairness[0])
	}
}

func TestAModelThatAgesIsWarnedOf(t *testing.T) {
	ages := judged(t, planted(6000, 2, func(_ float64, _ int32, i int) bool { return i > 4000 }))
	if ages.OverTime == nil || len(ages.OverTime.Periods) != 16 || !strings.Contains(ages.OverTime.Warning, "gets worse") {
		t.Fatalf("%+v", ages.OverTime)
	}
	steady := judged(t, planted(6000, 2, nowhere))
	if steady.OverTime.Warning != "" || steady.OverTime.Trend == nil {
		t.Fatalf("%+v", steady.OverTime)
	}
	betters := judged(t, planted(6000, 2, func(_ float64, _ int32, i int) bool { return i < 3000 }))
	if betters.OverTime.Warning != "" || betters.OverTime.Trend.Value >= 0 {
		t.Fatalf("%+v", betters.OverTime)
	}
}

func TestWhatTheModelUsesIsImportant(t *testing.T) {
	e := judged(t, planted(2000, 3, nowhere))
	u := e.Usage
	if u.Importances[0].Column != "x" || u.Importances[0].Mean < 0.05 {
		t.Fatalf("%+v", u.Importances)
	}
	for _, i := range u.Importances[1:] {
		if i.Mean != 0 || i.Deviation != 0 {
			t.Fatalf("what the model does not read has importance: %+v", i)
		}
	}
	d := u.Dependence
	if len(d) != 1 || d[0].Column != "x" || len(d[0].Values) != 20 {
		t.Fatalf("%+v", d)
	}
	for i, x := range d[0].Values {
		if math.Abs(d[0].Series[0].Y[i]-2*x) > 1e-12 {
			t.Fatalf("the mean answer at %v is %v", x, d[0].Series[0].Y[i])
		}
	}
}

// TestGapsAreThoseOfFairlearn compares with bench/reference/fairness.py.
func TestGapsAreThoseOfFairlearn(t *testing.T) {
	data, err := os.ReadFile("testdata/fairness.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Y, P, Weights []float64
		Group         []int32
		Groups        map[string]map[string]float64
		Gaps          map[string]float64
	}
	if err := json.Unmarshal(data, &want); err != nil || len(want.Y) < 100 {
		t.Fatal(err)
	}
	f := &frame.Frame{Rows: len(want.Y), Columns: []frame.Column{
		{Name: "x", Numbers: want.P}, {Name: "y", Numbers: want.Y}, {Name: "w", Numbers: want.Weights},
		{Name: "group", Kind: frame.Text, Codes: want.Group, Dict: []string{"a", "b", "c"}},
	}}
	classes := []string{"0", "1"}
	e := judged(t, evaluation.Options{
		Problem:  pipeline.Problem{Task: pipeline.Binary, Target: "y", Metric: "log_loss", Weight: "w"},
		Evaluate: pipeline.Evaluate{Fairness: []string{"group"}, MinSliceRows: 10}, Test: f, Validation: f,
		Contenders: []evaluation.Contender{{Name: "baseline", Kind: "baseline", Predictor: line{classes: classes}}, {Name: "m", Predictor: line{slope: 1, classes: classes}}},
	})
	got := e.Fairness[0]
	if len(got.Groups) != 3 || len(got.Gaps) != 3 {
		t.Fatalf("%+v", got)
	}
	for _, g := range got.Groups {
		w := want.Groups[g.Name]
		for name, v := range map[string]float64{"selection_rate": *g.Selection, "true_positive_rate": *g.TPR, "false_positive_rate": *g.FPR} {
			if math.Abs(v-w[name]) > 1e-12 {
				t.Errorf("%s of %s is %v, want %v", name, g.Name, v, w[name])
			}
		}
	}
	for name, v := range want.Gaps {
		if math.Abs(got.Gaps[name]-v) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got.Gaps[name], v)
		}
	}
}

func TestAnEvaluationIsTheSameWhateverTheThreads(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var got [2]string
	for i, threads := range []int{1, 4} {
		runtime.GOMAXPROCS(threads)
		data, err := json.Marshal(judged(t, many(3000, pipeline.Binary)))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = string(data)
	}
	if got[0] != got[1] {
		t.Fatal("one thread and four give different bytes")
	}
}

func TestALookIsRecordedBeforeTheTestRowsAreRead(t *testing.T) {
	o := options(nil)
	o.Look = func(_ context.Context, chosen int) (evaluation.Look, error) {
		if chosen != 1 {
			t.Errorf("contender %d is looked at", chosen)
		}
		return evaluation.Look{Number: 12}, nil
	}
	e := judged(t, o)
	var page strings.Builder
	if err := e.HTML(&page, "x"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"look 12 at these test rows", "11 other model versions", "worn"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	o.Test = &frame.Frame{} // never read, because the look fails first
	o.Look = func(context.Context, int) (evaluation.Look, error) {
		return evaluation.Look{}, fault.New(fault.DatabaseUnavailable, "gone")
	}
	if _, err := evaluation.Evaluate(context.Background(), o); fault.KindOf(err) != fault.DatabaseUnavailable {
		t.Fatal(err)
	}
}

func TestRowsWeighInEveryScore(t *testing.T) {
	o := options(nil)
	o.Problem.Weight = "w"
	o.Validation.Columns = append(o.Validation.Columns, frame.Column{Name: "w", Numbers: []float64{1, 1, 1}})
	o.Test.Columns = append(o.Test.Columns, frame.Column{Name: "w", Numbers: []float64{0, 0, 0, 2}})
	if e := judged(t, o); e.Test.Scores["rmse"] != 4 || e.Baseline.Scores["mae"] != 12 {
		t.Fatalf("%+v", e.Test.Scores)
	}
	o.Problem.Weight = "gone"
	if _, err := evaluation.Evaluate(context.Background(), o); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatal(err)
	}
	o.Problem.Weight = "w"
	o.Test.Columns[2] = frame.Column{Name: "w", Kind: frame.Text, Codes: []int32{0, 0, 0, 0}, Dict: []string{"1"}}
	if _, err := evaluation.Evaluate(context.Background(), o); fault.KindOf(err) != fault.TypeMismatch {
		t.Fatal(err)
	}
}

func TestOneRowAndAConstantTargetAreJudged(t *testing.T) {
	o := options(nil)
	o.Test = rows([]float64{2}, []float64{5})
	e := judged(t, o)
	if e.Test.Scores["rmse"] != 1 || e.Test.Undefined["r2"] == "" || e.Usage != nil || e.OverTime != nil {
		t.Fatalf("%+v", e.Test)
	}
	var page strings.Builder
	if err := e.HTML(&page, "one row"); err != nil || strings.Contains(page.String(), "NaN") {
		t.Fatal(err)
	}
	o.Evaluate.Slices = []pipeline.SliceEntry{{"gone"}}
	if _, err := evaluation.Evaluate(context.Background(), o); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatal(err)
	}
	o.Evaluate = pipeline.Evaluate{Fairness: []string{"gone"}}
	if _, err := evaluation.Evaluate(context.Background(), o); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatal(err)
	}
}

func TestAWholePageIsSmallAndSurvivesTheWay(t *testing.T) {
	for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Binary} {
		e := judged(t, many(3000, task))
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back evaluation.Evaluation
		if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(&back, e) {
			t.Fatalf("%s does not survive JSON: %v", task, err)
		}
		var page strings.Builder
		if err := e.HTML(&page, "whole"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`id="decision"`, `id="scores"`, `id="diagnostics"`, `id="slices"`, `id="fairness"`, `id="time"`, `id="usage"`, `id="limits"`, "old@1"} {
			if !strings.Contains(page.String(), want) {
				t.Errorf("the page of %s lacks %s", task, want)
			}
		}
		if page.Len() > 300_000 || strings.Contains(page.String(), "NaN") {
			t.Errorf("the page of %s has %d bytes", task, page.Len())
		}
	}
}
