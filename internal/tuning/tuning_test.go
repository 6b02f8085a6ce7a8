package tuning_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

func refused(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Fatalf("%v is not %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestTheBestOfEachKindWinsAndTiesGoToTheEarlier(t *testing.T) {
	scored := func(id int, kind string, scores ...float64) tuning.Scored {
		return tuning.Scored{Trial: tuning.Trial{ID: id, Kind: kind}, Scores: scores, State: tuning.Finished}
	}
	all := []tuning.Scored{scored(0, "baseline", 9, 9), scored(1, "a", 3, 5), scored(2, "a", 4, 4), scored(3, "a", math.NaN(), 1), scored(4, "b", 2, 2)}
	for metric, want := range map[string]string{"rmse": "0 1 4", "r2": "0 1 4"} {
		best, err := tuning.Choose(all, metric)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, b := range best {
			ids = append(ids, fmt.Sprint(b.Trial.ID))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: chose %s, want %s", metric, got, want)
		}
	}
	best, err := tuning.Choose(append(all, scored(5, "a", 5, 5)), "r2")
	if err != nil || best[1].Trial.ID != 5 {
		t.Fatalf("%+v %v", best, err)
	}
	if got := tuning.Best(best, "rmse").Trial.ID; got != 4 {
		t.Fatalf("best is %d", got)
	}
	_, err = tuning.Choose([]tuning.Scored{scored(0, "baseline", 1), scored(1, "ols", math.Inf(1)), scored(2, "ols")}, "rmse")
	refused(t, err, fault.TrainingFailed, "rmse")
}

// flights is y = 3x + an effect of the carrier + noise, late if y > 0.
func flights(rows int) (*frame.Frame, []pipeline.Feature) {
	r := rand.New(rand.NewPCG(1, 1))
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "x", Numbers: make([]float64, rows)}, {Name: "carrier", Kind: frame.Text, Codes: make([]int32, rows), Dict: []string{"AA", "UA", "WN"}},
		{Name: "y", Numbers: make([]float64, rows)}, {Name: "late", Numbers: make([]float64, rows)},
	}}
	for i := range rows {
		x, c := r.NormFloat64(), int32(r.IntN(3))
		y := 3*x + float64(c) - 1 + r.NormFloat64()/2
		f.Columns[0].Numbers[i], f.Columns[1].Codes[i], f.Columns[2].Numbers[i] = x, c, y
		if y > 0 {
			f.Columns[3].Numbers[i] = 1
		}
	}
	return f, []pipeline.Feature{
		{Columns: []string{"x"}, Apply: []pipeline.Transform{{Standardize: &struct{}{}}}},
		{Columns: []string{"carrier"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 9}}}},
	}
}

func halves(rows int) (train, held []int32) {
	for i := range int32(rows) {
		if i%2 == 0 {
			train = append(train, i)
		} else {
			held = append(held, i)
		}
	}
	return train, held
}

func TestAFoldIsScoredOnRowsItDidNotSee(t *testing.T) {
	ctx := context.Background()
	f, plan := flights(2000)
	train, held := halves(f.Rows)
	for _, c := range []struct {
		problem pipeline.Problem
		kind    string
		metric  string
		low     float64
		high    float64
	}{
		{pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"}, "ols", "rmse", 0.45, 0.55},
		{pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"}, "baseline", "r2", -0.02, 0},
		{pipeline.Problem{Task: pipeline.Binary, Target: "late", Metric: "log_loss"}, "logistic", "roc_auc", 0.97, 1},
		{pipeline.Problem{Task: pipeline.Binary, Target: "late", Metric: "log_loss"}, "baseline", "roc_auc", 0.5, 0.5},
	} {
		trial := tuning.Trial{Kind: c.kind}
		got, err := tuning.FitFold(ctx, plan, c.problem, f, train, held, trial)
		if err != nil {
			t.Fatal(err)
		}
		if v := got.Scores[c.metric]; !(v >= c.low && v <= c.high) {
			t.Errorf("%s: %s is %v", c.kind, c.metric, v)
		}
		// What the held rows hold must not reach the fit: spoil them, fit again.
		spoilt := f.Take(append(append([]int32{}, train...), held...))
		for i := len(train); i < f.Rows; i++ {
			spoilt.Columns[0].Numbers[i] = 1e6
		}
		first, err := tuning.FitFull(ctx, plan, c.problem, f.Take(train), trial)
		if err != nil {
			t.Fatal(err)
		}
		again := make([]int32, len(train))
		for i := range again {
			again[i] = int32(i)
		}
		second, err := tuning.FitFull(ctx, plan, c.problem, spoilt.Take(again), trial)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := model.Encode(first.Model)
		b, _ := model.Encode(second.Model)
		if !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s: two fits on the same rows differ", c.kind)
		}
		spoiltFold, err := tuning.FitFold(ctx, plan, c.problem, spoilt, again, again, trial)
		if err != nil {
			t.Fatal(err)
		}
		inSample, err := tuning.FitFold(ctx, plan, c.problem, f, train, train, trial)
		if err != nil || spoiltFold.Scores[c.metric] != inSample.Scores[c.metric] {
			t.Errorf("%s: rows held out changed the fit: %v %v", c.kind, spoiltFold.Scores, inSample.Scores)
		}
	}
}

func TestFoldsThatCannotBeFittedSayWhy(t *testing.T) {
	ctx := context.Background()
	f, plan := flights(100)
	var late, early []int32
	for i := range int32(100) {
		if f.Columns[3].Numbers[i] == 1 {
			late = append(late, i)
		} else {
			early = append(early, i)
		}
	}
	binary := pipeline.Problem{Task: pipeline.Binary, Target: "late", Metric: "roc_auc"}
	_, err := tuning.FitFold(ctx, plan, binary, f, late, early, tuning.Trial{Kind: "logistic"})
	refused(t, err, fault.TrainingFailed, "class 0", "fewer folds")
	both := append(append([]int32{}, late[:5]...), early[:5]...)
	_, err = tuning.FitFold(ctx, plan, binary, f, both, early, tuning.Trial{Kind: "logistic"})
	refused(t, err, fault.TrainingFailed, "roc_auc", "no row is of the positive class")
	_, err = tuning.FitFold(ctx, plan, pipeline.Problem{Task: pipeline.Regression, Target: "late", Metric: "rmse"}, f, late, early, tuning.Trial{Kind: "ols"})
	refused(t, err, fault.TrainingFailed, "is 1 in every")
	_, err = tuning.FitFold(ctx, plan, binary, f, nil, early, tuning.Trial{Kind: "logistic"})
	refused(t, err, fault.DatasetEmpty)
	_, err = tuning.FitFull(ctx, plan, pipeline.Problem{Task: pipeline.Binary, Target: "later"}, f, tuning.Trial{Kind: "logistic"})
	refused(t, err, fault.ColumnMissing, "later")
	_, err = tuning.FitFull(ctx, plan, binary, f, tuning.Trial{Kind: "forest"})
	refused(t, err, fault.PipelineInvalid, "forest")
}
