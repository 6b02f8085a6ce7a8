package pipeline

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// rule checks a rule against the columns found.
func (c *checker) rule(path string, p *Pipeline, r Rule) {
	if !r.Holds(Training) {
		return
	}
	check := r.Check()
	for i, name := range r.Unique {
		c.column(fmt.Sprintf("%s.unique[%d]", path, i), name)
	}
	if r.NoLeakage != nil {
		for i, name := range r.NoLeakage.Across {
			c.column(fmt.Sprintf("%s.no_leakage.across[%d]", path, i), name)
		}
	}
	if r.Column == "" || check == "exists" || check == "absent" {
		return
	}
	column := c.column(path+".column", r.Column)
	if column == nil {
		return
	}
	if mended := c.repaired.Column(r.Column); mended != nil && check != "parse" && check != "type" {
		column = mended // a cast may come first
	}
	at, kind := path+"."+check, column.FrameKind()
	switch check {
	case "range", "finite", "not_nan", "mean", "deviation", "quantile":
		if kind != frame.Number {
			c.mismatch(at, column, "the check is of numbers", "remove the rule, or cast the column in dataset.sql")
		}
	case "pattern", "length", "utf8", "missing_tokens":
		if kind != frame.Text {
			c.mismatch(at, column, "the check is of texts", "remove the rule, or cast the column in dataset.sql")
		}
	case "freshness":
		if kind != frame.Time {
			c.mismatch(at, column, "the check is of times", "cast it to TIMESTAMP in dataset.sql, or with on_fail: correct, repair: cast")
		}
	case "at_most":
		if other := c.column(at, r.AtMost); other != nil && other.FrameKind() != kind {
			c.mismatch(at, other, fmt.Sprintf("it cannot be compared with a %s", kind), "cast one of the two in dataset.sql")
		}
	case "set":
		if kind == frame.Time {
			c.mismatch(at, column, "a set holds texts or numbers", "use range over a number, or sql")
		}
		for i, value := range r.Set {
			if _, err := strconv.ParseFloat(value, 64); err != nil && kind == frame.Number && !strings.EqualFold(column.SQL, "BOOLEAN") {
				c.mismatch(fmt.Sprintf("%s.set[%d]", path, i), column, fmt.Sprintf("it never equals %q", clip(value)), "write numbers")
			}
		}
	}
	if r.Repair == "impute" && kind == frame.Number {
		if _, err := strconv.ParseFloat(*r.Value, 64); err != nil {
			c.add(fault.TypeMismatch, path+".value", "write a number", "column %q is a number, and %q is none", clip(r.Column), clip(*r.Value))
		}
	}
}

// JSONSchemaExtend allows numbers and booleans as texts, and one check a rule.
func (Rule) JSONSchemaExtend(s *jsonschema.Schema) {
	item := anyText("")
	for _, list := range []string{"set", "missing_tokens"} {
		property(s, list).Items = &item
		property(s, list).MinItems = new(uint64(1))
	}
	*property(s, "value") = anyText(property(s, "value").Description)
	property(s, "map").AdditionalProperties = &item
	for _, flag := range []string{"exists", "absent", "not_null", "finite", "not_nan", "utf8", "no_repeats"} {
		property(s, flag).Const = true
	}
	for _, c := range ruleChecks {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{c.name}})
	}
}
