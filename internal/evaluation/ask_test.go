package evaluation_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// asked is what one gate answers in an evaluation of 3,000 rows of eight states,
// of which the fourth is predicted badly.
func asked(t *testing.T, champion float64, g pipeline.Gate) evaluation.GateResult {
	t.Helper()
	o := planted(3000, 5, func(_ float64, state int32, _ int) bool { return state == 3 })
	o.Contenders[1].Size, o.Contenders[1].Inputs = 12_500, nil
	if champion != 0 {
		o.Champion = &evaluation.Contender{Name: "old@1", Kind: "champion", Predictor: line{slope: champion}}
	}
	if g.Metric == "" {
		g.Metric = "rmse"
	}
	o.Evaluate.Gates = []pipeline.Gate{g}
	e := judged(t, o)
	if (e.Decision == evaluation.Accepted) != e.Gates[0].Passed {
		t.Fatalf("%s with %+v", e.Decision, e.Gates[0])
	}
	return e.Gates[0]
}

func TestGatesAskForMoreThanOneNumber(t *testing.T) {
	for name, c := range map[string]struct {
		gate     pipeline.Gate
		champion float64
		passed   bool
		says     string
	}{
		"gain in the unit":           {pipeline.Gate{Against: "baseline", MinGainAbs: 0.01}, 0, true, "with a gain of 0.01"},
		"too little gain":            {pipeline.Gate{Against: "baseline", MinGainAbs: 5}, 0, false, "missed by"},
		"a loss that is tolerated":   {pipeline.Gate{Against: "champion", MinGainAbs: -0.5}, 2.05, true, "champion"},
		"within what rows tell":      {pipeline.Gate{Against: "champion", Within: "interval"}, 1.99, true, "95 % interval"},
		"no champion to compare":     {pipeline.Gate{Against: "champion", Within: "interval"}, 0, true, "nothing is live"},
		"size":                       {pipeline.Gate{Metric: "model_size_kb", MaxSizeKB: pointer(13)}, 0, true, "model_size_kb 12.5"},
		"size, too large":            {pipeline.Gate{Metric: "model_size_kb", MaxSizeKB: pointer(12)}, 0, false, "missed by 0.5"},
		"time":                       {pipeline.Gate{Metric: "latency_p95_us", MaxLatencyUS: pointer(1e9), Percentile: "p95"}, 0, true, "answers to one row"},
		"time, impossible":           {pipeline.Gate{Metric: "latency_p50_us", MaxLatencyUS: pointer(1e-9), Percentile: "p50"}, 0, false, "missed by"},
		"a good slice":               {pipeline.Gate{Slice: map[string]string{"state": "AA"}, Max: pointer(1.5)}, 0, true, "state = AA: rmse"},
		"a bad slice":                {pipeline.Gate{Slice: map[string]string{"state": "AD"}, Max: pointer(1.5)}, 0, false, "state = AD: rmse"},
		"a slice against the whole":  {pipeline.Gate{Slice: map[string]string{"state": "AD"}, Against: "overall", Within: "interval"}, 0, false, "all of it is worse"},
		"a slice within the whole":   {pipeline.Gate{Slice: map[string]string{"state": "AA"}, Against: "overall", Within: "interval"}, 0, true, "95 % interval"},
		"a slice and the baseline":   {pipeline.Gate{Slice: map[string]string{"state": "AA"}, Against: "baseline"}, 0, true, "baseline"},
		"a slice and the live model": {pipeline.Gate{Slice: map[string]string{"state": "AA"}, Against: "champion"}, 0.5, true, "champion"},
		"an empty slice":             {pipeline.Gate{Slice: map[string]string{"state": "ZZ"}, Max: pointer(1e9)}, 0, false, "0 test rows are too few"},
		"every slice":                {pipeline.Gate{EverySlice: true, Max: pointer(1e9)}, 0, true, "all 8 slices pass"},
		"every slice but one":        {pipeline.Gate{EverySlice: true, Max: pointer(1.5)}, 0, false, "1 of 8 slices fail: state = AD"},
		"every slice and the whole":  {pipeline.Gate{EverySlice: true, Against: "overall", MinGain: -0.5}, 0, false, "1 of 8 slices fail"},
		"a gap":                      {pipeline.Gate{Fairness: "state", Metric: "error_difference", Max: pointer(0.5)}, 0, false, "state: error_difference"},
		"a gap that is allowed":      {pipeline.Gate{Fairness: "state", Metric: "error_difference", Max: pointer(5)}, 0, true, "state: error_difference"},
		"a gap of nothing":           {pipeline.Gate{Fairness: "at", Metric: "error_difference", Max: pointer(5)}, 0, false, "undefined"},
	} {
		t.Run(name, func(t *testing.T) {
			got := asked(t, c.champion, c.gate)
			if got.Passed != c.passed || !strings.Contains(got.Reason, c.says) || got.Condition == "" {
				t.Fatalf("%t %q, of %q", got.Passed, got.Reason, got.Condition)
			}
		})
	}
}

// TestWithinIntervalRefusesWhatIsSurelyWorse: the live model is perfect but for
// the noise, the chosen one is not.
func TestWithinIntervalRefusesWhatIsSurelyWorse(t *testing.T) {
	o := planted(3000, 5, nowhere)
	o.Contenders[1].Predictor = line{slope: 1}
	o.Champion = &evaluation.Contender{Name: "old@1", Kind: "champion", Predictor: line{slope: 2}}
	o.Evaluate.Gates = []pipeline.Gate{{Metric: "rmse", Against: "champion", Within: "interval"}, {Metric: "r2", Against: "champion", Within: "interval"}}
	e := judged(t, o)
	for _, g := range e.Gates {
		if g.Passed || !strings.Contains(g.Reason, "all of it is worse") || g.Difference.Interval == nil {
			t.Errorf("%+v", g)
		}
	}
}

func TestNoGatesAreNoConditions(t *testing.T) {
	o := planted(500, 1, nowhere)
	o.Evaluate.Gates = []pipeline.Gate{}
	if e := judged(t, o); len(e.Gates) != 0 || e.Decision != evaluation.Accepted {
		t.Fatalf("%+v", e.Gates)
	}
	o.Evaluate.Gates = nil
	if e := judged(t, o); len(e.Gates) != 2 {
		t.Fatalf("%+v", e.Gates)
	}
}

// TestAGateOnCalibration: answers of x where x is the truth are calibrated, half of x
// are off by a quarter on average.
func TestAGateOnCalibration(t *testing.T) {
	for slope, passed := range map[float64]bool{1: true, 0.5: false} {
		o := many(20_000, pipeline.Binary)
		o.Contenders[1].Predictor = line{slope: slope, classes: []string{"0", "1"}}
		o.Contenders[1].Inputs, o.Champion = nil, nil
		o.Evaluate = pipeline.Evaluate{Gates: []pipeline.Gate{{Metric: "ece", Max: pointer(0.03)}}}
		e := judged(t, o)
		g := e.Gates[0]
		want := (1 - slope) * 0.5
		if g.Passed != passed || (e.Decision == evaluation.Accepted) != passed || g.Condition != "ece <= 0.03" || g.Value != e.Test.Scores["ece"] || g.Value < want-0.02 || g.Value > want+0.02 {
			t.Errorf("slope %v: %s with %+v", slope, e.Decision, g)
		}
		if !passed && !strings.Contains(g.Reason, "must be at most 0.03: missed by") {
			t.Errorf("slope %v: %q", slope, g.Reason)
		}
	}
}

// answersOf gives column x as the probability of class a, and shares the rest between
// the others.
type answersOf struct{ line }

func (answersOf) Task() pipeline.Task { return pipeline.Multiclass }

func (answersOf) Predict(f *frame.Frame, out []float64) error {
	for i, x := range f.Column("x").Numbers {
		out[3*i], out[3*i+1], out[3*i+2] = x, (1-x)*0.75, (1-x)*0.25
	}
	return nil
}

// TestAGateOnCalibrationOfManyClasses: answers of 0.9 that are right in half of the rows,
// and answers of 0.6 that are right in three of five.
func TestAGateOnCalibrationOfManyClasses(t *testing.T) {
	f := &frame.Frame{Rows: 1000}
	x, codes := make([]float64, f.Rows), make([]int32, f.Rows)
	for i := range x {
		switch {
		case i%2 == 0:
			x[i], codes[i] = 0.9, int32(i/2%2)
		default:
			x[i] = 0.6
			if i/2%5 >= 3 {
				codes[i] = 1 + int32(i/2%2)
			}
		}
	}
	f.Columns = []frame.Column{{Name: "x", Numbers: x}, {Name: "y", Kind: frame.Text, Codes: codes, Dict: []string{"a", "b", "c"}}}
	o := binaryOptions()
	o.Problem = pipeline.Problem{Task: pipeline.Multiclass, Target: "y", Metric: "log_loss"}
	o.Validation, o.Test = f, f
	for i := range o.Contenders {
		o.Contenders[i].Predictor = answersOf{line{classes: []string{"a", "b", "c"}}}
	}
	for most, passed := range map[float64]bool{0.19: false, 0.21: true} {
		o.Evaluate.Gates = []pipeline.Gate{{Metric: "ece", Max: pointer(most)}}
		e := judged(t, o)
		if g := e.Gates[0]; g.Passed != passed || math.Abs(g.Value-0.2) > 1e-12 || e.Test.Intervals["ece"] == (evaluation.Interval{}) {
			t.Fatalf("at most %v: %+v, %+v", most, g, e.Test.Intervals["ece"])
		}
		bins := e.Diagnostics.Calibration
		if len(bins) != 2 || math.Abs(bins[0].Predicted-0.6) > 1e-12 || bins[0].Actual != 0.6 || math.Abs(bins[1].Predicted-0.9) > 1e-12 || bins[1].Actual != 0.5 || bins[1].Rows != 500 {
			t.Fatalf("%+v", bins)
		}
		var page bytes.Buffer
		if err := e.HTML(&page, "p"); err != nil || !strings.Contains(page.String(), "share answered rightly") {
			t.Fatal("the page does not draw it", err)
		}
	}
}
