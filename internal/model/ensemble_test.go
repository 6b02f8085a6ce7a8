package model

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
)

func TestAnEnsembleIsTheWeightedMeanOfItsMembers(t *testing.T) {
	for classes, kinds := range map[int][]string{0: {"ols", "boosted_trees", "baseline"}, 2: {"logistic", "boosted_trees"}, 4: {"boosted_trees", "logistic"}} {
		d := random(uint64(7+classes), 20_000, 3, 1, 4, classes)
		e, sum := &Ensemble{}, []float64(nil)
		weights := []float64{0.5, 0.3, 0.2}[:len(kinds)]
		weights[0] = 1 - 0.3 - 0.2*float64(len(kinds)-2)
		for i, kind := range kinds {
			var params Params
			if kind == boostedKind {
				params = Params{"max_iter": 10}
			}
			m, _ := fit(t, kind, d, params)
			e.Members = append(e.Members, Member{weights[i], m})
			one := make([]float64, d.X.Rows*m.Outputs())
			m.Predict(d.X, one)
			if sum == nil {
				sum = make([]float64, len(one))
			}
			for k, v := range one {
				sum[k] += weights[i] * v
			}
		}
		got := make([]float64, len(sum))
		e.Predict(d.X, got)
		for k := range sum {
			require.InDelta(t, sum[k], got[k], 1e-12)
		}
		one, alone := d.X.Take([]int32{17}), make([]float64, e.Outputs())
		e.Predict(one, alone)
		require.Equal(t, got[17*e.Outputs():18*e.Outputs()], alone, "a row alone is answered as among others")

		body, err := Encode(e)
		require.NoError(t, err)
		e.Predict(one, alone)
		require.Equal(t, got[17*e.Outputs():18*e.Outputs()], alone, "who is written down answers as before")
		back, err := Decode(body)
		require.NoError(t, err)
		again, err := Encode(back)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, again))
		other := make([]float64, len(got))
		back.Predict(d.X, other)
		require.Equal(t, got, other)
	}
}

func TestAnEnsembleThatCannotBeIsRefused(t *testing.T) {
	constant := func(v string) string { return `{"version":1,"constant":{"values":[` + v + `]}}` }
	for says, text := range map[string]string{
		"an ensemble of 0 members": `{"version":1,"ensemble":[]}`,
		"add up to 0.5":            `{"version":1,"ensemble":[{"weight":0.5,"model":` + constant("1") + `}]}`,
		"weighs -1":                `{"version":1,"ensemble":[{"weight":-1,"model":` + constant("1") + `},{"weight":2,"model":` + constant("1") + `}]}`,
		"other outputs":            `{"version":1,"ensemble":[{"weight":0.5,"model":` + constant("1") + `},{"weight":0.5,"model":` + constant("0.5,0.5") + `}]}`,
		"an ensemble itself":       `{"version":1,"ensemble":[{"weight":1,"model":{"version":1,"ensemble":[{"weight":1,"model":` + constant("1") + `}]}}]}`,
		"member 0: version 2":      `{"version":1,"ensemble":[{"weight":1,"model":{"version":2,"constant":{"values":[1]}}}]}`,
		"it must hold one model":   `{"version":1,"ensemble":[{"weight":1,"model":` + constant("1") + `}],"constant":{"values":[1]}}`,
	} {
		_, err := Decode([]byte(text))
		require.Equal(t, fault.BundleInvalid, fault.KindOf(err), text)
		require.True(t, strings.Contains(err.Error(), says), "%v does not say %q", err, says)
	}
}
