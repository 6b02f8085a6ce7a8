package onnx

import (
	"math"

	"github.com/esteira-ml/esteira/internal/expression"
	"github.com/esteira-ml/esteira/internal/feature"
)

// formula adds the arithmetic of an expression, operation by operation. A truth
// is 1 or 0, NaN where something it compares is missing, as in Go.
func (g *graph) formula(c *feature.Chain) (string, error) {
	if len(c.Steps) == 0 || c.Steps[0].Expr == nil {
		return "", inexpressible(c, "a chain of columns must start with expr")
	}
	f, err := expression.Parse(c.Steps[0].Expr.Formula)
	if err != nil {
		return "", inexpressible(c, "its formula does not parse: %s", err)
	}
	x := g.expression(f.Root, f.Columns)
	return g.op("Where", g.op("IsInf", x), g.float(math.NaN()), x), nil
}

var operators = map[expression.Op]string{
	expression.Neg: "Neg", expression.Add: "Add", expression.Sub: "Sub", expression.Mul: "Mul", expression.Div: "Div", expression.And: "Mul",
	expression.Abs: "Abs", expression.Exp: "Exp", expression.Log: "Log", expression.Sqrt: "Sqrt",
	expression.Less: "Less", expression.AtMost: "LessOrEqual", expression.More: "Greater", expression.Least: "GreaterOrEqual", expression.Equal: "Equal",
}

func (g *graph) expression(n *expression.Node, columns []string) string {
	args := make([]string, len(n.Args))
	for i, a := range n.Args {
		args[i] = g.expression(a, columns)
	}
	switch n.Op {
	case expression.Number:
		return g.float(n.Value)
	case expression.Column:
		return columns[n.Index]
	case expression.Not:
		return g.op("Sub", g.float(1), args[0])
	case expression.Or:
		return g.op("Sub", g.op("Add", args[0], args[1]), g.op("Mul", args[0], args[1]))
	case expression.Min:
		return g.op("Where", g.op("Or", g.op("Less", args[0], args[1]), g.op("IsNaN", args[0])), args[0], args[1])
	case expression.Max:
		return g.op("Where", g.op("Or", g.op("Greater", args[0], args[1]), g.op("IsNaN", args[0])), args[0], args[1])
	case expression.If:
		chosen := g.op("Where", g.op("Equal", args[0], g.float(0)), args[2], args[1])
		return g.op("Where", g.op("IsNaN", args[0]), args[0], chosen)
	case expression.Less, expression.AtMost, expression.More, expression.Least, expression.Equal:
		return g.comparison(g.op(operators[n.Op], args...), args)
	case expression.Differ:
		return g.comparison(g.op("Not", g.op("Equal", args...)), args)
	}
	return g.op(operators[n.Op], args...)
}

func (g *graph) comparison(holds string, args []string) string {
	missing := g.op("Or", g.op("IsNaN", args[0]), g.op("IsNaN", args[1]))
	return g.op("Where", missing, g.float(math.NaN()), g.toDouble(holds))
}
