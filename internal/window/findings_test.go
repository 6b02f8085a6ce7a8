package window_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// answersTo is a window of 2000 answers to what x gives for a number drawn evenly; nil: it
// is missing. late says how often the answer, that with certainty x it is late, is
// followed by one; versions answer in turn.
func answersTo(t *testing.T, x func(u float64) *float64, late func(version int, x float64) float64, versions ...int) *window.Measures {
	t.Helper()
	m := classifier(t)
	c := window.Collect(begins, begins.Add(time.Hour), func(_ string, version int) (window.Model, error) {
		m.Version = version
		return m, nil
	})
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 2000 * len(versions) {
		sent, version := x(r.Float64()), versions[i%len(versions)]
		p := .5
		if sent != nil {
			p = *sent
		}
		a := metadata.Answer{Prediction: metadata.Prediction{ModelName: "m", ModelVersion: version, At: begins.Add(time.Duration(i) * time.Millisecond), Status: 200, LatencyUS: 2000,
			Outputs: fmt.Appendf(nil, `{"label":"late","probabilities":{"on time":%g,"late":%g}}`, 1-p, p)}}
		var err error
		a.Features, err = json.Marshal(map[string]*float64{"x": sent})
		require.NoError(t, err)
		if late != nil {
			a.Label = []byte(`"on time"`)
			if r.Float64() < late(version, p) {
				a.Label = []byte(`"late"`)
			}
		}
		require.NoError(t, c.Add(a))
	}
	out, _, err := c.Measure(t.Context(), window.Options{Endpoint: "e", MinRows: 500, Previous: func(window.Model) ([]*drift.Summary, error) { return nil, nil }})
	require.NoError(t, err)
	return out
}

// Measures of the values alone find that values move and that values are no more.
func TestDriftByMeasuresOfValuesAlone(t *testing.T) {
	usual := func(u float64) *float64 { return &u }
	for name, one := range map[string]struct {
		x       func(u float64) *float64
		want    alert.Verdict
		measure string // that decided; "": the alert's own
	}{
		"as in training": {usual, alert.Within, ""},
		"moved":          {func(u float64) *float64 { return new(.5 + u/2) }, alert.Breached, ""},
		"a tenth is missing": {func(u float64) *float64 {
			if u*10-float64(int(u*10)) < .1 { // of every value as many
				return nil
			}
			return &u
		}, alert.Within, "missing"},
		"most are missing": {func(u float64) *float64 {
			if u*10-float64(int(u*10)) < .9 {
				return nil
			}
			return &u
		}, alert.Breached, "missing"},
		"all are missing": {func(float64) *float64 { return nil }, alert.Breached, "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			m := answersTo(t, one.x, nil, 1)
			for measure, bound := range map[string]float64{"wasserstein": .2, "kolmogorov_smirnov": .2} {
				findings := window.Findings(m, []pipeline.MonitorAlert{{On: pipeline.OnDataDrift, Measure: measure, Max: &bound, Significance: .01}})
				f := findings[0]
				require.Equal(t, one.want, f.Verdict, "%s: %s", measure, f.Message)
				if one.measure != "" {
					measure = one.measure
				}
				require.Equal(t, measure, f.Measure, f.Message)
				require.NotZero(t, f.Value)
			}
		})
	}
	// A bound that no share can reach does not make a column that is gone a usual one.
	wide := 3.
	f := window.Findings(answersTo(t, func(float64) *float64 { return nil }, nil, 1), []pipeline.MonitorAlert{{On: pipeline.OnDataDrift, Measure: "wasserstein", Max: &wide, Significance: .01}})[0]
	require.Equal(t, alert.Breached, f.Verdict, f.Message)
	require.Contains(t, f.Message, "100 % of x are missing, of the training rows 0 %")
}

// An estimate knows the requests alone: where the model is less sure, it is worse.
func TestEstimatedPerformanceIsBreachedByRequestsThatAreHarder(t *testing.T) {
	tenth := .1
	a := pipeline.MonitorAlert{On: pipeline.OnEstimatedPerformance, Metric: "accuracy", MaxLoss: &tenth, Severity: "warning"}
	for want, x := range map[alert.Verdict]func(u float64) *float64{
		alert.Within:   func(u float64) *float64 { return &u },
		alert.Breached: func(u float64) *float64 { return new(.45 + u/10) },
	} {
		f := window.Findings(answersTo(t, x, nil, 1), []pipeline.MonitorAlert{a})[0]
		require.Equal(t, want, f.Verdict, f.Message)
		require.Equal(t, pipeline.OnEstimatedPerformance, f.Kind)
		require.Equal(t, "the test rows", f.Against)
	}
}

// Two versions of one window are scored each by its own answers.
func TestEachModelVersionHasItsOwnScores(t *testing.T) {
	m := answersTo(t, func(u float64) *float64 { return &u }, func(version int, x float64) float64 {
		if version == 2 {
			return 1 - x // it is wrong as often as the other is right
		}
		return x
	}, 1, 2)
	require.Len(t, m.Models, 2)
	scores := map[string]float64{}
	for _, one := range m.Models {
		require.EqualValues(t, 2000, one.Labelled)
		for _, p := range one.Performance {
			if p.Metric == "accuracy" {
				scores[one.Model] = p.Measured.Value
				require.InDelta(t, .75, p.Estimated.Value, .03, "nobody knows the truth of an estimate")
			}
		}
	}
	require.InDelta(t, .75, scores["m@1"], .03)
	require.InDelta(t, .25, scores["m@2"], .03)
}

// What the file may ask an estimate of is what there is one of.
func TestTheMetricsThatAreEstimatedAreThoseOfTheFile(t *testing.T) {
	var got []string
	for _, p := range answersTo(t, func(u float64) *float64 { return &u }, nil, 1).Models[0].Performance {
		if p.Estimated != nil {
			got = append(got, p.Metric)
		}
	}
	require.ElementsMatch(t, pipeline.EstimatedMetrics(pipeline.Binary), got)
	three, err := drift.Confidence{Classes: 3, Predicted: []float64{.5, .3, .2, .1, .8, .1, .2, .2, .6}}.Metrics()
	require.NoError(t, err)
	require.ElementsMatch(t, pipeline.EstimatedMetrics(pipeline.Multiclass), slices.Collect(maps.Keys(three)))
}
