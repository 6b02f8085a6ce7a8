package expression

import "math"

// Program evaluates a formula over many rows at a time, operation by operation.
// It holds buffers, so it is not safe for concurrent use.
type Program struct {
	steps []*Node     // in the order of evaluation, arguments before what uses them
	stack [][]float64 // one buffer per value that is alive at a time
	depth int
}

// Compile returns a program for the formula.
func (f *Formula) Compile() *Program {
	p := &Program{}
	alive := 0
	var visit func(n *Node)
	visit = func(n *Node) {
		for _, a := range n.Args {
			visit(a)
		}
		p.steps = append(p.steps, n)
		alive += 1 - len(n.Args)
		p.depth = max(p.depth, alive)
	}
	visit(f.Root)
	p.stack = make([][]float64, p.depth)
	return p
}

// Run writes into out the value of each row; columns are those of Columns, each
// with len(out) values. Values that are not finite become NaN.
func (p *Program) Run(columns [][]float64, out []float64) {
	n := len(out)
	for i := range p.stack {
		if cap(p.stack[i]) < n {
			p.stack[i] = make([]float64, n)
		}
		p.stack[i] = p.stack[i][:n]
	}
	top := 0
	for _, step := range p.steps {
		top -= len(step.Args)
		x := p.stack[top]
		switch len(step.Args) {
		case 0:
			if step.Op == Column {
				copy(x, columns[step.Index])
			} else {
				for i := range x {
					x[i] = step.Value
				}
			}
		case 1:
			unary(step.Op, x)
		case 2:
			binary(step.Op, x, p.stack[top+1])
		default:
			choose(x, p.stack[top+1], p.stack[top+2])
		}
		top++
	}
	copy(out, p.stack[0])
	for i, v := range out {
		if math.IsInf(v, 0) {
			out[i] = math.NaN()
		}
	}
}

func unary(op Op, x []float64) {
	for i, v := range x {
		switch op {
		case Neg:
			v = -v
		case Not:
			v = 1 - v
		case Abs:
			v = math.Abs(v)
		case Exp:
			v = math.Exp(v)
		case Log:
			v = math.Log(v)
		case Sqrt:
			v = math.Sqrt(v)
		}
		x[i] = v
	}
}

// binary replaces x by x op y. Conversions keep a compiler from fusing two
// roundings into one, which would give other bits on other machines.
func binary(op Op, x, y []float64) {
	switch op {
	case Add:
		for i := range x {
			x[i] += y[i]
		}
	case Sub:
		for i := range x {
			x[i] -= y[i]
		}
	case Mul, And:
		for i := range x {
			x[i] *= y[i]
		}
	case Div:
		for i := range x {
			x[i] /= y[i]
		}
	case Or:
		for i := range x {
			x[i] = x[i] + y[i] - float64(x[i]*y[i])
		}
	case Min:
		for i := range x {
			if !(x[i] < y[i] || x[i] != x[i]) {
				x[i] = y[i]
			}
		}
	case Max:
		for i := range x {
			if !(x[i] > y[i] || x[i] != x[i]) {
				x[i] = y[i]
			}
		}
	default:
		for i := range x {
			x[i] = compare(op, x[i], y[i])
		}
	}
}

func compare(op Op, a, b float64) float64 {
	holds := false
	switch op {
	case Less:
		holds = a < b
	case AtMost:
		holds = a <= b
	case More:
		holds = a > b
	case Least:
		holds = a >= b
	case Equal:
		holds = a == b
	default:
		holds = a != b
	}
	switch {
	case a != a || b != b:
		return math.NaN()
	case holds:
		return 1
	}
	return 0
}

func choose(condition, yes, no []float64) {
	for i, c := range condition {
		switch {
		case c != c:
		case c != 0:
			condition[i] = yes[i]
		default:
			condition[i] = no[i]
		}
	}
}
