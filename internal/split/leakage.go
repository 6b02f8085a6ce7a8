package split

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Leakage is what rows of one split tell of those of another.
type Leakage struct {
	Shared int64 `json:"shared"` // values of the columns that occur in two splits
	Rows   int64 `json:"rows"`   // rows that have them
	Future int64 `json:"future"` // rows no earlier than the first of a later split
}

// Any reports whether there is any.
func (l Leakage) Any() bool { return l.Shared > 0 || l.Future > 0 }

// Observed says it for people.
func (l Leakage) Observed() string {
	var said []string
	if l.Shared > 0 {
		said = append(said, fmt.Sprintf("%d values in two splits, in %d rows", l.Shared, l.Rows))
	}
	if l.Future > 0 {
		said = append(said, fmt.Sprintf("%d rows from the future of what they are judged by", l.Future))
	}
	if len(said) == 0 {
		return "none found"
	}
	return strings.Join(said, "; ")
}

// FindLeakage looks at three parts for values of the columns across, together,
// that occur in more than one (rows with one of them missing aside), and, with an
// event time, for rows that are not earlier than every row of a later part.
//
// Faults: ColumnMissing.
func FindLeakage(ctx context.Context, e *table.Engine, parts Paths, schema pipeline.Schema, across []string, eventTime string) (Leakage, error) {
	var found Leakage
	columns, err := named(schema, across, "no_leakage.across")
	if err != nil {
		return found, err
	}
	if len(columns) > 0 {
		var names, known []string
		for _, c := range columns {
			names, known = append(names, table.Ident(c.Name)), append(known, table.Ident(c.Name)+" IS NOT NULL")
		}
		list := strings.Join(names, ", ")
		files := parts.all()
		shared, err := e.Shared(ctx, files[:], names, strings.Join(known, " AND "))
		if err != nil {
			return found, err
		}
		var all []string
		for i, path := range files {
			all = append(all, fmt.Sprintf("SELECT %s, %d AS %s FROM %s WHERE %s AND %s", list, i, hash, table.Scan(path), strings.Join(known, " AND "), shared[i]))
		}
		row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT count(*), coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM (%s) GROUP BY %s HAVING min(%s) <> max(%[3]s))", strings.Join(all, " UNION ALL "), list, hash))
		if err != nil {
			return found, err
		}
		found.Shared, found.Rows = row[0].(int64), row[1].(int64)
	}
	if eventTime == "" {
		return found, nil
	}
	c := schema.Column(eventTime)
	if c == nil {
		return found, table.MissingColumn(eventTime, schema, "dataset.event_time")
	}
	t := "CAST(" + table.Ident(c.Name) + " AS TIMESTAMP)"
	if c.FrameKind() == frame.Number {
		t = "CAST(" + table.Ident(c.Name) + " AS DOUBLE)"
	}
	row, err := e.QueryRow(ctx, fmt.Sprintf(`WITH v AS (SELECT min(%[1]s) AS first FROM %[3]s), t AS (SELECT min(%[1]s) AS first FROM %[4]s)
		SELECT (SELECT count(*) FROM %[2]s, v, t WHERE %[1]s >= least(v.first, t.first)) + (SELECT count(*) FROM %[3]s, t WHERE %[1]s >= t.first)`,
		t, table.Scan(parts.Train), table.Scan(parts.Validation), table.Scan(parts.Test)))
	if err != nil {
		return found, err
	}
	found.Future = row[0].(int64)
	return found, nil
}
