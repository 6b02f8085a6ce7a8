package pipeline

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// repairs lists the repairs each check can be mended by.
var repairs = map[string][]string{
	"not_null": {"impute"}, "missing_tokens": {"map"}, "range": {"clip"}, "set": {"trim", "map"}, "pattern": {"trim", "map"},
	"length": {"trim", "map"}, "utf8": {"map"}, "parse": {"cast"}, "references": {"trim", "map"}, "unique": {"drop_duplicate"}, "no_repeats": {"drop_duplicate"},
}

// ParseDuration reads a duration as time.ParseDuration does, or whole days: 7d.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return 0, fmt.Errorf("%q is no number of days", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(text)
}

func (d *decoder) checkRule(path string, r Rule) {
	set := r.checks()
	if len(set) == 0 {
		for _, c := range ruleChecks {
			if d.given(path+"."+c.name) && !d.faulty[path+"."+c.name] {
				switch c.name {
				case "not_null", "finite", "not_nan", "exists", "absent", "utf8", "no_repeats":
					d.add(path+"."+c.name, "write true, or remove the rule", "false checks nothing")
					return
				}
			}
		}
		if !d.anyFaultyBeneath(path) {
			d.add(path, "add one of "+checkNames(ofValues, ofRows, ofColumn, ofTable), "checks nothing")
		}
		return
	}
	if len(set) > 1 {
		var names []string
		for _, c := range set {
			names = append(names, c.name)
		}
		d.add(path, "write a rule for each", "has %d checks: %s", len(set), strings.Join(names, ", "))
		return
	}
	check := set[0]
	columned := check.scope == ofValues || check.scope == ofColumn
	switch {
	case !columned && r.Column != "":
		d.add(path+".column", "remove it", "%s does not speak of one column", check.name)
	case columned && r.Column == "":
		d.add(path+".column", "add column: NAME", "is missing: %s speaks of a column", check.name)
	}
	if r.OnFail == Quarantine && !r.ByRow() {
		d.add(path+".on_fail", "write stop or warn", "%s speaks of the whole table: there is no row to quarantine", check.name)
	}
	d.checkMinShare(path, r)
	d.checkRepair(path, check.name, r)
	d.checkParameters(path, check.name, r)
}

func (d *decoder) checkMinShare(path string, r Rule) {
	switch s := r.MinShare; {
	case s == nil:
	case *s < 0 || *s > 1:
		d.add(path+".min_share", "write a share such as 0.99", "must be between 0 and 1, not %v", *s)
	case !r.ByRow():
		d.add(path+".min_share", "remove it", "%s is not counted by rows", r.Check())
	}
}

func (d *decoder) checkRepair(path, check string, r Rule) {
	can := repairs[check]
	switch {
	case r.OnFail != Correct && r.Repair != "":
		d.add(path+".repair", "add on_fail: correct", "is done only if on_fail is correct")
	case r.OnFail == Correct && len(can) == 0:
		d.add(path+".on_fail", "write stop, quarantine or warn", "%s cannot be repaired", check)
	case r.OnFail == Correct && r.Repair == "":
		d.add(path+".repair", "add repair: "+oneOf(can), "is missing")
	case r.OnFail == Correct && !contains(can, r.Repair):
		d.add(path+".repair", "write "+oneOf(can), "%s does not mend %s", r.Repair, check)
	case r.Repair == "map" && len(r.Map) == 0:
		d.add(path+".map", `add map: {"n/a": ""}`, "is missing")
	case r.Repair == "impute" && r.Value == nil:
		d.add(path+".value", "add value: 0", "is missing")
	}
	if r.Map != nil && r.Repair != "map" {
		d.add(path+".map", "remove it, or write repair: map", "is used by repair map alone")
	}
	if r.Value != nil && r.Repair != "impute" {
		d.add(path+".value", "remove it, or write repair: impute", "is used by repair impute alone")
	}
}

func (d *decoder) checkParameters(path, check string, r Rule) {
	at := path + "." + check
	for _, bounds := range []struct {
		r     *Range
		count bool
	}{{r.Range, false}, {r.Length, true}, {r.Mean, false}, {r.Deviation, true}, {r.Distinct, true}, {r.Balance, true}, {r.RowCount, true}} {
		if bounds.r == nil {
			continue
		}
		d.checkRange(at, *bounds.r)
		for _, b := range []*float64{bounds.r.Min, bounds.r.Max} {
			if bounds.count && b != nil && *b < 0 {
				d.add(at, "write bounds of 0 or more", "a count is never negative")
			}
			if r.Balance != nil && b != nil && *b > 1 {
				d.add(at, "write shares such as 0.05", "a share is at most 1")
			}
		}
	}
	switch check {
	case "set":
		d.checkDistinct(at, r.Set)
	case "missing_tokens":
		d.checkDistinct(at, r.MissingTokens)
	case "unique":
		d.checkDistinct(at, r.Unique)
	case "columns":
		d.checkDistinct(at+".names", r.Columns.Names)
	case "max_null_share":
		if s := *r.MaxNullShare; s < 0 || s > 1 {
			d.add(at, "write a share such as 0.05", "must be between 0 and 1, not %v", s)
		}
	case "pattern":
		if _, err := regexp.Compile(r.Pattern); err != nil {
			d.add(at, "mend it, in the syntax of RE2", "is no regular expression: %s", clip(strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
		}
	case "parse":
		if r.Parse.Format != "" && r.Parse.As != "time" {
			d.add(at+".format", "remove it", "only times have a format")
		}
	case "freshness":
		if age, err := ParseDuration(r.Freshness); err != nil || age <= 0 {
			d.add(at, "write a duration such as 36h or 7d", "%q is no duration", clip(r.Freshness))
		}
	case "quantile":
		if r.Quantile.P < 0 || r.Quantile.P > 1 {
			d.add(at+".p", "write 0.5 for the median", "must be between 0 and 1, not %v", r.Quantile.P)
		}
		d.checkRange(at, Range{Min: r.Quantile.Min, Max: r.Quantile.Max})
	case "distribution":
		if r.Distribution.Max <= 0 {
			d.add(at+".max", "write a distance such as 0.1", "must be more than 0")
		}
	case "row_count_history":
		d.checkRange(at, Range{Min: r.RowsSince.Min, Max: r.RowsSince.Max})
		if r.RowsSince.Runs < 1 || r.RowsSince.Runs > 100 {
			d.add(at+".runs", "write 1 to 100", "%d runs cannot be compared with", r.RowsSince.Runs)
		}
	case "at_most":
		if r.AtMost == r.Column {
			d.add(at, "name another column", "is the column itself")
		}
	case "sql":
		if strings.TrimSpace(r.SQL) == "" {
			d.add(at, "write an expression such as arrival >= departure", "is blank")
		}
	}
}

// checkRuleOf checks what a rule says of the rest of the file.
func (d *decoder) checkRuleOf(path string, p *Pipeline, r Rule) {
	known := func(at, source string) {
		if _, ok := p.Sources[source]; !ok && source != "" {
			d.add(at, instead(source, sortedKeys(p.Sources)), "there is no source %q", clip(source))
		}
	}
	if r.References != nil {
		known(path+".references.source", r.References.Source)
	}
	if r.Distribution != nil {
		known(path+".distribution.source", r.Distribution.Source)
	}
	if r.NoLeakage != nil && r.NoLeakage.Time && p.Dataset.EventTime == "" {
		d.add(path+".no_leakage.time", "add dataset: {event_time: COLUMN}", "needs dataset.event_time")
	}
	if r.Absent && r.Column == p.Problem.Target && r.Environment != Serving {
		d.add(path+".absent", "add environment: serving", "the target must be there to learn from")
	}
}
