package model

import (
	"fmt"
	"math"
	"testing"
)

func TestContributionsAddUpToTheScore(t *testing.T) {
	for kind, classes := range map[string]int{"ols": 0, "ridge": 0, "poisson": 0, "logistic": 2, "logistic of 3": 3} {
		var name string
		fmt.Sscan(kind, &name)
		d := weigh(counted(random(6, 20_000, 3, 2, 5, classes)))
		m, _ := fit(t, name, d, nil)
		l := m.(*Linear)
		outputs, width, mass := m.Outputs(), len(d.X.Features)+1, d.mass()
		out, predicted := make([]float64, d.X.Rows*outputs*width), make([]float64, d.X.Rows*outputs)
		l.Explain(d.X, out)
		m.Predict(d.X, predicted)
		sums := make([]float64, outputs*width) // weighted, of every contribution
		for i := range d.X.Rows {
			scores := make([]float64, outputs)
			for k := range scores {
				row := out[(i*outputs+k)*width : (i*outputs+k+1)*width]
				scores[k] = total(row)
				for j, v := range row {
					sums[k*width+j] += d.Weights[i] * v / mass
				}
			}
			if i%97 > 0 {
				continue
			}
			switch l.Link {
			case Log:
				scores[0] = math.Exp(scores[0])
			case Logistic:
				scores[0], scores[1] = sigmoid(scores[0]), sigmoid(scores[1])
			case Softmax:
				softmax(scores)
			}
			near(t, kind, scores, predicted[i*outputs:(i+1)*outputs], 1e-9)
		}
		// On average over the rows learnt from, a feature adds nothing.
		for k := range outputs {
			near(t, kind+" on average", sums[k*width:(k+1)*width-1], make([]float64, width-1), 1e-9)
			expected := 0.0
			for j, mean := range l.Means {
				expected += mean * l.Coefficients[min(k, len(l.Coefficients)-1)][j]
			}
			expected += l.Intercepts[min(k, len(l.Intercepts)-1)]
			if l.Link == Logistic && k == 0 {
				expected = -expected
			}
			near(t, kind+" at the means", []float64{out[k*width+width-1]}, []float64{expected}, 1e-9)
		}
		row := d.X.Take([]int32{3})
		alone := make([]float64, outputs*width)
		if l.Explain(row, alone); !equal(alone, out[3*outputs*width:4*outputs*width]) {
			t.Errorf("%s: a row alone is explained by %v", kind, alone)
		}
		l.Means = nil // of a model from before there were any: distances from 0
		l.Explain(row, alone)
		last := outputs - 1
		w := l.Coefficients[len(l.Coefficients)-1]
		near(t, kind+" without means", []float64{alone[last*width], alone[last*width+width-1]}, []float64{w[0] * row.Features[0].Numbers[0], l.Intercepts[len(l.Intercepts)-1]}, 1e-12)
	}
}

func equal(a, b []float64) bool {
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
