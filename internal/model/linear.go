package model

import (
	"math"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Link is how the linear predictor becomes a prediction.
type Link string

// The links.
const (
	Identity Link = "identity" // one output: the value
	Logistic Link = "logistic" // one row of coefficients, two outputs: [1-p, p]
	Log      Link = "log"      // one output: the exponential
	Softmax  Link = "softmax"  // one row of coefficients and one output per class
)

// Linear is a generalised linear model: Link(Intercepts[k] + Coefficients[k]·x)
// over the spread columns x of the matrix (frame.Matrix.Names).
type Linear struct {
	Learner      string      `json:"learner"` // "ols", "ridge", "lasso", "elastic_net", "poisson" or "logistic"
	Link         Link        `json:"link"`
	Intercepts   []float64   `json:"intercepts"`
	Coefficients [][]float64 `json:"coefficients"` // [len(Intercepts)][len(Names)]
	Names        []string    `json:"names"`        // of the spread columns

	Means     []float64  `json:"means,omitempty"`     // of the spread columns in training; what contributions are against
	Inference *Inference `json:"inference,omitempty"` // of ols: how sure it is of each coefficient
}

var _ Model = (*Linear)(nil)

// Kind returns the learner's kind.
func (l *Linear) Kind() string { return l.Learner }

// Width returns the number of spread columns the model reads.
func (l *Linear) Width() int { return len(l.Names) }

// Outputs returns 1 for identity and log, 2 for logistic, the number of classes for
// softmax.
func (l *Linear) Outputs() int {
	if l.Link == Logistic {
		return 2
	}
	return len(l.Intercepts)
}

// Predict writes m.Rows × Outputs values into out. A row's sum runs over the
// features in order, so it is the same alone or among others. m.Width must be
// Width.
func (l *Linear) Predict(m *frame.Matrix, out []float64) {
	if m.Rows < parallelRows { // without a closure: nothing is allocated
		l.predict(m, out, 0, m.Rows)
		return
	}
	spans := spread(m.Rows, predictSpans)
	inParallel(len(spans), func(i int) { l.predict(m, out, spans[i].lo, spans[i].hi) })
}

func (l *Linear) predict(m *frame.Matrix, out []float64, lo, hi int) {
	for ; lo < hi; lo += tileRows {
		l.predictTile(m, out, lo, min(lo+tileRows, hi))
	}
}

func (l *Linear) predictTile(m *frame.Matrix, out []float64, lo, hi int) {
	outputs := l.Outputs()
	for k, intercept := range l.Intercepts {
		at := k // where row i keeps output k: the last place for logistic
		if l.Link == Logistic {
			at = 1
		}
		for i := lo; i < hi; i++ {
			out[i*outputs+at] = intercept
		}
		column := 0
		for j := range m.Features {
			f := &m.Features[j]
			if f.Block() {
				w := l.Coefficients[k][column : column+len(f.Categories)]
				for i := lo; i < hi; i++ {
					if c := f.Codes[i]; c >= 0 {
						out[i*outputs+at] += w[c]
					}
				}
				column += len(w)
				continue
			}
			w := l.Coefficients[k][column]
			for i := lo; i < hi; i++ {
				out[i*outputs+at] += w * f.Numbers[i]
			}
			column++
		}
	}
	switch l.Link {
	case Logistic:
		for i := lo; i < hi; i++ {
			z := out[2*i+1]
			out[2*i], out[2*i+1] = sigmoid(-z), sigmoid(z) // not 1-p, which loses the small ones
		}
	case Log:
		for i := lo; i < hi; i++ {
			out[i] = math.Exp(out[i])
		}
	case Softmax:
		for i := lo; i < hi; i++ {
			softmax(out[i*outputs : (i+1)*outputs])
		}
	}
}

// sigmoid is 1/(1+exp(-z)) without overflow.
func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// softmax turns scores into probabilities in place and returns the logarithm of
// the sum of their exponentials.
func softmax(z []float64) float64 {
	top := z[0]
	for _, v := range z {
		top = max(top, v)
	}
	total := 0.0
	for k, v := range z {
		z[k] = math.Exp(v - top)
		total += z[k]
	}
	for k := range z {
		z[k] /= total
	}
	return top + math.Log(total)
}
