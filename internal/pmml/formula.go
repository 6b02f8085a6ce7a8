package pmml

import (
	"math"
	"strconv"

	"github.com/esteira-ml/esteira/internal/expression"
	"github.com/esteira-ml/esteira/internal/feature"
)

// formula adds the arithmetic of an expression. A truth is 1 or 0, missing where
// something it compares is, as in Go; an infinite result is missing.
func (d *document) formula(c *feature.Chain) (string, error) {
	if len(c.Steps) == 0 || c.Steps[0].Expr == nil {
		return "", inexpressible(c, "a chain of columns must start with expr")
	}
	f, err := expression.Parse(c.Steps[0].Expr.Formula)
	if err != nil {
		return "", inexpressible(c, "its formula does not parse: %s", err)
	}
	e := &formula{document: d, name: "features/" + c.Name + "/formula", columns: f.Columns}
	x := e.value(f.Root)
	return d.define(e.name, finite(x)), nil
}

// finite is a field, missing where it is infinite or no number.
func finite(x string) *element {
	return known(x, apply("if", apply("and", apply("lessOrEqual", ref(x), greatest), apply("greaterOrEqual", ref(x), number(-math.MaxFloat64))), ref(x)))
}

type formula struct {
	document *document
	name     string
	columns  []string
	nodes    int
}

var functions = map[expression.Op]string{
	expression.Add: "+", expression.Sub: "-", expression.Mul: "*", expression.Div: "/", expression.And: "*",
	expression.Abs: "abs", expression.Exp: "exp",
	expression.Less: "lessThan", expression.AtMost: "lessOrEqual", expression.More: "greaterThan", expression.Least: "greaterOrEqual",
	expression.Equal: "equal", expression.Differ: "notEqual",
}

// value returns the field of a node. Each is a field of its own, for what is used twice
// is then written once.
func (f *formula) value(n *expression.Node) string {
	if n.Op == expression.Column {
		return f.columns[n.Index]
	}
	args, value := make([]*element, len(n.Args)), func(x *element) *element { return x }
	for i, a := range n.Args {
		field := f.value(a)
		args[i] = ref(field)
		if inner := value; n.Op != expression.If || i == 0 { // the branch that is not taken may be missing
			value = func(x *element) *element { return known(field, inner(x)) }
		}
	}
	f.nodes++
	at := f.nodes
	return f.document.define(f.name+"/"+strconv.Itoa(at), value(f.node(n, args)))
}

func (f *formula) node(n *expression.Node, args []*element) *element {
	signless := func(x *element) *element { return apply("+", x, number(0)) } // -0 is 0
	switch n.Op {
	case expression.Number:
		return number(n.Value)
	case expression.Neg:
		return apply("*", number(-1), args[0])
	case expression.Not:
		return apply("-", number(1), args[0])
	case expression.Or:
		return apply("-", apply("+", args[0], args[1]), apply("*", args[0], args[1]))
	case expression.Min:
		return apply("if", apply("lessThan", args[0], args[1]), args[0], args[1])
	case expression.Max:
		return apply("if", apply("greaterThan", args[0], args[1]), args[0], args[1])
	case expression.If:
		return apply("if", apply("equal", signless(args[0]), number(0)), args[2], args[1])
	case expression.Less, expression.AtMost, expression.More, expression.Least, expression.Equal, expression.Differ:
		return apply("if", apply(functions[n.Op], signless(args[0]), signless(args[1])), number(1), number(0))
	case expression.Log:
		return apply("if", apply("greaterOrEqual", args[0], number(0)), apply("ln", args[0]))
	case expression.Sqrt:
		return apply("if", apply("greaterOrEqual", signless(args[0]), number(0)), apply("sqrt", args[0]))
	}
	return apply(functions[n.Op], args...)
}
