package profile

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Compute profiles a Parquet file. With a target, columns are set in relation to
// it, as numbers if the task is regression and as classes otherwise.
//
// Faults: ColumnMissing (the target), ResourceExhausted.
func Compute(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, target string, task pipeline.Task) (*Profile, error) {
	if target != "" && schema.Column(target) == nil {
		return nil, table.MissingColumn(target, schema, "problem.target")
	}
	p := &Profile{Version: Version, Target: target, Task: task, Columns: make([]Column, len(schema)), Warnings: []Warning{}}
	if err := p.counts(ctx, e, in, schema); err != nil {
		return nil, err
	}
	for i := range p.Columns {
		var err error
		if c := &p.Columns[i]; c.Type == "text" {
			err = c.texts(ctx, e, in)
		} else {
			err = c.values(ctx, e, in)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := p.associate(ctx, e, in); err != nil {
		return nil, err
	}
	p.warn()
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
			length := "length(CAST(" + x + " AS VARCHAR))"
			query = append(query, "count("+x+")", "min("+length+")", "max("+length+")")
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
		if c.Type == "text" {
			if d.Count > 0 {
				d.Text = &Text{MinLength: row[next+1].(int64), MaxLength: row[next+2].(int64)}
			}
			next += 3
		} else {
			d.Infinite = row[next+1].(int64)
			next += 2
		}
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
	query := fmt.Sprintf("SELECT %s AS v, count(*) AS n FROM %s WHERE %s GROUP BY v ORDER BY v", c.value(), table.Scan(in), c.finite())
	s := newSummary(c.Count - c.Infinite)
	err := e.Stream(ctx, query, func(row []any) error {
		s.add(float(row[0]), row[1].(int64))
		return nil
	})
	if err != nil || s.distinct == 0 {
		return err
	}
	c.Distinct = s.distinct
	h := s.histogram()
	if s.kept != nil {
		for _, v := range s.kept {
			h.add(v.value, v.count)
		}
	} else { // more distinct values than are kept: look again
		err = e.Stream(ctx, query, func(row []any) error {
			h.add(float(row[0]), row[1].(int64))
			return nil
		})
		if err != nil {
			return err
		}
	}
	c.Histogram = h
	if c.Type == "time" {
		c.Time = s.time()
	} else {
		c.Number = s.number()
	}
	c.Top = s.top(c.Type == "time")
	return nil
}

// texts fills the distinct values of a column of text, the most frequent first.
func (c *Column) texts(ctx context.Context, e *table.Engine, in string) error {
	x := "CAST(" + table.Ident(c.Name) + " AS VARCHAR)"
	rows, err := e.Query(ctx, fmt.Sprintf(`WITH v AS MATERIALIZED (SELECT %[1]s AS v, count(*) AS n FROM %[2]s WHERE %[1]s IS NOT NULL GROUP BY v)
		(SELECT NULL AS v, count(*) AS n FROM v) UNION ALL (SELECT left(v, 200), n FROM (SELECT * FROM v ORDER BY n DESC, v LIMIT %[3]d) ORDER BY n DESC, v)`, x, table.Scan(in), top))
	if err != nil {
		return err
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
