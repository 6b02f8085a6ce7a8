package quality

import (
	"math"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// check is a rule bound to a schema.
type check struct {
	rule    pipeline.Rule
	text    string
	columns []pipeline.Column

	// fails is SQL that is true for a failing row, never NULL; "" for unique,
	// whose rows need each other, and for type and row_count, which need none.
	fails string
}

// Text says the rule for people: "delay in [-120, 1500]".
func Text(r pipeline.Rule) string {
	switch {
	case r.Type != "":
		return r.Column + " is " + map[string]string{"number": "a number", "text": "text", "time": "a time"}[r.Type]
	case r.Range != nil:
		return interval(r.Column, *r.Range)
	case r.Set != nil:
		const most = 8
		list := strings.Join(r.Set[:min(most, len(r.Set))], ", ")
		if len(r.Set) > most {
			list += ", … (" + strconv.Itoa(len(r.Set)) + " values)"
		}
		return r.Column + " in {" + list + "}"
	case r.MaxNullShare != nil:
		return r.Column + " missing in at most " + number(100**r.MaxNullShare) + " % of rows"
	case r.NotNull:
		return r.Column + " is not missing"
	case r.Finite:
		return r.Column + " is finite"
	case len(r.Unique) > 0:
		return strings.Join(r.Unique, ", ") + " unique"
	case r.RowCount != nil:
		return interval("row count", *r.RowCount)
	default:
		return "no check"
	}
}

func interval(what string, r pipeline.Range) string {
	switch {
	case r.Min == nil && r.Max == nil:
		return what + " in any range"
	case r.Max == nil:
		return what + " ≥ " + number(*r.Min)
	case r.Min == nil:
		return what + " ≤ " + number(*r.Max)
	default:
		return what + " in [" + number(*r.Min) + ", " + number(*r.Max) + "]"
	}
}

func number(x float64) string {
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// bind resolves a rule's columns and turns it into SQL.
func bind(r pipeline.Rule, schema pipeline.Schema) (check, error) {
	if r.OnFail == "" {
		r.OnFail = pipeline.Stop
	}
	c := check{rule: r, text: Text(r)}
	names := r.Unique
	if r.Column != "" {
		names = []string{r.Column}
	}
	for _, name := range names {
		column := schema.Column(name)
		if column == nil {
			return c, table.MissingColumn(name, schema, "validation")
		}
		c.columns = append(c.columns, *column)
	}
	if r.OnFail == pipeline.Quarantine && (r.Type != "" || r.MaxNullShare != nil || r.RowCount != nil) {
		return c, fault.New(fault.PipelineInvalid, "validation: %q speaks of the whole table and cannot quarantine rows", c.text).WithRemedy("use on_fail: stop or warn")
	}
	if r.RowCount != nil || len(r.Unique) > 0 {
		return c, nil
	}
	if len(c.columns) == 0 {
		return c, fault.New(fault.PipelineInvalid, "validation: a rule names no column (%s)", c.text).WithRemedy("add column:")
	}
	var err error
	c.fails, err = c.condition(c.columns[0])
	return c, err
}

func (c *check) condition(column pipeline.Column) (string, error) {
	x, r := table.Ident(column.Name), c.rule
	gone := missing(column)
	mismatch := func(needs, remedy string) error {
		return fault.New(fault.TypeMismatch, "validation: %q needs %s, and %q is %s (%s)", c.text, needs, column.Name, column.Type, column.SQL).WithRemedy("%s", remedy)
	}
	switch {
	case r.Type != "":
		return "", nil
	case r.NotNull, r.MaxNullShare != nil:
		return gone, nil
	case r.Finite:
		if column.Type != "number" {
			return "", mismatch("a number", "drop the rule: only numbers can be infinite")
		}
		if !table.IsFloat(column) {
			return "false", nil
		}
		return "coalesce(isinf(" + x + "), false)", nil
	case r.Range != nil:
		if column.Type != "number" {
			return "", mismatch("a number", "use set for text, or cast the column in dataset.sql")
		}
		v := "CAST(" + x + " AS DOUBLE)"
		var out []string
		if r.Range.Min != nil {
			out = append(out, v+" < "+double(*r.Range.Min))
		}
		if r.Range.Max != nil {
			out = append(out, v+" > "+double(*r.Range.Max))
		}
		if len(out) == 0 {
			return "false", nil
		}
		return "(NOT " + gone + " AND (" + strings.Join(out, " OR ") + "))", nil
	case r.Set != nil:
		accepted := make([]string, len(r.Set))
		switch column.Type {
		case "text":
			for i, s := range r.Set {
				accepted[i] = table.Literal(s)
			}
			x = "CAST(" + x + " AS VARCHAR)"
		case "number":
			for i, s := range r.Set {
				v, err := parse(s, column.SQL)
				if err != nil {
					return "", mismatch("values that are numbers", "write numbers in set; "+strconv.Quote(s)+" is none")
				}
				accepted[i] = double(v)
			}
			x = "CAST(" + x + " AS DOUBLE)"
		default:
			return "", mismatch("text or a number", "cast the column in dataset.sql")
		}
		if len(accepted) == 0 {
			return "(NOT " + gone + ")", nil
		}
		return "(NOT " + gone + " AND " + x + " NOT IN (" + strings.Join(accepted, ", ") + "))", nil
	default:
		return "", fault.New(fault.PipelineInvalid, "validation: a rule for %q has no check", column.Name).
			WithRemedy("add one of type, range, set, max_null_share, not_null, finite")
	}
}

// missing is SQL that is true for NULL and NaN.
func missing(c pipeline.Column) string {
	x := table.Ident(c.Name)
	if table.IsFloat(c) {
		return "(" + x + " IS NULL OR isnan(" + x + "))"
	}
	return "(" + x + " IS NULL)"
}

func double(x float64) string {
	return table.Literal(strconv.FormatFloat(x, 'g', -1, 64)) + "::DOUBLE"
}

func parse(text, sql string) (float64, error) {
	if sql == "BOOLEAN" {
		b, err := strconv.ParseBool(strings.ToLower(text))
		if b {
			return 1, err
		}
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(text), 64)
}
