package onnx

import (
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

// chain adds one chain and returns its output, double [N,width]; width is 0, and
// the output "", for a block without categories.
func (g *graph) chain(c *feature.Chain, kind string) (out string, width int, err error) {
	g.scope = c.Name
	switch kind {
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
		nan := g.op("Where", g.date(c.Column).missing, g.float(math.NaN()), g.toDouble(part))
		return g.number(c, nan, c.Steps[1:])
	case frame.Number.String():
		return g.number(c, c.Column, c.Steps)
	}
	return "", 0, inexpressible(c, "unknown kind of column %q", kind)
}

func (g *graph) number(c *feature.Chain, x string, steps []feature.Step) (string, int, error) {
	if len(steps) == 0 {
		x = g.op("Identity", x)
	}
	for i := range steps {
		switch s := &steps[i]; {
		case s.Impute != nil && s.Impute.Number != nil:
			x = g.op("Where", g.op("IsNaN", x), g.float(*s.Impute.Number), x)
		case s.Standardize != nil:
			x = g.op("Div", g.op("Sub", x, g.float(s.Standardize.Mean)), g.float(s.Standardize.Scale))
		case s.Log1p != nil:
			x = g.log1p(x)
		default:
			return "", 0, inexpressible(c, "step %d does not apply to a number", i+1)
		}
	}
	return x, 1, nil
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

// text encodes a text as the code of its category, then as indicators.
// Imputation folds into the encoder: it is what "" maps to.
func (g *graph) text(c *feature.Chain) (string, int, error) {
	steps := c.Steps
	filled := ""
	if len(steps) > 0 && steps[0].Impute != nil && steps[0].Impute.Text != nil {
		filled, steps = *steps[0].Impute.Text, steps[1:]
	}
	if len(steps) != 1 || steps[0].OneHot == nil {
		return "", 0, inexpressible(c, "a text column must end with one_hot, after at most one impute")
	}
	h := steps[0].OneHot
	width := len(h.Categories)
	if width == 0 {
		return "", 0, nil
	}
	other, own := int64(frame.MissingCode), h.Categories
	if h.Shared {
		other, own = int64(width-1), h.Categories[:width-1]
	}
	keys, codes := []string{""}, []int64{other}
	for i, category := range own {
		if category == "" {
			return "", 0, inexpressible(c, "the empty text is a category, and also stands for missing")
		}
		if category == filled {
			codes[0] = int64(i)
		}
		keys, codes = append(keys, category), append(codes, int64(i))
	}
	code := g.node("LabelEncoder", []string{c.Column}, textsAttribute("keys_strings", keys), intsAttribute("values_int64s", codes), intAttribute("default_int64", other))
	return g.indicators(code, 0, width), width, nil
}

// indicators spreads code, int64 [N,1], over columns that stand for the values
// first, first+1, …
func (g *graph) indicators(code string, first, width int) string {
	values := make([]int64, width)
	for i := range values {
		values[i] = int64(first + i)
	}
	return g.toDouble(g.op("Equal", code, g.ints([]int64{1, int64(width)}, values...)))
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
	return g.indicators(value, first, len(categories)), len(categories), nil
}
