package pipeline

import (
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
