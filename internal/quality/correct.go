package quality

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// correct repairs the rows as the rules of severity correct say, in their order,
// and returns the file and the schema that the rules are then held against: the
// given ones if there was nothing to do. It notes in result how many rows each
// repair changed, with the first of them as they were.
func correct(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, rules []pipeline.Rule, o Options, result *Result) (string, pipeline.Schema, error) {
	r := &repair{schema: slices.Clone(schema), rows: "SELECT *, " + table.RowNumber + " AS " + position + " FROM " + table.Scan(in)}
	q := &query{}
	places := make([][]int64, len(rules))
	changes := false
	for i, rule := range rules {
		if rule.OnFail != pipeline.Correct {
			continue
		}
		c, err := bind(rule, r.schema, o)
		if err != nil {
			return "", nil, err
		}
		if c.repeats != nil {
			r.drops = append(r.drops, &c)
			r.dropped = append(r.dropped, i)
			continue
		}
		failed := r.apply(&c)
		q.add("count(*) FILTER ("+failed+")", func(v any) {
			whole(&result.Rules[i].Corrected)(v)
			changes = changes || result.Rules[i].Corrected > 0
		})
		q.add(fmt.Sprintf("min(%s, %d) FILTER (%s)", position, MaxExamples, failed), func(v any) { places[i] = integers(v) })
	}
	if len(q.items) == 0 && len(r.drops) == 0 {
		return in, schema, nil
	}
	if err := q.run(ctx, e, "("+r.rows+")"); err != nil {
		return "", nil, err
	}
	if err := r.drop(ctx, e, result, places, &changes); err != nil {
		return "", nil, err
	}
	found, err := fetch(ctx, e, in, schema, places)
	if err != nil {
		return "", nil, err
	}
	for i := range found {
		result.Rules[i].Examples = found[i]
	}
	if !changes && !r.casts {
		return in, schema, nil
	}
	result.Changed = true
	info, err := e.WriteBy(ctx, r.kept(), position, o.corrected(), in)
	if err != nil {
		return "", nil, err
	}
	return o.corrected(), info.Schema, nil
}

const position = pipeline.ReservedPrefix + "position"

// repair builds the SQL of the repaired rows, a layer a rule, so that each rule
// sees the values as those before it leave them.
type repair struct {
	schema  pipeline.Schema // as the repairs so far leave it
	rows    string          // SELECT of the repaired rows, their position and a flag a rule
	flags   []string
	casts   bool
	drops   []*check
	dropped []int // their rules
}

// apply adds a rule's layer and returns the flag of the rows that it changes: those
// that fail and that the repair knows what to do with.
func (r *repair) apply(c *check) string {
	column := c.columns[0]
	x, value, changes := table.Ident(column.Name), c.mended(column), c.fails
	if c.rule.Repair == "cast" { // of every row; one that does not read as the type becomes missing
		r.casts = true
	} else {
		value = fmt.Sprintf("CAST(%s AS %s)", value, column.SQL)
		changes = fmt.Sprintf("(%s AND %s IS DISTINCT FROM %s)", c.fails, x, value)
		value = fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", c.fails, value, x)
	}
	r.schema = pipeline.Repaired(r.schema, []pipeline.Rule{c.rule})
	changed := fmt.Sprintf("%s%d", flag, len(r.flags))
	r.flags = append(r.flags, changed)
	r.rows = fmt.Sprintf("SELECT * REPLACE (CAST(%s AS %s) AS %s), %s AS %s FROM (%s)", value, r.schema.Column(column.Name).SQL, x, changes, changed, r.rows)
	return changed
}

// mended is the SQL of the value that takes the place of one that fails.
func (c *check) mended(column pipeline.Column) string {
	rule, x := c.rule, table.Ident(column.Name)
	text := "CAST(" + x + " AS VARCHAR)"
	switch rule.Repair {
	case "cast":
		return parsed(x, column, *rule.Parse)
	case "trim":
		return "trim(" + text + ")"
	case "clip":
		v := x
		low, high := clips(*rule.Range, column)
		if low != "" {
			v = "greatest(" + v + ", " + low + ")"
		}
		if high != "" {
			v = "least(" + v + ", " + high + ")"
		}
		return v
	case "impute":
		return table.Literal(*rule.Value)
	default: // map
		sql := "CASE " + text
		for _, from := range slices.Sorted(maps.Keys(rule.Map)) {
			to := "CAST(" + table.Literal(rule.Map[from]) + " AS " + column.SQL + ")"
			if rule.Map[from] == "" {
				to = "NULL"
			}
			sql += " WHEN " + table.Literal(from) + " THEN " + to
		}
		return sql + " ELSE " + x + " END"
	}
}

// clips are the bounds that values are brought within, of the column's own type, so
// that a clip does not change it: whole numbers come to the whole numbers within the
// range. "" is an open bound, or one that no value of the type is beyond.
func clips(r pipeline.Range, c pipeline.Column) (low, high string) {
	literal := func(x float64) string {
		if table.IsFloat(c) {
			return double(x)
		}
		return "CAST(" + table.Literal(strconv.FormatFloat(x, 'f', -1, 64)) + " AS " + c.SQL + ")"
	}
	from, to := ends(r)
	if isWhole(c) {
		from, to = wholeBounds(r)
		least, most := extremes(c)
		if from < least {
			from = math.Inf(-1)
		}
		if to > most {
			to = math.Inf(1)
		}
	}
	if !math.IsInf(from, -1) {
		low = literal(from)
	}
	if !math.IsInf(to, 1) {
		high = literal(to)
	}
	return low, high
}

// drop counts, rule by rule, the rows that repeat one that is kept.
func (r *repair) drop(ctx context.Context, e *table.Engine, result *Result, places [][]int64, changes *bool) error {
	for k, c := range r.drops {
		row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT count(*), min(n, %d) FROM (SELECT %s AS n, %s AS twice FROM (%s)) WHERE twice", MaxExamples, position, c.repeated(position), r.keptBy(r.drops[:k])))
		if err != nil {
			return err
		}
		i := r.dropped[k]
		result.Rules[i].Corrected, places[i] = row[0].(int64), integers(row[1])
		result.Dropped += result.Rules[i].Corrected
		*changes = *changes || result.Rules[i].Corrected > 0
	}
	return nil
}

// keptBy selects the repaired rows that the given rules keep.
func (r *repair) keptBy(drops []*check) string {
	sql := r.rows
	for _, c := range drops {
		sql = "SELECT * FROM (" + sql + ") QUALIFY NOT " + c.repeated(position)
	}
	return sql
}

func (r *repair) kept() string {
	kept := r.keptBy(r.drops)
	if len(r.flags) == 0 {
		return kept
	}
	return "SELECT * EXCLUDE (" + strings.Join(r.flags, ", ") + ") FROM (" + kept + ")"
}
