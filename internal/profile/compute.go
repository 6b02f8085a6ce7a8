package profile

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Options are what is known of a dataset beside its rows.
type Options struct {
	// EventTime is the column that says when a row was known; "" if none does.
	EventTime string

	// Key is the columns that identify a row.
	Key []string

	// Previous is the profile of an earlier run, nil without one, and
	// PreviousRun its name.
	Previous    *Profile
	PreviousRun string

	// Split is the method by which rows are dealt.
	Split string

	// Target is the column to predict, "" if there is none. Columns are set in
	// relation to it, as numbers if Task is regression and as classes otherwise.
	Target string
	Task   pipeline.Task
}

// Compute profiles a Parquet file.
//
// Faults: ColumnMissing (the target or a key), ResourceExhausted.
func Compute(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, o Options) (*Profile, error) {
	target, task := o.Target, o.Task
	if target != "" && schema.Column(target) == nil {
		return nil, table.MissingColumn(target, schema, "problem.target")
	}
	p := &Profile{Version: Version, Target: target, Task: task, Columns: make([]Column, len(schema)), Warnings: []Warning{}}
	if err := p.counts(ctx, e, in, schema); err != nil {
		return nil, err
	}
	for i := range p.Columns {
		var err error
		c := &p.Columns[i]
		if c.Type == "text" {
			err = c.texts(ctx, e, in)
		} else {
			err = c.values(ctx, e, in)
		}
		if err != nil {
			return nil, err
		}
		c.against(o.Previous)
		c.list = nil // a million values a column are not kept
	}
	for _, step := range []func() error{
		func() error { return p.associate(ctx, e, in) },
		func() error { return p.patterns(ctx, e, in, schema) },
		func() error { return p.duplicates(ctx, e, in, schema, o.Key) },
		func() error { return p.future(ctx, e, in, o.EventTime) },
		func() error { return p.relate(ctx, e, in) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if o.Previous != nil {
		p.Previous = o.PreviousRun
	}
	p.warn(o)
	return p, nil
}

// counts fills what one pass over all columns gives.
func (p *Profile) counts(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema) error {
	query := []string{"count(*)"}
	for _, c := range schema {
		x := table.Ident(c.Name)
		switch {
		case table.IsFloat(c):
			query = append(query, "count(*) FILTER ("+x+" IS NOT NULL AND NOT isnan("+x+"))", "count(*) FILTER (isinf("+x+"))")
		case c.Type == "time":
			query = append(query, "count("+x+")", "count(*) FILTER (isinf(CAST("+x+" AS TIMESTAMP)))")
		case c.Type == "text":
			query = append(query, "count("+x+")", "0") // lengths are counted with the distinct texts
		default:
			query = append(query, "count("+x+")", "0")
		}
	}
	row, err := e.QueryRow(ctx, "SELECT "+strings.Join(query, ", ")+" FROM "+table.Scan(in))
	if err != nil {
		return err
	}
	p.Rows = row[0].(int64)
	next := 1
	for i, c := range schema {
		d := &p.Columns[i]
		*d = Column{Name: c.Name, Type: c.Type, SQL: c.SQL, Count: row[next].(int64)}
		d.Infinite = row[next+1].(int64)
		next += 2
		d.Missing = p.Rows - d.Count
		if p.Rows > 0 {
			d.MissingShare = float64(d.Missing) / float64(p.Rows)
		}
	}
	return nil
}

// finite is SQL that is true for values that are neither missing nor infinite,
// and value the SQL of such a value: DOUBLE for numbers, microseconds for times.
func (c *Column) finite() string {
	if c.Type == "time" {
		return "isfinite(CAST(" + table.Ident(c.Name) + " AS TIMESTAMP))"
	}
	return "isfinite(CAST(" + table.Ident(c.Name) + " AS DOUBLE))"
}

func (c *Column) value() string {
	if c.Type == "time" {
		return "epoch_us(CAST(" + table.Ident(c.Name) + " AS TIMESTAMP))"
	}
	return "CAST(" + table.Ident(c.Name) + " AS DOUBLE)"
}

// values fills the figures of a column of numbers or times.
func (c *Column) values(ctx context.Context, e *table.Engine, in string) error {
	query := fmt.Sprintf("SELECT CAST(%s AS DOUBLE) AS v, count(*) AS n FROM %s WHERE %s GROUP BY v ORDER BY v", c.value(), table.Scan(in), c.finite())
	s := newSummary(c.Count - c.Infinite)
	err := e.Counts(ctx, query, func(values []float64, counts []int64) {
		for i, v := range values {
			s.add(v, counts[i])
		}
	})
	if err != nil || s.distinct == 0 {
		return err
	}
	c.Distinct = s.distinct
	h := s.histogram()
	c.list = s.kept
	if s.kept != nil {
		for _, v := range s.kept {
			h.add(v.value, v.count)
		}
	} else { // more distinct values than are kept: look again
		err = e.Counts(ctx, query, func(values []float64, counts []int64) {
			for i, v := range values {
				h.add(v, counts[i])
			}
		})
		if err != nil {
			return err
		}
	}
	c.Histogram = h
	if c.Type == "time" {
		c.Time = s.time()
		c.Time.Coverage = coverage(s.kept)
	} else {
		c.Number = s.number()
		if s.kept != nil {
			c.Number.shape(s.kept, s.seen)
		}
	}
	if s.kept != nil {
		c.Bins = binned(s.kept, s.seen)
	}
	c.Top = s.top(c.Type == "time")
	return nil
}

// texts fills the distinct values of a column of text, the most frequent first.
func (c *Column) texts(ctx context.Context, e *table.Engine, in string) error {
	x := "CAST(" + table.Ident(c.Name) + " AS VARCHAR)"
	rows, err := e.Query(ctx, fmt.Sprintf(`WITH v AS MATERIALIZED (SELECT %[1]s AS v, count(*) AS n FROM %[2]s WHERE %[1]s IS NOT NULL GROUP BY v)
		(SELECT NULL AS v, count(*) AS n, coalesce(sum(n * length(v)), 0) AS l, coalesce(sum(n) FILTER (trim(v) = ''), 0) AS e, coalesce(sum(n) FILTER (trim(v) <> v AND trim(v) <> ''), 0) AS p,
			coalesce(sum(n) FILTER (TRY_CAST(v AS DOUBLE) IS NOT NULL), 0) AS d, min(length(v)) AS a, max(length(v)) AS b FROM v)
		UNION ALL (SELECT left(v, 200), n, 0, 0, 0, 0, 0, 0 FROM (SELECT * FROM v ORDER BY n DESC, v LIMIT %[3]d) ORDER BY n DESC, v)`, x, table.Scan(in), top))
	if err != nil {
		return err
	}
	if c.Count > 0 {
		r := rows[0]
		c.Text = &Text{MinLength: r[6].(int64), MaxLength: r[7].(int64), MeanLength: round(float(r[2]) / float64(c.Count)), Empty: r[3].(int64), Padded: r[4].(int64), Numeric: r[5].(int64)}
	}
	c.Distinct = rows[0][1].(int64)
	for _, r := range rows[1:] {
		c.Top = append(c.Top, Value{Value: r[0].(string), Count: r[1].(int64)})
	}
	return nil
}

func float(v any) float64 {
	if i, ok := v.(int64); ok {
		return float64(i)
	}
	return v.(float64)
}
