package tuning_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/tuning"
)

func squares(y, weights, w []float64, p [][]float64) float64 {
	sum := 0.0
	for i := range y {
		e := y[i]
		for k := range w {
			e -= w[k] * p[k][i]
		}
		sum += weights[i] * e * e
	}
	return sum
}

// No other weights do better: none on a fine grid of the simplex.
func TestBlendMinimisesTheSquaredErrorOnTheSimplex(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 20 {
		n := 50
		y, weights, p := make([]float64, n), make([]float64, n), [][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
		for i := range n {
			y[i], weights[i] = r.NormFloat64(), 0.1+r.Float64()
			p[0][i], p[1][i], p[2][i] = y[i]+r.NormFloat64(), 0.5*y[i]+r.NormFloat64()/2, -y[i]
		}
		w := tuning.Blend(y, weights, p, 0)
		require.InDelta(t, 1, w[0]+w[1]+w[2], 1e-12)
		best := squares(y, weights, w, p)
		for a := 0.0; a <= 1; a += 0.02 {
			for b := 0.0; a+b <= 1; b += 0.02 {
				require.LessOrEqual(t, best, squares(y, weights, []float64{a, b, 1 - a - b}, p)+1e-9)
			}
		}
	}
}

func TestBlendMaximisesTheLikelihoodOfAMixture(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	n := 400
	y, p := make([]float64, n), [][]float64{make([]float64, 2*n), make([]float64, 2*n)}
	for i := range n {
		y[i] = float64(r.IntN(2))
		for k, sure := range []float64{0.7, 0.9} {
			q := 0.5 + (sure-0.5)*(2*r.Float64())
			if r.Float64() > sure {
				q = 1 - q
			}
			q = min(max(q, 0.01), 0.99)
			p[k][2*i+int(y[i])], p[k][2*i+1-int(y[i])] = q, 1-q
		}
	}
	likelihood := func(w float64) float64 {
		sum := 0.0
		for i, c := range y {
			sum += math.Log(w*p[0][2*i+int(c)] + (1-w)*p[1][2*i+int(c)])
		}
		return sum
	}
	w := tuning.Blend(y, nil, p, 2)
	require.InDelta(t, 1, w[0]+w[1], 1e-9)
	for a := 0.0; a <= 1; a += 0.01 {
		require.GreaterOrEqual(t, likelihood(w[0]), likelihood(a)-1e-6)
	}
}

func TestBlendHasAnOutcomeForModelsThatAreAlikeOrPerfect(t *testing.T) {
	y := []float64{1, 2, 3, 4}
	same := []float64{1.5, 2, 3, 3.5}
	require.InDelta(t, 1, sum(tuning.Blend(y, nil, [][]float64{same, same}, 0)), 1e-12)
	w := tuning.Blend(y, nil, [][]float64{same, y}, 0)
	require.InDelta(t, 1, w[1], 1e-9, "%v", w)
	require.Equal(t, []float64{0.5, 0.5}, tuning.Blend([]float64{0}, nil, [][]float64{{0, 1}, {0, 1}}, 2), "what nobody thinks possible tells nothing")
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}
