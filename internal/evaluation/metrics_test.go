package evaluation_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Metrics are scikit-learn's: bench/reference/metrics.py.
func TestMetricsAreThoseOfScikitLearn(t *testing.T) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Task           pipeline.Task
		Classes        int
		Y, Predictions []float64
		Weights        []float64
		Scores         map[string]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 10 {
		t.Fatal(len(cases), err)
	}
	for i, c := range cases {
		s, err := evaluation.ScoreWeighted(c.Task, c.Y, c.Predictions, c.Weights, c.Classes)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Values
		for _, name := range pipeline.Metrics(c.Task) {
			v, ok := got[name]
			want, known := c.Scores[name]
			if !ok && !known && s.Undefined[name] != "" {
				continue
			}
			if !ok || !known || !(math.Abs(v-want) <= 1e-9*max(1, math.Abs(want))) {
				t.Errorf("case %d: %s of %s is %v (%t), want %v (%t)", i, name, c.Task, v, ok, want, known)
			}
		}
		if len(got) != len(c.Scores) {
			t.Errorf("case %d: %d metrics, want %d", i, len(got), len(c.Scores))
		}
	}
}

func TestMetricsTheRowsCannotDefineAreLeftOutWithAReason(t *testing.T) {
	p := []float64{0.4, 0.6, 0.7, 0.3}
	for _, c := range []struct {
		task    pipeline.Task
		y, p    []float64
		classes int
		missing string
	}{
		{pipeline.Regression, []float64{2, 2}, []float64{1, 3}, 0, "r2"},
		{pipeline.Binary, []float64{0, 0}, p, 2, "average_precision balanced_accuracy f1 mcc recall roc_auc"},
		{pipeline.Binary, []float64{1, 1}, p, 2, "balanced_accuracy mcc roc_auc"},
		{pipeline.Multiclass, []float64{0}, []float64{0.5, 0.3, 0.2}, 3, "macro_roc_auc top_3_accuracy"},
		{pipeline.Regression, []float64{-1}, []float64{1}, 0, "poisson_deviance r2"},
	} {
		s, err := evaluation.Score(c.task, c.y, c.p, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		var missing []string
		for _, m := range pipeline.Metrics(c.task) {
			if _, ok := s.Values[m]; !ok {
				missing = append(missing, m)
				if s.Undefined[m] == "" {
					t.Errorf("%s has no reason", m)
				}
			}
		}
		slices.Sort(missing)
		if got := strings.Join(missing, " "); got != c.missing {
			t.Errorf("%v: left out %q, want %q", c.y, got, c.missing)
		}
	}
}

func TestScoresThatAreNoNumbersAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		task    pipeline.Task
		y, p    []float64
		classes int
		kind    fault.Kind
	}{
		"no rows":     {pipeline.Regression, nil, nil, 0, fault.DatasetEmpty},
		"NaN":         {pipeline.Regression, []float64{1}, []float64{math.NaN()}, 0, fault.TrainingFailed},
		"infinity":    {pipeline.Binary, []float64{1}, []float64{0, math.Inf(1)}, 2, fault.TrainingFailed},
		"overflow":    {pipeline.Regression, []float64{1e200}, []float64{-1e200}, 0, fault.TrainingFailed},
		"lengths":     {pipeline.Regression, []float64{1, 2}, []float64{1}, 0, fault.Internal},
		"three of 2":  {pipeline.Binary, []float64{1}, []float64{1, 0, 0}, 3, fault.Internal},
		"no class":    {pipeline.Multiclass, []float64{3}, []float64{1, 0, 0}, 3, fault.Internal},
		"no classes":  {pipeline.Multiclass, []float64{0}, []float64{1}, 0, fault.Internal},
		"half":        {pipeline.Multiclass, []float64{0.5}, []float64{1, 0}, 2, fault.Internal},
		"NaN targets": {pipeline.Regression, []float64{math.NaN()}, []float64{1}, 0, fault.Internal},
	} {
		if _, err := evaluation.Compute(c.task, c.y, c.p, c.classes); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoShareOfATargetOfZeroIsTaken(t *testing.T) {
	s, err := evaluation.Score(pipeline.Regression, []float64{0, 2}, []float64{1, 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := s.Values["mape"]; ok || s.Undefined["mape"] == "" {
		t.Errorf("mape %v, reason %q", v, s.Undefined["mape"])
	}
}

func TestARowOfWeightZeroIsAsIfItWereNotThere(t *testing.T) {
	for _, c := range []struct {
		task    pipeline.Task
		y, p    []float64
		classes int
	}{
		{pipeline.Regression, []float64{1, 5, 2, 90}, []float64{2, 3, 2.5, 1}, 0},
		{pipeline.Binary, []float64{0, 1, 1, 1}, []float64{0.7, 0.3, 0.4, 0.6, 0.6, 0.4, 1, 0}, 2},
		{pipeline.Multiclass, []float64{0, 1, 2, 3}, []float64{.7, .1, .1, .1, .1, .2, .6, .1, .1, .1, .8, 0, 1, 0, 0, 0}, 4},
	} {
		k := max(1, c.classes)
		with, err := evaluation.ScoreWeighted(c.task, c.y, c.p, []float64{2, 2, 2, 0}, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		without, err := evaluation.ScoreWeighted(c.task, c.y[:3], c.p[:3*k], []float64{2, 2, 2}, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(with.Values, without.Values) {
			t.Errorf("%s: %v\nwithout the row %v", c.task, with.Values, without.Values)
		}
	}
}

func TestWeightsThatCannotWeighAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		weights []float64
		kind    fault.Kind
	}{
		"all zero": {[]float64{0, 0}, fault.DatasetEmpty},
		"negative": {[]float64{1, -1}, fault.TypeMismatch},
		"NaN":      {[]float64{1, math.NaN()}, fault.TypeMismatch},
		"infinite": {[]float64{1, math.Inf(1)}, fault.TypeMismatch},
		"lengths":  {[]float64{1}, fault.Internal},
	} {
		if _, err := evaluation.ScoreWeighted(pipeline.Regression, []float64{1, 2}, []float64{1, 1}, c.weights, 0); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOneRowHasAScore(t *testing.T) {
	s, err := evaluation.Score(pipeline.Regression, []float64{3}, []float64{1}, 0)
	if err != nil || s.Values["rmse"] != 2 || s.Values["median_absolute_error"] != 2 || s.Undefined["r2"] == "" {
		t.Fatalf("%+v %v", s, err)
	}
}
