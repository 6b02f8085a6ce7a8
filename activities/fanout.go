package activities

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// fanOut looks for rows that a join multiplied: more rows than the source they
// are said to come from has, or keys that occur more than once.
func fanOut(ctx context.Context, e *table.Engine, path string, d pipeline.Dataset, snapshots []Snapshot, res *DatasetResult) error {
	var told []string
	for _, s := range snapshots {
		if s.Source == d.RowsFrom && res.Rows > s.Rows {
			told = append(told, fmt.Sprintf("%s rows of %s became %s: a join multiplies rows", count(s.Rows), s.Source, count(res.Rows)))
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
