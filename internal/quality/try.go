package quality

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Try tries in the engine what the rules of a pipeline say in its languages, regular
// expressions, formats of times, values of repairs and SQL, so that a mistake is told
// before a row is looked at. schema are the columns of the dataset; nil if they are
// not known: then only what needs none is tried.
//
// The fault is PipelineInvalid, with Details as pipeline.Check's.
func Try(ctx context.Context, e *table.Engine, p *pipeline.Pipeline, schema pipeline.Schema) error {
	t := &trial{engine: e, schema: slices.Clone(schema)}
	defer t.close()
	final := pipeline.Repaired(schema, p.Validation)
	var found []pipeline.Mistake
	for i, r := range p.Validation {
		if !r.Holds(pipeline.Training) {
			continue
		}
		wrong, err := t.rule(ctx, r, final)
		if err != nil {
			return err
		}
		for _, m := range wrong {
			m.Path = fmt.Sprintf("validation[%d].%s", i, m.Path)
			found = append(found, m)
		}
	}
	return pipeline.Refused(found)
}

// trial tries rules in their order.
type trial struct {
	engine *table.Engine
	locked *table.Engine   // for SQL that people wrote; nil until it is needed
	schema pipeline.Schema // as the repairs so far leave it
}

func (t *trial) close() {
	if t.locked != nil {
		t.locked.Close()
	}
}

// rule returns the mistakes of a rule, by their place within it. final are the
// columns once all repairs are done.
func (t *trial) rule(ctx context.Context, r pipeline.Rule, final pipeline.Schema) (wrong []pipeline.Mistake, err error) {
	refused := func(path, sql, remedy, message string, args ...any) error {
		why, err := t.engine.Refusal(ctx, sql)
		if why != "" {
			wrong = append(wrong, pipeline.Mistake{Path: path, Message: fmt.Sprintf(message, args...) + ": " + why, Remedy: remedy})
		}
		return err
	}
	if r.Pattern != "" {
		if err := refused("pattern", "SELECT regexp_matches('', "+table.Literal(r.Pattern)+")", "mend it, in the syntax of RE2: groups are (?P<name>…)", "is no regular expression of the engine"); err != nil {
			return nil, err
		}
	}
	if r.Parse != nil && r.Parse.Format != "" {
		if err := refused("parse.format", "SELECT try_strptime('', "+table.Literal(r.Parse.Format)+")", "write a strptime format such as %d/%m/%Y", "is no format of a time"); err != nil {
			return nil, err
		}
	}
	if r.SQL != "" && final != nil {
		m, err := t.expression(ctx, r.SQL, final)
		return append(wrong, m...), err
	}
	column := t.schema.Column(r.Column)
	if r.OnFail != pipeline.Correct || column == nil {
		return wrong, nil
	}
	hold := func(path, text string) error { // by the column
		if m := fraction(path, text, *column); m != nil {
			wrong = append(wrong, *m)
			return nil
		}
		return refused(path, "SELECT CAST("+table.Literal(text)+" AS "+column.SQL+")", "write a value that the column can hold, or cast the column in dataset.sql", "%q cannot stand in %q, which is %s", text, column.Name, column.SQL)
	}
	switch r.Repair {
	case "impute":
		if err := hold("value", *r.Value); err != nil {
			return nil, err
		}
	case "map":
		for _, from := range slices.Sorted(maps.Keys(r.Map)) {
			if to := r.Map[from]; to != "" {
				if err := hold("map", to); err != nil {
					return nil, err
				}
			}
		}
	case "clip":
		if m := unreachable(*r.Range, *column); m != nil {
			wrong = append(wrong, *m)
		}
		for _, b := range []*float64{r.Range.Min, r.Range.Max} {
			if b == nil || table.IsFloat(*column) || isWhole(*column) {
				continue
			}
			if err := hold("range", number(*b)); err != nil {
				return nil, err
			}
		}
	}
	t.schema = pipeline.Repaired(t.schema, []pipeline.Rule{r})
	return wrong, nil
}

// expression tries SQL in an engine that can read nothing.
func (t *trial) expression(ctx context.Context, sql string, schema pipeline.Schema) ([]pipeline.Mistake, error) {
	if t.locked == nil {
		var err error
		if t.locked, err = t.engine.Locked(ctx, nil, nil); err != nil {
			return nil, err
		}
	}
	switch err := t.locked.CheckExpression(ctx, schema, sql, "the expression"); fault.KindOf(err) {
	case fault.QueryInvalid, fault.TypeMismatch:
		said := err.(*fault.Error)
		return []pipeline.Mistake{{Path: "sql", Message: said.Message, Remedy: cmp.Or(said.Remedy, "name columns of the dataset, and compare values of one type")}}, nil
	default:
		return nil, err
	}
}

// fraction is the mistake of a value with a fraction for a column without.
func fraction(path, text string, c pipeline.Column) *pipeline.Mistake {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !isWhole(c) || x == math.Trunc(x) {
		return nil
	}
	return &pipeline.Mistake{Path: path, Message: fmt.Sprintf("%q is no whole number, and %q holds those alone (%s)", text, c.Name, c.SQL), Remedy: "write a whole number, or cast the column to DOUBLE in dataset.sql"}
}

// unreachable is the mistake of a range that no value of a column of whole numbers
// can be brought into.
func unreachable(r pipeline.Range, c pipeline.Column) *pipeline.Mistake {
	if !isWhole(c) {
		return nil
	}
	low, high := wholeBounds(r)
	if least, most := extremes(c); low <= high && low <= most && high >= least {
		return nil
	}
	return &pipeline.Mistake{Path: "range", Message: fmt.Sprintf("no value that %q can hold, a %s, is within it", c.Name, c.SQL), Remedy: "write bounds with a whole number between them, or cast the column to DOUBLE in dataset.sql"}
}

// wholeBounds are the least and the greatest whole number within a range.
func wholeBounds(r pipeline.Range) (low, high float64) {
	low, high = ends(r)
	return math.Ceil(low), math.Floor(high)
}

// ends are the bounds of a range; what is open is infinite.
func ends(r pipeline.Range) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if r.Min != nil {
		low = *r.Min
	}
	if r.Max != nil {
		high = *r.Max
	}
	return low, high
}

// extremes are the least and the greatest float64 that a column of whole numbers can
// hold.
func extremes(c pipeline.Column) (least, most float64) {
	name, unsigned := strings.CutPrefix(c.SQL, "U")
	bits := map[string]int{"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}[name]
	least, most = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
	if unsigned {
		least, most = 0, math.Ldexp(1, bits)
	}
	if bits == 64 {
		return least, math.Nextafter(most, 0)
	}
	return least, most - 1
}
