package bundle

import (
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestTheCardSaysWhatAReaderNeeds(t *testing.T) {
	threshold := 30.0
	c := Card{
		Name: "flights", Kind: "ols",
		Problem: pipeline.Problem{Statement: "How late will it land? | <b>\nReally", Task: pipeline.Regression, Target: "delay", Metric: "rmse", Threshold: &threshold, Owner: "ops"},
		Rows:    map[string]int{"train": 700, "validation": 150, "test": 150},
		Metrics: Metrics{Metric: "rmse", Validation: map[string]float64{"rmse": 31}, Test: map[string]float64{"rmse": 31.25, "mae": 20}, Baseline: map[string]float64{"rmse": 40}, Gates: []Gate{{"rmse better than baseline", true, "21.9 % better"}},
			Intervals: map[string]Interval{"rmse": {30, 33}}, Threshold: &Threshold{0.2, 0.5, 0.75}, Limits: []string{"It is weaker where origin = JFK."},
			Slices: []Slice{{Name: "origin = JFK | LGA", Rows: 120, Value: 44, Interval: &Interval{40, 48}, Weak: true}, {Name: "origin = SFO", Rows: 100, Value: 30}}},
		Signature: predictor(t, pipeline.Regression).Signature(),
		Limits:    []string{"Knows no airport opened after training."},
		Lineage:   Lineage{Run: "flights/run/1", Pipeline: "aa", Dataset: "bb", Splits: map[string]string{"train": "cc"}, Sources: map[string]string{"airports": "dd"}},
	}
	got := c.Markdown()
	for _, want := range []string{
		"# Model card: flights\n",
		`- **Statement:** How late will it land? \| &lt;b> Really` + "\n",
		"- **Success threshold:** 30\n- **Owner:** ops\n",
		"predicts delay from 3 columns",
		"- 700 rows in train\n- 150 rows in validation\n- 150 rows in test\n",
		"| origin | text | yes | GRU, JFK, SFO |\n",
		"| metric | validation | test | baseline on test |\n|---|---:|---:|---:|\n| mae | – | 20 | – |\n| rmse | 31 | 31.25 (30 to 33) | 40 |\n",
		"31.25 (30 to 33)", "The comparison with what was live is in the evaluation of the run.",
		"costs 0.75 a row on the test rows. Answering positive from a probability of 0.2 on, the threshold chosen on the validation rows, costs 0.5.",
		"| origin = JFK \\| LGA | 120 | 44 | 40 to 48 | weak |", "| origin = SFO | 100 | 30 | – |  |", "- It is weaker where origin = JFK.",
		"| rmse better than baseline | yes | 21.9 % better |\n",
		"- Knows no airport opened after training.\n",
		"- **Run:** flights/run/1\n- **Pipeline:** aa\n- **Dataset:** bb\n- **Split train:** cc\n- **Source airports:** dd\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the card does not say %q:\n%s", want, got)
		}
	}
	if again := c.Markdown(); again != got {
		t.Error("two cards differ")
	}
	c.ProblemDigest, c.Solved = "ee", new(false)
	c.Problem.Costs = &pipeline.Costs{FalsePositive: 1, FalseNegative: 20}
	for _, want := range []string{"- **Version:** ee\n", "- **Success threshold:** 30, not met on the test rows\n", "- **Costs:** 1 a false positive, 20 a false negative\n"} {
		if got := c.Markdown(); !strings.Contains(got, want) {
			t.Errorf("the card does not say %q:\n%s", want, got)
		}
	}
	c.ProblemVersion = 4
	if got := c.Markdown(); !strings.Contains(got, "- **Version:** 4, ee\n") {
		t.Errorf("the card of a run does not say the number:\n%s", got)
	}
	c.Metrics.Champion = map[string]float64{"rmse": 33}
	if got := c.Markdown(); !strings.Contains(got, "champion on test |") || strings.Contains(got, "no live model") {
		t.Errorf("with a champion:\n%s", got)
	}
}
