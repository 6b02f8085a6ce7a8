package evaluation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func pointer(v float64) *float64 { return &v }

func TestGatesSayByHowMuch(t *testing.T) {
	scores := map[string]float64{"rmse": 38.2, "r2": 0.5}
	baseline, champion := map[string]float64{"rmse": 40, "r2": 0}, map[string]float64{"rmse": 38.2, "r2": -0.5}
	for _, c := range []struct {
		gate     pipeline.Gate
		champion map[string]float64
		passed   bool
		required float64
		reason   string
	}{
		{pipeline.Gate{Metric: "rmse", Max: pointer(36)}, nil, false, 36, "rmse 38.2 must be at most 36: missed by 2.2"},
		{pipeline.Gate{Metric: "rmse", Max: pointer(38.2)}, nil, true, 38.2, "rmse 38.2 is at most 38.2"},
		{pipeline.Gate{Metric: "r2", Min: pointer(0.6)}, nil, false, 0.6, "r2 0.5 must be at least 0.6: missed by 0.1"},
		{pipeline.Gate{Metric: "r2", Min: pointer(0.4), Max: pointer(0.45)}, nil, false, 0.45, "r2 0.5 must be at most 0.45: missed by 0.05"},
		{pipeline.Gate{Metric: "r2", Min: pointer(0.6), Max: pointer(0.9)}, nil, false, 0.6, "r2 0.5 must be at least 0.6: missed by 0.1"},
		{pipeline.Gate{Metric: "r2", Min: pointer(0.4), Max: pointer(0.9)}, nil, true, 0.9, "r2 0.5 is at least 0.4; r2 0.5 is at most 0.9"},
		{pipeline.Gate{Metric: "rmse", Against: "baseline"}, nil, true, 40, "rmse 38.2 is below 40 (baseline's 40)"},
		{pipeline.Gate{Metric: "rmse", Against: "baseline", MinGain: 0.1}, nil, false, 36, "rmse 38.2 must be below 36 (baseline's 40 with a gain of 10%): missed by 2.2"},
		{pipeline.Gate{Metric: "rmse", Against: "champion"}, champion, true, 38.2, "rmse 38.2 is at most 38.2 (champion's 38.2)"},
		{pipeline.Gate{Metric: "r2", Against: "champion", MinGain: -0.1}, champion, true, -0.55, "r2 0.5 is at least -0.55 (champion's -0.5 with a loss of 10% allowed)"},
		{pipeline.Gate{Metric: "rmse", Against: "champion"}, nil, true, 0, "no champion to compare with: nothing is live yet"},
		{pipeline.Gate{Metric: "mape", Max: pointer(1)}, nil, false, 0, "mape is undefined on these rows"},
	} {
		got := evaluation.Judge([]pipeline.Gate{c.gate}, scores, baseline, c.champion)[0]
		if got.Passed != c.passed || got.Required != c.required || got.Reason != c.reason || got.Condition == "" {
			t.Errorf("%+v\n got %+v\nwant passed %t, required %v, %q", c.gate, got, c.passed, c.required, c.reason)
		}
	}
	same := evaluation.Judge([]pipeline.Gate{{Metric: "rmse", Against: "baseline"}}, baseline, baseline, nil)[0]
	if same.Passed || same.Condition != "rmse < 40" {
		t.Errorf("a model equal to the baseline passes: %+v", same)
	}
	if got := evaluation.Judge([]pipeline.Gate{{Metric: "r2", Max: pointer(0.4), Min: pointer(0.1)}}, scores, nil, nil)[0]; got.Condition != "r2 >= 0.1, r2 <= 0.4" {
		t.Errorf("%+v", got)
	}
}

// line predicts slope·x, or the probability x of the second class.
type line struct {
	slope   float64
	classes []string
	fails   error
}

func (l line) Classes() []string { return l.classes }
func (l line) Outputs() int      { return max(1, len(l.classes)) }
func (l line) Task() pipeline.Task {
	if l.classes == nil {
		return pipeline.Regression
	}
	return pipeline.Binary
}
func (l line) Predict(f *frame.Frame, out []float64) error {
	for i, x := range f.Column("x").Numbers {
		if l.classes == nil {
			out[i] = l.slope * x
		} else {
			out[2*i], out[2*i+1] = 1-l.slope*x, l.slope*x
		}
	}
	return l.fails
}

func rows(x, y []float64) *frame.Frame {
	return &frame.Frame{Rows: len(x), Columns: []frame.Column{{Name: "x", Numbers: x}, {Name: "y", Numbers: y}}}
}

func options(champion *evaluation.Contender) evaluation.Options {
	return evaluation.Options{
		Problem: pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse", Threshold: pointer(0.5)},
		Contenders: []evaluation.Contender{
			{Name: "baseline", Kind: "baseline", Predictor: line{slope: 0}},
			{Name: "good", Kind: "ols", Predictor: line{slope: 2}},
			{Name: "also good", Kind: "ols", Predictor: line{slope: 2}},
			{Name: "best on test", Kind: "ols", Predictor: line{slope: 3}},
		},
		Champion:   champion,
		Validation: rows([]float64{1, 2, 3}, []float64{2, 4, 6.5}),
		Test:       rows([]float64{1, 2, 3, 4}, []float64{3, 6, 9, 12}),
	}
}

func TestValidationChoosesAndTestJudges(t *testing.T) {
	e, err := evaluation.Evaluate(context.Background(), options(nil))
	if err != nil {
		t.Fatal(err)
	}
	if e.ChosenIndex != 1 || e.Test.Name != "good" || !strings.Contains(e.Reason, "good has the best rmse of 4") {
		t.Fatalf("chosen %d: %s", e.ChosenIndex, e.Reason)
	}
	if e.Decision != evaluation.Accepted || e.Rejection() != "" || len(e.Gates) != 2 || *e.Solved || e.Test.Rows != 4 {
		t.Fatalf("%+v", e)
	}
	if h := e.Diagnostics.Residuals.Histogram; h.Min != 1 || h.Max != 4 || h.Counts[0] != 1 || h.Counts[len(h.Counts)-1] != 1 {
		t.Fatalf("%+v", h)
	}
	if c := e.Diagnostics.Calibration; len(c) != 4 || c[3] != (evaluation.Bin{Predicted: 8, Actual: 12, Rows: 1}) {
		t.Fatalf("%+v", c)
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back evaluation.Evaluation
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(&back, e) {
		t.Fatalf("%v\n got %+v\nwant %+v", err, back, e)
	}
}

func TestAWorseModelThanTheLiveOneIsRejected(t *testing.T) {
	e, err := evaluation.Evaluate(context.Background(), options(&evaluation.Contender{Name: "flights@3", Kind: "champion", Predictor: line{slope: 3}}))
	if err != nil {
		t.Fatal(err)
	}
	if e.Decision != evaluation.Rejected || !strings.Contains(e.Rejection(), "champion's 0") || e.Champion.Scores["rmse"] != 0 {
		t.Fatalf("%+v: %s", e.Champion, e.Rejection())
	}
}

func TestALiveModelThatCannotAnswerIsLeftOut(t *testing.T) {
	for note, p := range map[string]evaluation.Predictor{
		"cannot answer":  line{fails: fault.New(fault.ColumnMissing, "no column")},
		"not regression": line{classes: []string{"0", "1"}},
	} {
		e, err := evaluation.Evaluate(context.Background(), options(&evaluation.Contender{Name: "old", Kind: "champion", Predictor: p}))
		if err != nil || e.Champion != nil || !strings.Contains(e.ChampionNote, note) || e.Decision != evaluation.Accepted || !strings.Contains(e.Gates[1].Reason, note) {
			t.Fatalf("%+v %v", e, err)
		}
	}
	_, err := evaluation.Evaluate(context.Background(), options(&evaluation.Contender{Name: "old", Predictor: line{fails: fault.New(fault.Internal, "broken")}}))
	if fault.KindOf(err) != fault.Internal {
		t.Fatal(err)
	}
}

func TestAModelThatLearnedNothingIsRejected(t *testing.T) {
	o := options(nil)
	o.Contenders = []evaluation.Contender{o.Contenders[0], {Name: "flat", Kind: "ols", Predictor: line{slope: 0}}}
	e, err := evaluation.Evaluate(context.Background(), o)
	if err != nil || e.Decision != evaluation.Rejected || e.ChosenIndex != 1 || !strings.Contains(e.Reason, "does not beat the baseline") {
		t.Fatalf("%+v %v", e, err)
	}
}

func binaryOptions() evaluation.Options {
	classes := []string{"<no>", "yes"}
	y := frame.Column{Name: "y", Kind: frame.Text, Dict: []string{"yes", "<no>"}, Codes: []int32{1, 1, 0, 0}}
	f := &frame.Frame{Rows: 4, Columns: []frame.Column{{Name: "x", Numbers: []float64{0.05, 0.6, 0.55, 1}}, y}}
	return evaluation.Options{
		Problem: pipeline.Problem{Task: pipeline.Binary, Target: "y", Metric: "roc_auc"},
		Contenders: []evaluation.Contender{
			{Name: "baseline", Kind: "baseline", Predictor: line{classes: classes}},
			{Name: "logistic", Kind: "logistic", Predictor: line{slope: 1, classes: classes}},
		},
		Validation: f, Test: f,
	}
}

func TestClassesHaveAConfusionMatrixAndACalibrationCurve(t *testing.T) {
	e, err := evaluation.Evaluate(context.Background(), binaryOptions())
	if err != nil {
		t.Fatal(err)
	}
	d := e.Diagnostics
	if !reflect.DeepEqual(d.Confusion.Rows, [][]float64{{1, 1}, {0, 2}}) || e.Test.Scores["roc_auc"] != 0.75 {
		t.Fatalf("%+v %+v", d.Confusion, e.Test)
	}
	if want := []evaluation.Bin{{Predicted: 0.05, Actual: 0, Rows: 1}, {Predicted: 0.55, Actual: 1, Rows: 1}, {Predicted: 0.6, Actual: 0, Rows: 1}, {Predicted: 1, Actual: 1, Rows: 1}}; !reflect.DeepEqual(d.Calibration, want) {
		t.Fatalf("%+v", d.Calibration)
	}
	if c := d.Classes[1]; c.Name != "yes" || c.Support != 2 || c.Recall != 1 || c.Precision != 2.0/3 {
		t.Fatalf("%+v", c)
	}
}

func TestErrorsCostWhatTheProblemSays(t *testing.T) {
	o := binaryOptions()
	o.Problem.Costs = &pipeline.Costs{FalsePositive: 10, FalseNegative: 3}
	e, err := evaluation.Evaluate(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	// Missing a positive is cheap: the threshold rises above all rows but the one
	// that is certain.
	never := evaluation.Cost{Threshold: 1, FalseNegatives: 2, Total: 6, PerRow: 1.5}
	want := evaluation.Costs{
		Answered: evaluation.Cost{Threshold: 0.5, FalsePositives: 1, Total: 10, PerRow: 2.5},
		Model:    evaluation.Cost{Threshold: 1, FalseNegatives: 1, Total: 3, PerRow: 0.75},
		Baseline: never,
	}
	if e.Costs == nil || *e.Costs != want || e.Threshold.Threshold != 1 {
		t.Fatalf("%+v", e.Costs)
	}
	if e.Test.Scores["cost"] != 0.75 || e.Test.Scores["recall_at_threshold"] != 0.5 || e.Test.Scores["recall"] != 1 || !reflect.DeepEqual(e.Diagnostics.AtThreshold.Rows, [][]float64{{2, 0}, {1, 1}}) {
		t.Fatalf("%+v %+v", e.Test.Scores, e.Diagnostics.AtThreshold)
	}
	var page strings.Builder
	if err := e.HTML(&page, "late"); err != nil || !strings.Contains(page.String(), "Cost of errors") || !strings.Contains(page.String(), "0 false positives, 1 false negatives; baseline 6") {
		t.Fatalf("the page does not tell the costs: %v", err)
	}
}

func TestAMetricThatIsUndefinedFailsItsGateWithTheReason(t *testing.T) {
	o := binaryOptions()
	o.Test = o.Test.Take([]int32{0, 1})
	e, err := evaluation.Evaluate(context.Background(), o)
	if err != nil || e.Decision != evaluation.Rejected || !strings.Contains(e.Rejection(), "no row is of the positive class") {
		t.Fatalf("%v %+v", err, e)
	}
	o.Validation = o.Test
	if _, err := evaluation.Evaluate(context.Background(), o); fault.KindOf(err) != fault.TrainingFailed || !strings.Contains(err.Error(), "positive class") {
		t.Fatal(err)
	}
}

func TestThePageIsWholeAndEscaped(t *testing.T) {
	for _, o := range []evaluation.Options{options(nil), binaryOptions()} {
		e, err := evaluation.Evaluate(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := e.HTML(&page, "flights & more"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"flights &amp; more", e.Test.Name, "Chosen: ", e.Gates[0].Gate.Metric, "Calibration", "</html>"} {
			if !strings.Contains(page.String(), want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		if strings.Contains(page.String(), "<no>") || strings.Contains(page.String(), "src=") || strings.Contains(page.String(), "NaN") {
			t.Error("the page is not escaped or reaches out")
		}
	}
}
