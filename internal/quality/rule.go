package quality

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// check is a rule bound to a schema.
type check struct {
	rule    pipeline.Rule
	name    string // of the check: "range"
	text    string
	columns []pipeline.Column

	// fails is SQL that is true for a failing row and false or NULL for others;
	// "" for what rows tell only together.
	fails string

	// repeats are the columns whose values together must be new in every row.
	repeats []pipeline.Column

	// figure is SQL of an aggregate over rows that the verdict needs; weighted is
	// the same over distinct values with their counts, "" if there is no such SQL.
	figure, weighted string
}

// bind resolves a rule's columns and turns it into SQL.
func bind(r pipeline.Rule, schema pipeline.Schema, o Options) (check, error) {
	if r.OnFail == "" {
		r.OnFail = pipeline.Stop
	}
	c := check{rule: r, text: Text(r), name: r.Check()}
	if c.name == "" {
		return c, fault.New(fault.PipelineInvalid, "validation: a rule for %q has no check, or several", r.Column).WithRemedy("write one check a rule")
	}
	if c.name == "exists" || c.name == "absent" {
		return c, nil
	}
	names := slices.Clone(r.Unique)
	if r.Column != "" {
		names = append(names, r.Column)
	}
	if r.AtMost != "" {
		names = append(names, r.AtMost)
	}
	for _, name := range names {
		column := schema.Column(name)
		if column == nil {
			return c, table.MissingColumn(name, schema, "validation")
		}
		c.columns = append(c.columns, *column)
	}
	if r.OnFail == pipeline.Quarantine && !r.ByRow() {
		return c, fault.New(fault.PipelineInvalid, "validation: %q speaks of the whole table and cannot quarantine rows", c.text).WithRemedy("use on_fail: stop or warn")
	}
	switch c.name {
	case "columns", "row_count", "row_count_history", "no_leakage":
		return c, nil
	case "unique":
		c.repeats = c.columns
		return c, nil
	case "no_repeats":
		c.repeats = schema
		return c, nil
	case "sql":
		c.fails = "NOT (\n" + r.SQL + "\n)"
		return c, nil
	}
	if len(c.columns) == 0 {
		return c, fault.New(fault.PipelineInvalid, "validation: a rule names no column (%s)", c.text).WithRemedy("add column:")
	}
	if r.ByRow() {
		var err error
		c.fails, err = c.condition(c.columns[0], o)
		return c, err
	}
	return c, c.aggregate(c.columns[0])
}

// mismatch is the fault of a check that does not suit its column.
func (c *check) mismatch(column pipeline.Column, needs, remedy string) error {
	return fault.New(fault.TypeMismatch, "validation: %q needs %s, and %q is %s (%s)", c.text, needs, column.Name, column.Type, column.SQL).WithRemedy("%s", remedy)
}

// condition is the SQL of the rows that fail a check of values.
func (c *check) condition(column pipeline.Column, o Options) (string, error) {
	r, known := c.rule, "NOT "+missing(column)
	x, text := table.Ident(column.Name), "CAST("+table.Ident(column.Name)+" AS VARCHAR)"
	switch c.name {
	case "finite", "not_nan", "range":
		if column.Type != "number" {
			return "", c.mismatch(column, "a number", "use set for text, or cast the column in dataset.sql")
		}
	case "pattern", "length", "utf8", "missing_tokens":
		if column.Type != "text" {
			return "", c.mismatch(column, "text", "drop the rule: only texts can break it")
		}
	}
	switch c.name {
	case "not_null":
		return missing(column), nil
	case "finite", "not_nan":
		if !table.IsFloat(column) {
			return "false", nil
		}
		return map[string]string{"finite": "isinf", "not_nan": "isnan"}[c.name] + "(" + x + ")", nil
	case "range":
		return outside(x, known, *r.Range, column), nil
	case "length":
		return outside("length("+text+")", known, *r.Length, pipeline.Column{SQL: "BIGINT"}), nil
	case "pattern":
		return "NOT regexp_matches(" + text + ", " + table.Literal(r.Pattern) + ")", nil
	case "utf8":
		return "regexp_matches(" + text + ", '[\\x{FFFD}\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F]')", nil
	case "missing_tokens":
		tokens := make([]string, len(r.MissingTokens))
		for i, s := range r.MissingTokens {
			tokens[i] = table.Literal(strings.ToLower(strings.TrimSpace(s)))
		}
		return "lower(trim(" + text + ")) IN (" + strings.Join(tokens, ", ") + ")", nil
	case "parse":
		return "(" + known + " AND " + parsed(x, column, *r.Parse) + " IS NULL)", nil
	case "at_most":
		other := c.columns[1]
		if other.Type != column.Type {
			return "", c.mismatch(other, "two columns of one type", "cast one of the two in dataset.sql")
		}
		low, high := paired(column, other)
		return "(" + known + " AND NOT " + missing(other) + " AND " + low + " > " + high + ")", nil
	case "references":
		return c.orphans(column, o)
	default:
		return c.outOfSet(column)
	}
}

// outside is true for known values beyond the bounds. Whole bounds of whole
// numbers are compared as such: a cast of every row costs more than the check, and
// would round those beyond 2⁵³.
func outside(x, known string, r pipeline.Range, column pipeline.Column) string {
	whole, most := !table.IsFloat(column) && column.SQL != "BOOLEAN", 1e9
	if isWhole(column) {
		most = 1 << 62
	}
	for _, b := range []*float64{r.Min, r.Max} {
		whole = whole && (b == nil || math.Abs(*b) < most && *b == math.Trunc(*b))
	}
	v, bound := "CAST("+x+" AS DOUBLE)", double
	if whole {
		v, bound = x, func(b float64) string { return strconv.FormatInt(int64(b), 10) }
	}
	var out []string
	if r.Min != nil {
		out = append(out, v+" < "+bound(*r.Min))
	}
	if r.Max != nil {
		out = append(out, v+" > "+bound(*r.Max))
	}
	if len(out) == 0 {
		return "false"
	}
	either := "(" + strings.Join(out, " OR ") + ")"
	if table.IsFloat(column) { // NaN is greater than every bound
		return "(" + known + " AND " + either + ")"
	}
	return either
}

func (c *check) outOfSet(column pipeline.Column) (string, error) {
	x, accepted := table.Ident(column.Name), make([]string, 0, len(c.rule.Set))
	switch column.Type {
	case "text":
		for _, s := range c.rule.Set {
			accepted = append(accepted, table.Literal(s))
		}
		x = "CAST(" + x + " AS VARCHAR)"
	case "number":
		whole := isWhole(column)
		for _, s := range c.rule.Set {
			v, err := parse(s, column.SQL)
			if err != nil {
				return "", c.mismatch(column, "values that are numbers", "write numbers in set; "+strconv.Quote(s)+" is none")
			}
			if !whole {
				accepted = append(accepted, double(v))
			} else if n, ok := integer(s, v); ok {
				accepted = append(accepted, n)
			}
		}
		if !whole {
			x = "CAST(" + x + " AS DOUBLE)"
		}
	default:
		return "", c.mismatch(column, "text or a number", "cast the column in dataset.sql")
	}
	if len(accepted) == 0 {
		return "(NOT " + missing(column) + ")", nil
	}
	return "(NOT " + missing(column) + " AND " + x + " NOT IN (" + strings.Join(accepted, ", ") + "))", nil
}

// orphans is true for known values that the referenced column does not hold.
func (c *check) orphans(column pipeline.Column, o Options) (string, error) {
	r := c.rule.References
	source, ok := o.Sources[r.Source]
	if !ok {
		return "", fault.New(fault.PipelineInvalid, "validation: %q names a source that is not at hand", c.text).WithRemedy("name one of the pipeline's sources")
	}
	name := r.Column
	if name == "" {
		name = column.Name
	}
	other := source.Schema.Column(name)
	if other == nil {
		return "", table.MissingColumn(name, source.Schema, "validation: references."+r.Source)
	}
	if other.Type != column.Type {
		return "", c.mismatch(*other, "columns of one type", "cast one of the two in dataset.sql")
	}
	value, known := paired(column, *other)
	return "(NOT " + missing(column) + " AND " + value + " NOT IN (SELECT DISTINCT " + known + " FROM " + source.Table.From() + " WHERE NOT " + missing(*other) + "))", nil
}

// paired are the values of two columns of one type as they can be compared: as they
// are if the engine holds both exactly, for a cast to DOUBLE makes equal what
// differs beyond 2⁵³.
func paired(a, b pipeline.Column) (string, string) {
	if a.Type != "text" && a.SQL == b.SQL || isWhole(a) && isWhole(b) {
		return table.Ident(a.Name), table.Ident(b.Name)
	}
	return comparable(a), comparable(b)
}

// isWhole reports whether a column holds whole numbers of up to 64 bits.
func isWhole(c pipeline.Column) bool {
	switch strings.TrimPrefix(c.SQL, "U") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT":
		return true
	}
	return false
}

// integer is a number, written as text, as whole numbers are compared with it; ok
// is false if none of them can equal it.
func integer(text string, x float64) (literal string, ok bool) {
	text = strings.TrimSpace(text)
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(v, 10), true
	}
	if v, err := strconv.ParseUint(text, 10, 64); err == nil {
		return strconv.FormatUint(v, 10), true
	}
	// 2.0 is whole.
	return strconv.FormatFloat(x, 'f', 0, 64), x == math.Trunc(x) && math.Abs(x) < 1<<63
}

// comparable is a value as columns of the same type, whatever the engine calls
// theirs, are compared.
func comparable(c pipeline.Column) string {
	return "CAST(" + table.Ident(c.Name) + " AS " + map[string]string{"number": "DOUBLE", "time": "TIMESTAMP", "text": "VARCHAR"}[c.Type] + ")"
}

// parsed is the value a column reads as, NULL if it does not.
func parsed(x string, c pipeline.Column, p pipeline.ParseAs) string {
	if p.As == "time" && p.Format != "" && c.Type != "time" {
		return "try_strptime(CAST(" + x + " AS VARCHAR), " + table.Literal(p.Format) + ")"
	}
	if p.As == "integer" { // 1.5 is no whole number, though a cast would round it
		return "CASE WHEN TRY_CAST(" + x + " AS DOUBLE) = trunc(TRY_CAST(" + x + " AS DOUBLE)) THEN TRY_CAST(" + x + " AS BIGINT) END"
	}
	if p.As == "number" && c.Type == "text" {
		x = "trim(" + x + ")"
	}
	return "TRY_CAST(" + x + " AS " + p.SQL() + ")"
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
