package table

import (
	"context"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Multiplied counts the rows of a Parquet file that there are more often than in the
// table they come from, by the columns of the same name and type in both: rows is how
// many different ones, extra how many rows too many, most the most of one. None if they
// have no such column.
func (e *Engine) Multiplied(ctx context.Context, from Table, path string) (rows, extra, most int64, err error) {
	schema, err := e.Schema(ctx, path)
	if err != nil {
		return 0, 0, 0, err
	}
	theirs, err := e.describe(ctx, from.query())
	if err != nil {
		return 0, 0, 0, failure(err, fault.SourceUnreadable, "a source does not read")
	}
	var shared []string
	for _, c := range schema {
		if own := theirs.Column(c.Name); own != nil && own.SQL == c.SQL {
			shared = append(shared, Ident(c.Name))
		}
	}
	if len(shared) == 0 {
		return 0, 0, 0, nil
	}
	counted := "(SELECT hash(" + strings.Join(shared, ", ") + ") AS __esteira_h, count(*) AS n FROM "
	row, err := e.QueryRow(ctx, "SELECT count(*)::BIGINT, coalesce(sum(d.n - s.n), 0)::BIGINT, coalesce(max(d.n), 0)::BIGINT FROM "+
		counted+Scan(path)+" GROUP BY 1) AS d JOIN "+counted+"("+from.query()+") GROUP BY 1) AS s USING (__esteira_h) WHERE d.n > s.n")
	if err != nil {
		return 0, 0, 0, err
	}
	return row[0].(int64), row[1].(int64), row[2].(int64), nil
}
