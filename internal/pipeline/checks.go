package pipeline

import "strings"

// scope says what a check speaks of.
type scope uint8

const (
	ofValues scope = iota // values of a column, row by row
	ofColumn              // a column as a whole
	ofRows                // rows by several columns
	ofTable               // the table as a whole
)

// ruleCheck is one of the checks a rule can set.
type ruleCheck struct {
	name  string
	scope scope
	set   func(*Rule) bool
}

var ruleChecks = []ruleCheck{
	{"exists", ofColumn, func(r *Rule) bool { return r.Exists }},
	{"absent", ofColumn, func(r *Rule) bool { return r.Absent }},
	{"columns", ofTable, func(r *Rule) bool { return r.Columns != nil }},
	{"type", ofColumn, func(r *Rule) bool { return r.Type != "" }},
	{"not_null", ofValues, func(r *Rule) bool { return r.NotNull }},
	{"max_null_share", ofColumn, func(r *Rule) bool { return r.MaxNullShare != nil }},
	{"missing_tokens", ofValues, func(r *Rule) bool { return r.MissingTokens != nil }},
	{"finite", ofValues, func(r *Rule) bool { return r.Finite }},
	{"not_nan", ofValues, func(r *Rule) bool { return r.NotNaN }},
	{"range", ofValues, func(r *Rule) bool { return r.Range != nil }},
	{"set", ofValues, func(r *Rule) bool { return r.Set != nil }},
	{"pattern", ofValues, func(r *Rule) bool { return r.Pattern != "" }},
	{"length", ofValues, func(r *Rule) bool { return r.Length != nil }},
	{"utf8", ofValues, func(r *Rule) bool { return r.UTF8 }},
	{"parse", ofValues, func(r *Rule) bool { return r.Parse != nil }},
	{"at_most", ofValues, func(r *Rule) bool { return r.AtMost != "" }},
	{"references", ofValues, func(r *Rule) bool { return r.References != nil }},
	{"sql", ofRows, func(r *Rule) bool { return r.SQL != "" }},
	{"unique", ofRows, func(r *Rule) bool { return r.Unique != nil }},
	{"no_repeats", ofRows, func(r *Rule) bool { return r.NoRepeats }},
	{"mean", ofColumn, func(r *Rule) bool { return r.Mean != nil }},
	{"deviation", ofColumn, func(r *Rule) bool { return r.Deviation != nil }},
	{"quantile", ofColumn, func(r *Rule) bool { return r.Quantile != nil }},
	{"distinct", ofColumn, func(r *Rule) bool { return r.Distinct != nil }},
	{"balance", ofColumn, func(r *Rule) bool { return r.Balance != nil }},
	{"freshness", ofColumn, func(r *Rule) bool { return r.Freshness != "" }},
	{"distribution", ofColumn, func(r *Rule) bool { return r.Distribution != nil }},
	{"row_count", ofTable, func(r *Rule) bool { return r.RowCount != nil }},
	{"row_count_history", ofTable, func(r *Rule) bool { return r.RowsSince != nil }},
	{"no_leakage", ofTable, func(r *Rule) bool { return r.NoLeakage != nil }},
}

// checks returns the checks a rule sets.
func (r *Rule) checks() []ruleCheck {
	var out []ruleCheck
	for _, c := range ruleChecks {
		if c.set(r) {
			out = append(out, c)
		}
	}
	return out
}

// Check returns the name of the one check of the rule: "range", "row_count"; ""
// if it is not exactly one.
func (r Rule) Check() string {
	if set := r.checks(); len(set) == 1 {
		return set[0].name
	}
	return ""
}

// ByRow reports whether the rule's check tells which rows fail it, so that they
// can be counted, shown and quarantined.
func (r Rule) ByRow() bool {
	set := r.checks()
	return len(set) == 1 && (set[0].scope == ofValues || set[0].scope == ofRows)
}

// OfSplits reports whether the rule is checked once rows are dealt.
func (r Rule) OfSplits() bool { return r.NoLeakage != nil }

// Holds reports whether the rule speaks of an environment.
func (r Rule) Holds(e Environment) bool { return r.Environment == "" || r.Environment == e }

func (r *Rule) defaults() {
	if r.OnFail == "" {
		r.OnFail = Stop
	}
	if r.Columns != nil && r.Columns.Match == "" {
		r.Columns.Match = "set"
	}
	if r.References != nil && r.References.Column == "" {
		r.References.Column = r.Column
	}
	if r.Distribution != nil && r.Distribution.Measure == "" {
		r.Distribution.Measure = "jensen_shannon"
	}
	if r.RowsSince != nil && r.RowsSince.Runs == 0 {
		r.RowsSince.Runs = 5
	}
}

// Repaired is the schema of a dataset once the rules' repairs are done: a cast
// changes the type of its column.
func Repaired(schema Schema, rules []Rule) Schema {
	out := append(Schema(nil), schema...)
	for _, r := range rules {
		if r.OnFail != Correct || r.Repair != "cast" || r.Parse == nil {
			continue
		}
		if c := out.Column(r.Column); c != nil {
			c.SQL = r.Parse.SQL()
			c.Type = "number"
			if r.Parse.As == "time" {
				c.Type = "time"
			}
			c.Kind = c.FrameKind()
		}
	}
	return out
}

// SQL is the engine's type of what is parsed.
func (p ParseAs) SQL() string {
	return map[string]string{"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "time": "TIMESTAMP"}[p.As]
}

func checkNames(of ...scope) string {
	var names []string
	for _, c := range ruleChecks {
		for _, s := range of {
			if c.scope == s {
				names = append(names, c.name)
			}
		}
	}
	return strings.Join(names, ", ")
}
