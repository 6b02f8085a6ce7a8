package rollout_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
)

var (
	numbers = rollout.Question{Task: pipeline.Regression, Metric: "rmse"}
	classes = rollout.Question{Task: pipeline.Binary, Metric: "log_loss"}
)

func rules() pipeline.Rollback {
	return pipeline.Rollback{MaxErrorRate: new(0.01), MaxLatencyRatio: new(3.0), MaxPredictionShift: new(0.3), MaxMetricLoss: new(0.1), MinRequests: 100}
}

// sample is n answers, the i-th by each.
func sample(q rollout.Question, n int, each func(i int) rollout.Row) *rollout.Sample {
	s := rollout.NewSample(q)
	for i := range n {
		s.Add(each(i))
	}
	return s
}

// steady answers 0 to 99 in turn, in 2 ms, off the truth by one.
func steady(i int) rollout.Row {
	return rollout.Row{Latency: 2 * time.Millisecond, Outputs: fmt.Appendf(nil, `{"prediction": %d}`, i%100), Label: fmt.Append(nil, i%100+1)}
}

func breached(c rollout.Comparison) []string {
	var names []string
	for _, check := range c.Checks {
		if check.Breached {
			names = append(names, check.Name)
		}
	}
	return names
}

func TestAVersionThatIsTheSameIsNotTakenBack(t *testing.T) {
	c := rollout.Judge(rules(), sample(numbers, 1000, steady), sample(numbers, 5000, steady), true)
	require.Empty(t, c.Insufficient)
	require.Empty(t, c.Breach)
	require.Len(t, c.Checks, 4)
	require.Equal(t, 2.0, c.Candidate.P99MS)
	require.Equal(t, 1.0, *c.Champion.Loss)
	require.Equal(t, 49.5, *c.Champion.Mean)
}

func TestThreeRequestsTakeNothingBack(t *testing.T) {
	bad := sample(numbers, 3, func(int) rollout.Row { return rollout.Row{Failed: true} })
	c := rollout.Judge(rules(), bad, sample(numbers, 5000, steady), true)
	require.Equal(t, "insufficient traffic: 3 rows of the candidate, 100 are needed", c.Insufficient)
	require.Empty(t, c.Breach)
	require.Empty(t, c.Checks)
	c = rollout.Judge(rules(), sample(numbers, 200, steady), bad, true)
	require.Contains(t, c.Insufficient, "3 rows of the champion")
}

func TestEachBoundTakesBackWhatIsWorse(t *testing.T) {
	every := func(k int, f func(r *rollout.Row)) func(int) rollout.Row {
		return func(i int) rollout.Row {
			r := steady(i)
			if i%k == 0 {
				f(&r)
			}
			return r
		}
	}
	for name, each := range map[string]func(int) rollout.Row{
		"error rate":         every(10, func(r *rollout.Row) { r.Failed = true }),
		"p99 latency ratio":  every(20, func(r *rollout.Row) { r.Latency = 50 * time.Millisecond }),
		"prediction shift":   every(2, func(r *rollout.Row) { r.Outputs, r.Label = []byte(`{"prediction": 7}`), nil }),
		"mean squared error": func(i int) rollout.Row { r := steady(i); r.Label = fmt.Append(nil, i%100+2); return r },
	} {
		c := rollout.Judge(rules(), sample(numbers, 1000, each), sample(numbers, 5000, steady), true)
		require.Equal(t, []string{name}, breached(c), "%+v", c)
		require.Contains(t, c.Breach, name)
	}
}

// A bound that is crossed by a few rows is told, and takes nothing back.
func TestABoundCrossedByChanceDoesNotCount(t *testing.T) {
	few := sample(numbers, 120, func(i int) rollout.Row { r := steady(i); r.Failed = i < 2; return r })
	c := rollout.Judge(rules(), few, sample(numbers, 5000, steady), true)
	require.Empty(t, c.Breach)
	require.Contains(t, c.Checks[0].Note, "chance")
	slow := sample(numbers, 120, func(i int) rollout.Row {
		r := steady(i)
		if i < 3 {
			r.Latency = time.Second
		}
		return r
	})
	c = rollout.Judge(rules(), slow, sample(numbers, 5000, steady), true)
	require.Empty(t, c.Breach)
	require.Equal(t, 1000.0, c.Candidate.P99MS)
	require.Contains(t, c.Checks[1].Note, "chance")
	require.Len(t, rollout.Judge(rules(), slow, sample(numbers, 5000, steady), false).Checks, 3, "a shadow's times are not those of answers")
}

func TestAnAbsoluteBoundOfLatency(t *testing.T) {
	r := rules()
	r.MaxLatencyP99MS = new(1.5)
	c := rollout.Judge(r, sample(numbers, 200, steady), sample(numbers, 200, steady), true)
	require.Equal(t, []string{"p99 latency"}, breached(c))
}

func TestClassesAreComparedByTheirShares(t *testing.T) {
	row := func(p float64, label string) rollout.Row {
		said := "no"
		if p > 0.5 {
			said = "yes"
		}
		out, _ := json.Marshal(map[string]any{"label": said, "probabilities": map[string]float64{"yes": p, "no": 1 - p}})
		return rollout.Row{Outputs: out, Label: json.RawMessage(label)}
	}
	champion := sample(classes, 400, func(i int) rollout.Row { return row([]float64{0.9, 0.1}[i%2], []string{`"yes"`, `"no"`}[i%2]) })
	same := rollout.Judge(rules(), champion, champion, true)
	require.Empty(t, same.Breach)
	require.Equal(t, map[string]int{"yes": 200, "no": 200}, same.Champion.Classes)
	require.InDelta(t, 0.10536, *same.Champion.Loss, 1e-5) // -ln 0.9
	yes := sample(classes, 400, func(i int) rollout.Row { return row(0.9, "") })
	c := rollout.Judge(rules(), yes, champion, true)
	require.Equal(t, []string{"prediction shift"}, breached(c))
	require.InDelta(t, 0.5, c.Checks[2].Candidate, 1e-12)
	require.Contains(t, c.Checks[3].Note, "insufficient labels")
}

// The bound of the shift is the greatest that passes, and 1 no bound at all: answers
// of other classes throughout are at a distance of 1, whatever rounding says.
func TestTheBoundOfTheShiftIsTheGreatestThatPasses(t *testing.T) {
	of := func(n, classes int, name string) *rollout.Sample {
		return sample(rollout.Question{Task: pipeline.Multiclass}, n, func(i int) rollout.Row {
			return rollout.Row{Outputs: fmt.Appendf(nil, `{"label": "%s%d", "probabilities": {}}`, name, i%classes), Latency: time.Millisecond}
		})
	}
	bound := func(most float64, candidate, champion *rollout.Sample) []string {
		r := rules()
		r.MaxPredictionShift = &most
		return breached(rollout.Judge(r, candidate, champion, true))
	}
	half, quarter := of(400, 2, "a"), of(400, 4, "a") // at a distance of exactly 0.5
	require.Empty(t, bound(0.5, half, quarter))
	require.Equal(t, []string{"prediction shift"}, bound(math.Nextafter(0.5, 0), half, quarter))
	for classes := 2; classes < 60; classes++ {
		require.Empty(t, bound(1, of(700+classes, classes, "a"), of(900, classes, "b")))
	}
}

func TestTheLossIsThatOfTheMetric(t *testing.T) {
	for want, q := range map[string]rollout.Question{
		"mean squared error":     {Task: pipeline.Regression, Metric: "r2"},
		"mean absolute error":    {Task: pipeline.Regression, Metric: "mae"},
		"log loss":               {Task: pipeline.Multiclass, Metric: "log_loss"},
		"share of wrong classes": {Task: pipeline.Binary, Metric: "roc_auc"},
	} {
		require.Equal(t, want, q.Loss())
	}
	s := rollout.NewSample(rollout.Question{Task: pipeline.Binary, Metric: "accuracy"})
	s.Add(rollout.Row{Outputs: []byte(`{"label": "1", "probabilities": {"0": 0.4, "1": 0.6}}`), Label: []byte(`1`)})
	s.Add(rollout.Row{Outputs: []byte(`{"label": "1", "probabilities": {"0": 0.4, "1": 0.6}}`), Label: []byte(`"0"`)})
	s.Add(rollout.Row{Outputs: []byte(`nonsense`), Label: []byte(`"0"`)})
	f := s.Figures()
	require.Equal(t, 2, f.Labels)
	require.Equal(t, 0.5, *f.Loss)
}

func TestAReplayTellsWhatDiffers(t *testing.T) {
	r := rollout.NewReplayed(pipeline.Regression)
	for i := range 100 {
		r.Add(fmt.Sprint("p", i), fmt.Appendf(nil, `{"prediction": %d}`, i), []float64{float64(i) + float64(i)/100}, nil)
	}
	r.Refuse("no column origin")
	r.Judge(pipeline.Replay{MaxRefused: new(0.01), MaxDifference: new(0.5)})
	require.Equal(t, 101, r.Rows)
	require.InDelta(t, 0.495, r.Mean, 1e-9)
	require.InDelta(t, 0.99, r.Max, 1e-9)
	require.Len(t, r.Examples, 5)
	require.Equal(t, "p99", r.Examples[0].Prediction)
	require.Equal(t, "p98", r.Examples[1].Prediction)
	require.Empty(t, r.Breach)
	r.Judge(pipeline.Replay{MaxRefused: new(0.0)})
	require.Contains(t, r.Breach, "1 of 101 rows are refused (no column origin)")
	r.Breach = ""
	r.Judge(pipeline.Replay{MaxRefused: new(1.0), MaxDifference: new(0.001)})
	require.Contains(t, r.Breach, "standard deviations")
}

func TestAReplayCountsClassesThatChange(t *testing.T) {
	r := rollout.NewReplayed(pipeline.Binary)
	given := []byte(`{"label": "a", "probabilities": {"a": 0.9, "b": 0.1}}`)
	r.Add("1", given, []float64{0.9, 0.1}, []string{"a", "b"})
	r.Add("2", given, []float64{0.2, 0.8}, []string{"a", "b"})
	r.Add("3", []byte(`{}`), []float64{0.2, 0.8}, []string{"a", "b"})
	r.Judge(pipeline.Replay{MaxRefused: new(1.0), MaxDifference: new(0.4)})
	require.Equal(t, 1, r.Changed)
	require.Equal(t, 1, r.Refused)
	require.InDelta(t, 0.7, r.Max, 1e-12)
	require.Equal(t, rollout.Example{Prediction: "2", Was: "a", Now: "b", Distance: r.Max}, r.Examples[0])
	require.Contains(t, r.Breach, "1 of 2 rows get another class")
}

// Answers at the end of the numbers are figures that JSON can say.
func TestFiguresAreFinite(t *testing.T) {
	huge := sample(numbers, 200, func(i int) rollout.Row {
		return rollout.Row{Outputs: fmt.Appendf(nil, `{"prediction": %v}`, []float64{1.7e308, -1.7e308, 1.7e308}[i%3]), Label: []byte("1")}
	})
	_, err := json.Marshal(rollout.Judge(rules(), huge, huge, true))
	require.NoError(t, err)
	r := rollout.NewReplayed(pipeline.Regression)
	for range 3 {
		r.Add("p", []byte(`{"prediction": 1.7e308}`), []float64{-1.7e308}, nil)
	}
	r.Judge(pipeline.Replay{MaxRefused: new(0.0)})
	_, err = json.Marshal(r)
	require.NoError(t, err)
}
