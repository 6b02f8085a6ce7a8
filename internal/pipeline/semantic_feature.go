package pipeline

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/expression"
)

func (d *decoder) checkFeatures(p *Pipeline) {
	if d.given("features") && !p.Features.Auto && len(p.Features.List) == 0 && !d.faulty["features"] {
		d.add("features", "write auto, or at least one feature", "is empty")
	}
	autos := 0
	for i, f := range p.Features.List {
		path := fmt.Sprintf("features[%d]", i)
		switch {
		case f.Select != nil:
			d.checkSelect(path, f, i == len(p.Features.List)-1)
			continue
		case f.Auto != nil:
			if autos++; autos > 1 {
				d.add(path+".auto", "keep one", "stands twice")
			}
			if d.given(path+".columns") || d.given(path+".apply") {
				d.add(path, "make an entry of its own of auto", "has both auto and columns")
			}
			d.checkDistinct(path+".auto.drop", f.Auto.Drop)
			continue
		}
		if !d.given(path+".columns") && !d.anyFaultyBeneath(path) {
			d.add(path+".columns", "add columns: [NAME]", "is missing")
		}
		d.checkDistinct(path+".columns", f.Columns)
		for j, column := range f.Columns {
			if column != "" && column == p.Problem.Target {
				d.add(fmt.Sprintf("%s.columns[%d]", path, j), "remove it", "%q is the target: a model must not see the answer", clip(column))
			}
			if column != "" && column == p.Problem.Weight {
				d.add(fmt.Sprintf("%s.columns[%d]", path, j), "remove it, or select it twice in dataset.sql", "%q is the weight of the rows, which no request has", clip(column))
			}
		}
		d.checkChain(path+".apply", f)
		if p.Package.ONNX == nil || *p.Package.ONNX {
			for j, t := range f.Apply {
				if why := t.NotInONNX(); why != "" && t.Name() != "" {
					d.add(fmt.Sprintf("%s.apply[%d]", path, j), "use another transform, or write package: {onnx: false}", "%s cannot be exported: %s", t.Name(), why)
				}
			}
		}
		if p.Package.PMML {
			for j, t := range f.Apply {
				if why := t.NotInPMML(); why != "" && t.Name() != "" {
					d.add(fmt.Sprintf("%s.apply[%d]", path, j), "use another transform, or remove pmml from package", "%s cannot be exported: %s", t.Name(), why)
				}
			}
		}
	}
}

func (d *decoder) checkSelect(path string, f Feature, last bool) {
	if !last {
		d.add(path+".select", "put select last", "stands before other features")
	}
	if f.Auto != nil || d.given(path+".columns") || d.given(path+".apply") {
		d.add(path, "make an entry of its own of select", "has select and more")
	}
	at, s := path+".select", f.Select
	d.checkDistinct(at+".keep", s.Keep)
	d.checkDistinct(at+".drop", s.Drop)
	if s.Variance == nil && s.Correlation == nil && s.MutualInformation == nil && s.Top == nil && len(s.Drop) == 0 {
		d.add(at, "add drop, variance, correlation, mutual_information or top", "selects nothing")
	}
	if v := s.Variance; v != nil && *v < 0 {
		d.add(at+".variance", "write 0 or more", "a variance is never negative")
	}
	if v := s.Correlation; v != nil && !(*v > 0 && *v <= 1) {
		d.add(at+".correlation", "write a bound such as 0.95", "must be more than 0 and at most 1, not %v", *v)
	}
	for name, v := range map[string]*int{"mutual_information": s.MutualInformation, "top": s.Top} {
		if v != nil && *v < 1 {
			d.add(at+"."+name, "write how many to keep", "%d features cannot be kept", *v)
		}
	}
}

// checkChain follows what kind of values a chain of transforms must be given and
// makes; what the columns really are is known only with data.
func (d *decoder) checkChain(path string, f Feature) {
	kind, after := "", "" // not known yet
	for i, t := range f.Apply {
		at := fmt.Sprintf("%s[%d]", path, i)
		wants, name := "number", t.Name()
		switch {
		case name == "":
			return // already reported
		case after != "":
			d.add(at, "put "+after+" last", "%s cannot follow %s", name, after)
			return
		case (t.DateParts != nil || t.Expr != nil) && i > 0:
			d.add(at, "put "+name+" first", "%s cannot follow %s", name, f.Apply[i-1].Name())
			return
		case t.Text():
			wants = "text"
		case t.DateParts != nil || t.Polynomial != nil && kind == "":
			wants = ""
		case t.Impute != nil:
			wants = d.checkImpute(at+".impute", *t.Impute)
		}
		if kind != "" && wants != "" && kind != wants {
			d.add(at, "make a feature of its own for each kind of column", "%s works on a %s, and what is before it on a %s", name, wants, kind)
			return
		}
		d.checkTransform(at+"."+name, t, f.Columns)
		switch {
		case t.Block() || t.Polynomial != nil:
			after = name
		case t.Text() || t.DateParts != nil:
			kind = "number"
		case wants != "":
			kind = wants
		}
	}
}

// checkTransform checks the parameters of one transform.
func (d *decoder) checkTransform(at string, t Transform, columns []string) {
	within := func(name string, v, low, high int) {
		if v < low || v > high {
			d.add(at+"."+name, fmt.Sprintf("write %d to %d", low, high), "%d is out of bounds", v)
		}
	}
	ordered := func(low, high string, a, b *float64, least, most float64) {
		for name, v := range map[string]*float64{low: a, high: b} {
			if v != nil && !(*v >= least && *v <= most) {
				d.add(at+"."+name, fmt.Sprintf("write %v to %v", least, most), "%v is out of bounds", *v)
			}
		}
		if a != nil && b != nil && *a >= *b {
			d.add(at, "write "+low+" below "+high, "%s %v is not below %s %v", low, *a, high, *b)
		}
	}
	switch {
	case t.OneHot != nil:
		if n := t.OneHot.MaxCategories; n < 2 || n > 10000 {
			d.add(at+".max_categories", "write 2 to 10000", "%d columns cannot be made", n)
		}
		if t.OneHot.MinCount < 0 {
			d.add(at+".min_count", "write 0 or more", "a count is never negative")
		}
	case t.MinMax != nil:
		ordered("min", "max", &t.MinMax.Min, t.MinMax.Max, -math.MaxFloat64, math.MaxFloat64)
	case t.Robust != nil:
		ordered("lower", "upper", t.Robust.Lower, t.Robust.Upper, 0, 100)
	case t.Clip != nil:
		d.checkClip(at, *t.Clip)
		ordered("min", "max", t.Clip.Min, t.Clip.Max, -math.MaxFloat64, math.MaxFloat64)
		ordered("lower", "upper", t.Clip.Lower, t.Clip.Upper, 0, 1)
	case t.Bin != nil:
		within("bins", t.Bin.Bins, 2, 256)
	case t.TargetEncode != nil:
		within("folds", t.TargetEncode.Folds, 2, 20)
		if s := t.TargetEncode.Smoothing; s != nil && *s < 0 {
			d.add(at+".smoothing", "write 0 or more", "a weight is never negative")
		}
	case t.Hash != nil:
		within("bits", t.Hash.Bits, 1, 16)
	case t.NGrams != nil:
		within("min", t.NGrams.Min, 1, 8)
		within("max", t.NGrams.Max, t.NGrams.Min, 8)
		within("bits", t.NGrams.Bits, 1, 10)
	case t.DateParts != nil:
		d.checkParts(at, *t.DateParts)
	case t.Expr != nil:
		d.checkExpr(at, *t.Expr, columns)
	case t.Polynomial != nil:
		if n := len(columns); n < 2 && t.Polynomial.InteractionOnly {
			d.add(at, "name two columns or more", "there is nothing to interact with")
		} else if n > maxPolynomial {
			d.add(at, fmt.Sprintf("name at most %d columns", maxPolynomial), "%d columns have %d products", n, n*(n+1)/2)
		}
	}
}

// maxPolynomial bounds the columns of one polynomial.
const maxPolynomial = 100

func (d *decoder) checkClip(at string, c Clip) {
	switch {
	case c.Min == nil && c.Max == nil && c.Lower == nil && c.Upper == nil:
		d.add(at, "write {min: 0, max: 1} or {lower: 0.01, upper: 0.99}", "has no bound")
	case c.Min != nil && c.Lower != nil:
		d.add(at, "keep one of the two", "has both min and lower")
	case c.Max != nil && c.Upper != nil:
		d.add(at, "keep one of the two", "has both max and upper")
	}
}

func (d *decoder) checkExpr(at string, e Expr, columns []string) {
	if e.Name == "" || e.Formula == "" {
		d.add(at, "write expr: {name: speed, formula: distance / duration}", "needs a name and a formula")
		return
	}
	formula, err := expression.Parse(e.Formula)
	var mistake *expression.Error
	if errors.As(err, &mistake) {
		d.add(at+".formula", mistake.Remedy, "%s", mistake)
		return
	}
	for _, name := range formula.Columns {
		if !slices.Contains(columns, name) {
			d.add(at+".formula", "name it in columns, or did you mean "+oneOf(columns), "reads %q, which is not among the entry's columns", clip(name))
			return
		}
	}
	for _, name := range columns {
		if !slices.Contains(formula.Columns, name) {
			d.add(at+".formula", "remove it from columns, or use it", "does not read column %q", clip(name))
			return
		}
	}
}

// checkImpute returns the kind of column the strategy is for, "" if any.
func (d *decoder) checkImpute(path string, m Impute) string {
	if m.Strategy == "constant" {
		switch {
		case m.Value != nil && m.Text != nil:
			d.add(path, "keep value for numbers or text for texts", "has both value and text")
		case m.Value != nil:
			return "number"
		case m.Text == nil:
			d.add(path, "add value: 0 or text: missing", "a constant needs its value")
		case *m.Text == "":
			d.add(path+".text", "write a text such as missing", "is empty, which counts as missing")
		default:
			return "text"
		}
		return ""
	}
	if m.Value != nil || m.Text != nil {
		d.add(path, "write strategy: constant, or remove value and text", "%s takes no constant", m.Strategy)
	}
	if m.Strategy == "mean" || m.Strategy == "median" {
		return "number"
	}
	return ""
}

var dateParts = []string{"year", "month", "day", "day_of_week", "hour", "minute"}

func (d *decoder) checkParts(path string, parts DateParts) {
	for _, list := range []struct {
		name  string
		parts []string
	}{{"parts", parts.Parts}, {"as_categories", parts.AsCategories}, {"cyclical", parts.Cyclical}} {
		d.checkDistinct(path+"."+list.name, list.parts)
		for i, part := range list.parts {
			at := fmt.Sprintf("%s.%s[%d]", path, list.name, i)
			switch {
			case !contains(dateParts, part):
				d.add(at, instead(part, dateParts), "unknown part %q", clip(part))
			case part == "year" && list.name == "as_categories":
				d.add(at, "keep year among parts", "years have no closed list of categories")
			case part == "year" && list.name == "cyclical":
				d.add(at, "keep year among parts", "years do not come round again")
			}
		}
	}
}
