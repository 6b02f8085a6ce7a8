package activities

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// joins tells SQL that joins from SQL that has nothing to multiply rows with.
var joins = regexp.MustCompile(`(?i)\bjoin\b`)

// fanOut looks for rows that a join multiplied: more rows than the source they
// are said to come from has, rows that are more often there than in it, or keys that
// occur more than once. Where nothing says what a row is, a join is told to be unchecked.
func fanOut(ctx context.Context, e *table.Engine, path string, d pipeline.Dataset, tables map[string]table.Table, snapshots []Snapshot, res *DatasetResult) error {
	var told []string
	if len(d.Key) == 0 && d.RowsFrom == "" && joins.MatchString(d.SQL) {
		res.Figure += "; not checked for rows that a join multiplies: name dataset.key or dataset.rows_from"
	}
	for _, s := range snapshots {
		switch {
		case s.Source != d.RowsFrom:
		case res.Rows > s.Rows:
			told = append(told, fmt.Sprintf("%s rows of %s became %s: a join multiplies rows", count(s.Rows), s.Source, count(res.Rows)))
		case len(d.Key) == 0: // rows that are gone may hide others that came
			rows, extra, most, err := e.Multiplied(ctx, tables[d.RowsFrom], path)
			if err != nil {
				return err
			}
			if rows > 0 {
				told = append(told, fmt.Sprintf("%s rows of %s are there more often than in it, up to %s times, %s too many: a join multiplies rows, and others are dropped",
					count(rows), s.Source, count(most), count(extra)))
			}
		}
	}
	if len(d.Key) > 0 {
		keys := make([]string, len(d.Key))
		for i, k := range d.Key {
			keys[i] = table.Ident(k)
		}
		list := strings.Join(keys, ", ")
		row, err := e.QueryRow(ctx, "SELECT count(*)::BIGINT, coalesce(sum(n), 0)::BIGINT, coalesce(max(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM "+
			table.Scan(path)+" GROUP BY "+list+" HAVING count(*) > 1)")
		if err != nil {
			return err
		}
		if keys, _ := row[0].(int64); keys > 0 {
			rows, _ := row[1].(int64)
			most, _ := row[2].(int64)
			told = append(told, fmt.Sprintf("%s keys (%s) are not unique: %s of %s rows share one, up to %s a key",
				count(keys), strings.Join(d.Key, ", "), count(rows), count(res.Rows), count(most)))
		}
	}
	res.FanOut = strings.Join(told, "; ")
	if res.FanOut == "" {
		return nil
	}
	res.Figure += "; warning: " + res.FanOut
	if d.FanOut == "stop" {
		res.Violation = res.FanOut
	}
	return nil
}
