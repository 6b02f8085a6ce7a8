package pipeline

import (
	"fmt"
	"strings"
)

// checks returns the names of the checks a rule sets.
func (r Rule) checks() []string {
	var out []string
	for _, c := range []struct {
		name string
		set  bool
	}{
		{"type", r.Type != ""}, {"range", r.Range != nil}, {"set", r.Set != nil}, {"max_null_share", r.MaxNullShare != nil},
		{"not_null", r.NotNull}, {"finite", r.Finite}, {"unique", r.Unique != nil}, {"row_count", r.RowCount != nil},
	} {
		if c.set {
			out = append(out, c.name)
		}
	}
	return out
}

// Check returns the name of the one check of the rule: "range", "row_count".
func (r Rule) Check() string {
	if set := r.checks(); len(set) == 1 {
		return set[0]
	}
	return ""
}

const everyCheck = "type, range, set, max_null_share, not_null, finite, unique or row_count"

func (d *decoder) checkRule(path string, r Rule) {
	set := r.checks()
	if len(set) == 0 {
		for _, flag := range []string{"not_null", "finite"} {
			if d.given(path + "." + flag) {
				d.add(path+"."+flag, "write true, or remove the rule", "false checks nothing")
				return
			}
		}
		if !d.anyFaultyBeneath(path) {
			d.add(path, "add one of "+everyCheck, "checks nothing")
		}
		return
	}
	if len(set) > 1 {
		d.add(path, "write a rule for each", "has %d checks: %s", len(set), strings.Join(set, ", "))
		return
	}
	check := set[0]
	switch check {
	case "unique", "row_count":
		if r.Column != "" {
			d.add(path+".column", "remove it", "%s does not speak of one column", check)
		}
	default:
		if r.Column == "" {
			d.add(path+".column", "add column: NAME", "is missing: %s speaks of a column", check)
		}
	}
	if r.OnFail == Quarantine && (check == "type" || check == "max_null_share" || check == "row_count") {
		d.add(path+".on_fail", "write stop or warn", "%s speaks of the whole table: there is no row to quarantine", check)
	}
	switch check {
	case "range":
		d.checkRange(path+".range", *r.Range)
	case "row_count":
		d.checkRange(path+".row_count", *r.RowCount)
		for _, bound := range []*float64{r.RowCount.Min, r.RowCount.Max} {
			if bound != nil && *bound < 0 {
				d.add(path+".row_count", "write bounds of 0 or more", "a count is never negative")
			}
		}
	case "set":
		d.checkDistinct(path+".set", r.Set)
	case "unique":
		d.checkDistinct(path+".unique", r.Unique)
	case "max_null_share":
		if s := *r.MaxNullShare; s < 0 || s > 1 {
			d.add(path+".max_null_share", "write a share such as 0.05", "must be between 0 and 1, not %v", s)
		}
	}
}

func (d *decoder) checkRange(path string, r Range) {
	switch {
	case r.Min == nil && r.Max == nil:
		d.add(path, "write {min: 0, max: 1} or one of them", "has no bound")
	case r.Min != nil && r.Max != nil && *r.Min > *r.Max:
		d.add(path, "swap min and max", "min %v is more than max %v", *r.Min, *r.Max)
	}
}

// anyFaultyBeneath reports whether something within path is already known wrong.
func (d *decoder) anyFaultyBeneath(path string) bool {
	for faulty := range d.faulty {
		if faulty == path || strings.HasPrefix(faulty, path+".") {
			return true
		}
	}
	return false
}

func (d *decoder) checkFeatures(p *Pipeline) {
	if d.given("features") && !p.Features.Auto && len(p.Features.List) == 0 && !d.faulty["features"] {
		d.add("features", "write auto, or at least one feature", "is empty")
	}
	for i, f := range p.Features.List {
		path := fmt.Sprintf("features[%d]", i)
		d.checkDistinct(path+".columns", f.Columns)
		for j, column := range f.Columns {
			if column != "" && column == p.Problem.Target {
				d.add(fmt.Sprintf("%s.columns[%d]", path, j), "remove it", "%q is the target: a model must not see the answer", clip(column))
			}
		}
		d.checkChain(path+".apply", f.Apply)
	}
}

// checkChain follows what kind of values a chain of transforms must be given and
// makes; what the columns really are is known only with data.
func (d *decoder) checkChain(path string, chain []Transform) {
	kind := "" // not known yet
	for i, t := range chain {
		at := fmt.Sprintf("%s[%d]", path, i)
		wants := ""
		switch name := t.Name(); {
		case name == "":
			return // already reported
		case kind == "indicators":
			d.add(at, "put one_hot last", "%s cannot follow one_hot", name)
			return
		case name == "date_parts" && i > 0:
			d.add(at, "put date_parts first", "date_parts cannot follow %s", chain[i-1].Name())
			return
		case t.Impute != nil:
			wants = d.checkImpute(at+".impute", *t.Impute)
		case t.OneHot != nil:
			wants = "text"
			if n := t.OneHot.MaxCategories; n < 2 || n > 10000 {
				d.add(at+".one_hot.max_categories", "write 2 to 10000", "%d columns cannot be made", n)
			}
			if t.OneHot.MinCount < 0 {
				d.add(at+".one_hot.min_count", "write 0 or more", "a count is never negative")
			}
		case t.DateParts != nil:
			d.checkParts(at+".date_parts", *t.DateParts)
		default:
			wants = "number"
		}
		if kind != "" && wants != "" && kind != wants {
			d.add(at, "make a feature of its own for each kind of column", "%s works on a %s, and what is before it on a %s", t.Name(), wants, kind)
			return
		}
		switch {
		case t.OneHot != nil:
			kind = "indicators"
		case t.DateParts != nil:
			kind = "number"
		case wants != "":
			kind = wants
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
	}{{"parts", parts.Parts}, {"as_categories", parts.AsCategories}} {
		d.checkDistinct(path+"."+list.name, list.parts)
		for i, part := range list.parts {
			at := fmt.Sprintf("%s.%s[%d]", path, list.name, i)
			switch {
			case !contains(dateParts, part):
				d.add(at, instead(part, dateParts), "unknown part %q", clip(part))
			case part == "year" && list.name == "as_categories":
				d.add(at, "keep year among parts", "years have no closed list of categories")
			}
		}
	}
}
