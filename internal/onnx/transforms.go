package onnx

import (
	"fmt"
	"math"
	"strconv"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

// inexpressible is the error of a state that has no form in ONNX.
func inexpressible(c *feature.Chain, what string, args ...any) error {
	e := fault.New(fault.FeatureInvalid, "feature %q of column %q: "+what, append([]any{c.Name, c.Column}, args...)...)
	return e.WithRemedy("drop the transform, or set package.onnx: false")
}

// chain adds one chain that is not a product and returns its output, double
// [N,width]; width is 0, and the output "", for a block without categories.
func (g *graph) chain(c *feature.Chain, kinds map[string]string) (out string, width int, err error) {
	g.scope = c.Name
	if c.Columns != nil {
		x, err := g.formula(c)
		if err != nil {
			return "", 0, err
		}
		return g.number(c, x, c.Steps[1:])
	}
	switch kind := kinds[c.Column]; kind {
	case frame.Text.String():
		return g.text(c)
	case frame.Time.String():
		if len(c.Steps) == 0 || c.Steps[0].DatePart == nil {
			return "", 0, inexpressible(c, "a time column must start with date_parts")
		}
		d := c.Steps[0].DatePart
		if d.AsCategories {
			if len(c.Steps) > 1 {
				return "", 0, inexpressible(c, "no step may follow a date part that is a block")
			}
			return g.partBlock(c, d.Part)
		}
		part, err := g.part(c, d.Part)
		if err != nil {
			return "", 0, err
		}
		missing := g.date(c.Column).missing
		value := ""
		if d.Cycle != "" {
			first, _, _ := feature.PartRange(d.Part)
			at := g.op("Where", missing, g.int(0), g.op("Sub", part, g.int(int64(first))))
			points := feature.PartCycle(d.Part, d.Cycle)
			value = g.op("Gather", g.floats([]int64{int64(len(points))}, points...), at)
		} else {
			value = g.toDouble(part)
		}
		return g.number(c, g.op("Where", missing, g.float(math.NaN()), value), c.Steps[1:])
	case frame.Number.String():
		return g.number(c, c.Column, c.Steps)
	default:
		return "", 0, inexpressible(c, "unknown kind of column %q", kind)
	}
}

func (g *graph) number(c *feature.Chain, x string, steps []feature.Step) (string, int, error) {
	if len(steps) == 0 {
		x = g.op("Identity", x)
	}
	head := len(c.Steps) - len(steps)
	note := func(i int) { g.note(x, fmt.Sprintf(stepNote, i, c.Name)) }
	note(head - 1)
	for i := range steps {
		switch s := &steps[i]; {
		case s.Impute != nil && s.Impute.Number != nil:
			before := x
			if x = g.op("Where", g.op("IsNaN", x), g.float(*s.Impute.Number), x); s.Impute.Implicit {
				g.raws[x] = before
			}
		case s.Standardize != nil:
			x = g.op("Div", g.op("Sub", x, g.float(s.Standardize.Mean)), g.float(s.Standardize.Scale))
		case s.Robust != nil:
			x = g.op("Div", g.op("Sub", x, g.float(s.Robust.Center)), g.float(s.Robust.Scale))
		case s.MinMax != nil:
			x = g.op("Add", g.op("Mul", x, g.float(s.MinMax.Scale)), g.float(s.MinMax.Offset))
			x = g.clip(x, s.MinMax.Low, s.MinMax.High)
		case s.Clip != nil:
			x = g.clip(x, s.Clip.Min, s.Clip.Max)
		case s.Log1p != nil:
			x = g.log1p(x)
		case s.Power != nil:
			x = g.power(x, s.Power)
		case s.Bin != nil && s.Bin.OneHot:
			if i < len(steps)-1 {
				return "", 0, inexpressible(c, "no step may follow bins that are a block")
			}
			code := g.op("Where", g.op("IsNaN", x), g.int(-1), g.node("Cast", []string{g.bin(x, s.Bin.Edges)}, intAttribute("to", int64(pb.TensorProto_INT64))))
			width := len(s.Bin.Edges) + 1
			x = g.indicators(code, 0, width)
			note(head + i)
			return x, width, nil
		case s.Bin != nil:
			x = g.op("Where", g.op("IsNaN", x), x, g.bin(x, s.Bin.Edges))
		case s.Missing != nil:
			x = g.toDouble(g.op("IsNaN", x))
		default:
			return "", 0, inexpressible(c, "step %d does not apply to a number", i+1)
		}
		note(head + i)
	}
	return x, 1, nil
}

// clip bounds x and leaves NaN, which Clip would not say.
func (g *graph) clip(x string, low, high *float64) string {
	if low != nil {
		x = g.op("Where", g.op("Less", x, g.float(*low)), g.float(*low), x)
	}
	if high != nil {
		x = g.op("Where", g.op("Greater", x, g.float(*high)), g.float(*high), x)
	}
	return x
}

// bin counts the edges not above x, as a double.
func (g *graph) bin(x string, edges []float64) string {
	if len(edges) == 0 {
		return g.op("Where", g.op("IsNaN", x), x, g.float(0))
	}
	reached := g.toDouble(g.op("LessOrEqual", g.floats([]int64{1, int64(len(edges))}, edges...), x))
	return g.node("ReduceSum", []string{reached, g.ints([]int64{1}, 1)}, intAttribute("keepdims", 1))
}

func (g *graph) power(x string, p *feature.PowerState) string {
	raise := func(log string, lambda float64) string {
		if math.Abs(lambda) < 0x1p-52 {
			return log
		}
		return g.op("Div", g.expm1(g.op("Mul", log, g.float(lambda))), g.float(lambda))
	}
	if p.Method == "box_cox" {
		return g.op("Where", g.op("Greater", x, g.float(0)), raise(g.op("Log", x), p.Lambda), g.float(math.NaN()))
	}
	above := raise(g.log1p(x), p.Lambda)
	below := g.op("Neg", raise(g.log1p(g.op("Neg", x)), 2-p.Lambda))
	return g.op("Where", g.op("Less", x, g.float(0)), below, above)
}

// expm1 keeps full precision near zero, where exp(x)-1 would lose it: with
// u = exp(x) rounded, expm1(x) = (u-1)·x/log(u), or x where u is 1 (Higham,
// Accuracy and Stability of Numerical Algorithms, 1.14.1). Beyond 1 the plain
// form is exact enough and cannot overflow to inf/inf; far below it is -1.
func (g *graph) expm1(x string) string {
	u := g.op("Exp", x)
	d := g.op("Sub", u, g.float(1))
	near := g.op("Where", g.op("Equal", d, g.float(0)), x, g.op("Mul", d, g.op("Div", x, g.op("Log", u))))
	near = g.op("Where", g.op("Equal", d, g.float(-1)), d, near)
	return g.op("Where", g.op("Greater", x, g.float(1)), d, near)
}

// log1p keeps full precision near zero, where log(1+x) alone would lose it:
// with u = 1+x rounded, log1p(x) = log(u)·x/(u-1), or x where u is 1 (Kahan;
// Goldberg 1991, theorem 4). Beyond 1 the plain form is exact enough and cannot
// overflow to inf/inf.
func (g *graph) log1p(x string) string {
	one := g.float(1)
	u := g.op("Add", x, one)
	d := g.op("Sub", u, one)
	log := g.op("Log", u)
	near := g.op("Where", g.op("Equal", d, g.float(0)), x, g.op("Mul", log, g.op("Div", x, d)))
	y := g.op("Where", g.op("Greater", x, one), log, near)
	return g.op("Where", g.op("LessOrEqual", x, g.float(-1)), g.float(math.NaN()), y)
}

// indicators spreads code, int64 [N,1], over columns that stand for the values
// first, first+1, …
func (g *graph) indicators(code string, first, width int) string {
	values := make([]int64, width)
	for i := range values {
		values[i] = int64(first + i)
	}
	out := g.toDouble(g.op("Equal", code, g.ints([]int64{1, int64(width)}, values...)))
	if g.codes[out] = code; first != 0 {
		g.codes[out] = g.op("Sub", code, g.int(int64(first)))
	}
	return out
}

func (g *graph) toDouble(x string) string {
	return g.node("Cast", []string{x}, intAttribute("to", int64(pb.TensorProto_DOUBLE)))
}

// partBlock spreads a date part over all values it can take; -1, which none of
// them is, stands for missing.
func (g *graph) partBlock(c *feature.Chain, part string) (string, int, error) {
	categories := feature.PartCategories(part)
	if categories == nil {
		return "", 0, inexpressible(c, "date part %q has no closed list of categories", part)
	}
	first, err := strconv.Atoi(categories[0])
	if err != nil {
		return "", 0, inexpressible(c, "date part %q does not start at a number", part)
	}
	value, err := g.part(c, part)
	if err != nil {
		return "", 0, err
	}
	value = g.op("Where", g.date(c.Column).missing, g.int(-1), value)
	out := g.indicators(value, first, len(categories))
	g.note(out, fmt.Sprintf(stepNote, 0, c.Name))
	return out, len(categories), nil
}
