package table

import (
	"context"
	"fmt"
	"strings"
)

// MaxHashed bounds the rows whose hashes are held, eight bytes each and eight more
// while they are compared; beyond it the engine, which spills, looks for repeats.
const MaxHashed = 1 << 24

// maxSuspects bounds the rows that are named to the engine one by one.
const maxSuspects = 50_000

// Repeats counts the rows of a Parquet file that repeat an earlier one in the
// given columns (SQL identifiers); NULLs are alike. Hashes of 64 bits that are all
// distinct prove that the rows are; only rows whose hashes meet are compared.
func (e *Engine) Repeats(ctx context.Context, in string, columns []string) (int64, error) {
	where, err := e.Suspects(ctx, in, columns, "")
	if err != nil || where == "false" {
		return 0, err
	}
	row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM %s WHERE %s GROUP BY %s)", Scan(in), where, strings.Join(columns, ", ")))
	if err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

// Suspects returns SQL that holds for every row that shares its columns' values
// with another, and for hardly any other: "false" if there is none, "true" if they
// are too many to be told apart beforehand. known is SQL of the rows looked at, ""
// for all.
func (e *Engine) Suspects(ctx context.Context, in string, columns []string, known string) (string, error) {
	row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+Scan(in))
	if err != nil || row[0].(int64) > MaxHashed {
		return "true", err
	}
	hash := "hash(" + strings.Join(columns, ", ") + ") | 1::UBIGINT" // Meeting skips 0
	if known != "" {
		hash = "CASE WHEN " + known + " THEN " + hash + " ELSE 0::UBIGINT END"
	}
	words := make([]uint64, 0, row[0].(int64))
	if err := e.Words(ctx, "SELECT "+hash+" FROM "+Scan(in), func(w []uint64) { words = append(words, w...) }); err != nil {
		return "", err
	}
	places := Meeting(words)
	switch {
	case len(places) == 0:
		return "false", nil
	case len(places) > maxSuspects:
		return "true", nil
	}
	list := make([]string, len(places))
	for i, p := range places {
		list[i] = fmt.Sprint(p)
	}
	return RowNumber + " IN (" + strings.Join(list, ", ") + ")", nil
}
