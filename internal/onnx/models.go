package onnx

import (
	"fmt"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
)

// model adds m over x and returns its output, double [N,outputs]. rows names a
// value whose first dimension is N.
func (g *graph) model(m model.Model, x matrix, rows string) (out string, outputs int, err error) {
	g.scope = "model"
	switch m := m.(type) {
	case *model.Linear:
		return g.linear(m, x.all, x.width, rows)
	case *model.Boosted:
		return g.trees(m.Trees, x, rows)
	case *model.Constant:
		return g.repeat(m.Values, rows), len(m.Values), nil
	}
	if e, ok := m.(*model.Ensemble); ok {
		return g.ensemble(e, x, rows)
	}
	e := fault.New(fault.ParityFailed, "a model of kind %q has no ONNX form", m.Kind())
	return "", 0, e.WithRemedy("set package.onnx: false, or train another kind")
}

// ensemble is the weighted mean of its members.
func (g *graph) ensemble(e *model.Ensemble, x matrix, rows string) (sum string, outputs int, err error) {
	for i, member := range e.Members {
		y, k, err := g.model(member.Model, x, rows)
		if err != nil {
			return "", 0, err
		}
		if g.note(y, fmt.Sprintf(memberNote, i+1)); i > 0 && k != outputs {
			return "", 0, fault.New(fault.ParityFailed, "member %d of the ensemble has %d outputs and the first %d", i, k, outputs)
		}
		y = g.op("Mul", y, g.float(member.Weight))
		if i > 0 {
			y = g.op("Add", sum, y)
		}
		sum, outputs = y, k
	}
	return sum, outputs, nil
}

// linear is link(x·W + b), with one column of W per row of coefficients.
func (g *graph) linear(m *model.Linear, x string, width int, rows string) (string, int, error) {
	k := len(m.Intercepts)
	if k == 0 || len(m.Coefficients) != k {
		return "", 0, fault.New(fault.ParityFailed, "a linear model with %d intercepts has %d rows of coefficients", k, len(m.Coefficients))
	}
	weights := make([]float64, width*k)
	for j, row := range m.Coefficients {
		if len(row) != width {
			return "", 0, fault.New(fault.ParityFailed, "the model has %d coefficients and the features %d columns", len(row), width)
		}
		for i, w := range row {
			weights[i*k+j] = w
		}
	}
	z := ""
	if width == 0 {
		z = g.repeat(m.Intercepts, rows)
	} else {
		z = g.op("MatMul", x, g.floats([]int64{int64(width), int64(k)}, weights...))
		z = g.op("Add", z, g.floats([]int64{1, int64(k)}, m.Intercepts...))
	}
	g.note(z, scoresNote)
	switch m.Link {
	case model.Identity:
		return z, k, nil
	case model.Log:
		return g.op("Exp", z), k, nil
	case model.Logistic:
		if k != 1 {
			return "", 0, fault.New(fault.ParityFailed, "a logistic model has %d rows of coefficients instead of 1", k)
		}
		return g.sigmoids(z), 2, nil
	case model.Softmax:
		return g.node("Softmax", []string{z}, intAttribute("axis", 1)), k, nil
	}
	return "", 0, fault.New(fault.ParityFailed, "link %q has no ONNX form", m.Link)
}

// sigmoids are the probabilities of both classes, from the log-odds.
func (g *graph) sigmoids(z string) string {
	q := g.op("Sigmoid", g.op("Neg", z)) // not 1-p, which loses the small ones
	p := g.op("Sigmoid", z)
	return g.node("Concat", []string{q, p}, intAttribute("axis", 1))
}

// repeat answers the same values for each of N rows.
func (g *graph) repeat(v []float64, rows string) string {
	k := int64(len(v))
	n := g.op("Gather", g.op("Shape", rows), g.ints([]int64{1}, 0))
	shape := g.node("Concat", []string{n, g.ints([]int64{1}, k)}, intAttribute("axis", 0))
	return g.op("Expand", g.floats([]int64{1, k}, v...), shape)
}
