package rollout_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/rollout"
)

// TestSignificanceIsThatOfSciPy holds the tests against bench/reference/rollout.py.
func TestSignificanceIsThatOfSciPy(t *testing.T) {
	var want struct {
		Errors []struct {
			X, N, Y, M int
			P          float64
		}
		Slow []struct {
			K, N int
			P    float64
		}
		Shift struct {
			X, Y        []int
			P, Distance float64
		}
		Loss struct {
			A, B []float64
			P    float64
		}
	}
	data, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &want))
	check := func(c rollout.Comparison, name string) rollout.Check {
		for _, x := range c.Checks {
			if x.Name == name {
				return x
			}
		}
		t.Fatal(name)
		return rollout.Check{}
	}
	r := rules()
	r.MinRequests = 10
	failing := func(k int) func(int) rollout.Row {
		return func(i int) rollout.Row { x := steady(i); x.Failed = i < k; return x }
	}
	for _, e := range want.Errors {
		c := rollout.Judge(r, sample(numbers, e.N, failing(e.X)), sample(numbers, e.M, failing(e.Y)), true)
		require.InEpsilon(t, e.P, check(c, "error rate").P, 1e-9)
	}
	for _, s := range want.Slow {
		slow := sample(numbers, s.N, func(i int) rollout.Row {
			x := steady(i)
			if i < s.K {
				x.Latency = time.Second
			}
			return x
		})
		require.InEpsilon(t, s.P, check(rollout.Judge(r, slow, sample(numbers, 500, steady), true), "p99 latency ratio").P, 1e-9)
	}
	classed := func(counts []int) *rollout.Sample {
		s := rollout.NewSample(classes)
		for class, n := range counts {
			for range n {
				s.Add(rollout.Row{Outputs: fmt.Appendf(nil, `{"label": "c%d"}`, class)})
			}
		}
		return s
	}
	shift := check(rollout.Judge(r, classed(want.Shift.X), classed(want.Shift.Y), true), "prediction shift")
	require.InEpsilon(t, want.Shift.P, shift.P, 1e-9)
	require.InEpsilon(t, want.Shift.Distance, shift.Candidate, 1e-12)
	lossy := func(losses []float64) *rollout.Sample {
		s := rollout.NewSample(rollout.Question{Task: "regression", Metric: "mae"})
		for _, l := range losses {
			s.Add(rollout.Row{Outputs: []byte(`{"prediction": 0}`), Label: fmt.Appendf(nil, "%v", l)})
		}
		return s
	}
	require.InEpsilon(t, want.Loss.P, check(rollout.Judge(r, lossy(want.Loss.A), lossy(want.Loss.B), true), "mean absolute error").P, 1e-9)
}
