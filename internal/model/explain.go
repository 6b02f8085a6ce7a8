package model

import "github.com/esteira-ml/esteira/internal/frame"

var _ Explainer = (*Linear)(nil)

// Explain writes what each feature adds to the score before the link: its
// coefficient times the distance of its value from the mean in training, a block
// as a whole, and last the score at the means. That is the Shapley value of a
// linear model whose features are independent (Lundberg and Lee 2017). Without
// Means, distances are from 0. The two outputs of the logistic link are the
// log-odds against and for.
func (l *Linear) Explain(m *frame.Matrix, out []float64) {
	if m.Rows < parallelRows {
		l.explain(m, out, 0, m.Rows)
		return
	}
	spans := spread(m.Rows, predictSpans)
	inParallel(len(spans), func(i int) { l.explain(m, out, spans[i].lo, spans[i].hi) })
}

var zeros = []float64{0}

func (l *Linear) explain(m *frame.Matrix, out []float64, lo, hi int) {
	outputs, width := l.Outputs(), len(m.Features)+1
	for k, intercept := range l.Intercepts {
		at := k
		if l.Link == Logistic {
			at = 1
		}
		expected, column := intercept, 0
		cell := func(i, feature int) *float64 { return &out[(i*outputs+at)*width+feature] }
		for j := range m.Features {
			f := &m.Features[j]
			w := l.Coefficients[k][column : column+f.Width()]
			base := 0.0 // what the feature adds at its mean
			means := zeros
			if l.Means != nil {
				means = l.Means[column:]
				base = dot(w, means[:len(w)])
			}
			for i := lo; i < hi; i++ {
				switch {
				case !f.Block():
					*cell(i, j) = w[0] * (f.Numbers[i] - means[0])
				case f.Codes[i] >= 0:
					*cell(i, j) = w[f.Codes[i]] - base
				default:
					*cell(i, j) = -base
				}
			}
			expected += base
			column += len(w)
		}
		for i := lo; i < hi; i++ {
			*cell(i, width-1) = expected
		}
	}
	if l.Link == Logistic {
		for i := lo; i < hi; i++ {
			against, in := out[2*i*width:(2*i+1)*width], out[(2*i+1)*width:(2*i+2)*width]
			for j, v := range in {
				against[j] = -v
			}
		}
	}
}
