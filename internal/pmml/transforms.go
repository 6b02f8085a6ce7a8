package pmml

import (
	"math"
	"strconv"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
)

// chain adds one chain that is not a product.
func (d *document) chain(c *feature.Chain) (column, error) {
	if c.Columns != nil {
		x, err := d.formula(c)
		if err != nil {
			return column{}, err
		}
		return d.number(c, x, c.Steps[1:])
	}
	switch kind := d.kinds[c.Column]; kind {
	case frame.Text.String():
		return d.text(c)
	case frame.Time.String():
		return d.time(c)
	case frame.Number.String():
		return d.number(c, c.Column, c.Steps)
	default:
		return column{}, inexpressible(c, "unknown kind of column %q", kind)
	}
}

// number passes a field through numeric steps, each a field of its own. In PMML as in
// Go what is missing stays missing in arithmetic.
func (d *document) number(c *feature.Chain, x string, steps []feature.Step) (column, error) {
	name := "features/" + c.Name
	step := func(i int, value *element) {
		at := name
		if i < len(steps)-1 {
			at += "/" + strconv.Itoa(i+1)
		}
		x = d.define(at, value)
	}
	for i := range steps {
		switch s := &steps[i]; {
		case s.Impute != nil && s.Impute.Number != nil:
			before := x
			if step(i, apply("if", apply("isMissing", ref(x)), number(*s.Impute.Number), ref(x))); s.Impute.Implicit {
				d.raws[x] = before
			}
		case s.Standardize != nil:
			step(i, apply("/", apply("-", ref(x), number(s.Standardize.Mean)), number(s.Standardize.Scale)))
		case s.Robust != nil:
			step(i, apply("/", apply("-", ref(x), number(s.Robust.Center)), number(s.Robust.Scale)))
		case s.MinMax != nil:
			scaled := apply("+", apply("*", ref(x), number(s.MinMax.Scale)), number(s.MinMax.Offset))
			if s.MinMax.Low != nil || s.MinMax.High != nil {
				scaled = clip(d.define(name+"/scaled", scaled), s.MinMax.Low, s.MinMax.High)
			}
			step(i, scaled)
		case s.Clip != nil:
			step(i, clip(x, s.Clip.Min, s.Clip.Max))
		case s.Log1p != nil:
			step(i, known(x, apply("if", apply("greaterThan", ref(x), number(-1)), apply("ln1p", ref(x)))))
		case s.Power != nil:
			step(i, power(x, s.Power))
		case s.Bin != nil && s.Bin.OneHot:
			if i < len(steps)-1 {
				return column{}, inexpressible(c, "no step may follow bins that are a block")
			}
			return column{name: c.Name, field: d.code(name, d.bins(name, x, s.Bin.Edges)), categories: len(s.Bin.Edges) + 1, block: true}, nil
		case s.Bin != nil:
			step(i, d.bins(name, x, s.Bin.Edges))
		case s.Missing != nil:
			step(i, apply("if", apply("isMissing", ref(x)), number(1), number(0)))
		default:
			return column{}, inexpressible(c, "step %d does not apply to a number", i+1)
		}
	}
	return column{name: c.Name, field: x}, nil
}

// known is a value where a field has one, and missing where it has none: comparisons
// want to be asked about values alone.
func known(x string, value *element) *element {
	return apply("if", apply("isNotMissing", ref(x)), value)
}

// clip bounds a field.
func clip(x string, low, high *float64) *element {
	out := ref(x)
	if high != nil {
		out = apply("if", apply("greaterThan", ref(x), number(*high)), number(*high), out)
	}
	if low != nil {
		out = apply("if", apply("lessThan", ref(x), number(*low)), number(*low), out)
	}
	return known(x, out)
}

// bins is the number of edges not above a field. What is added makes 0 of -0, which
// evaluators that compare bits put below 0.
func (d *document) bins(name, x string, edges []float64) *element {
	out := tag("Discretize", "field", d.define(name+"/signless", apply("+", ref(x), number(0))))
	for i := range len(edges) + 1 {
		interval := tag("Interval", "closure", "closedOpen")
		if i > 0 {
			interval.set("leftMargin", double(edges[i-1]+0))
		}
		if i < len(edges) {
			interval.set("rightMargin", double(edges[i]+0))
		}
		out.add(tag("DiscretizeBin", "binValue", strconv.Itoa(i)).add(interval))
	}
	return out
}

func power(x string, p *feature.PowerState) *element {
	raise := func(log *element, lambda float64) *element {
		if math.Abs(lambda) < 0x1p-52 {
			return log
		}
		return apply("/", apply("expm1", apply("*", log, number(lambda))), number(lambda))
	}
	if p.Method == "box_cox" {
		return known(x, apply("if", apply("greaterThan", ref(x), number(0)), raise(apply("ln", ref(x)), p.Lambda)))
	}
	minus := func(e *element) *element { return apply("*", number(-1), e) }
	return known(x, apply("if", apply("lessThan", ref(x), number(0)),
		minus(raise(apply("ln1p", minus(ref(x))), 2-p.Lambda)),
		raise(apply("ln1p", ref(x)), p.Lambda)))
}
