package table

import (
	"context"
	"fmt"
	"strings"
)

// MaxHashed bounds the rows whose hashes are held, eight bytes each and eight more
// while they are compared; beyond it the engine, which spills, looks for repeats.
const MaxHashed = 1 << 24

// hashedAtOnce is how many hashes, about, Suspects holds. Of more rows it reads the
// columns several times and looks each time at its part of the hashes: those that
// meet are in the same.
var hashedAtOnce int64 = 1 << 22

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
	if err != nil {
		return "true", err
	}
	hash := "hash(" + strings.Join(columns, ", ") + ") | 1::UBIGINT" // Meeting skips 0
	if known != "" {
		hash = "CASE WHEN " + known + " THEN " + hash + " ELSE 0::UBIGINT END"
	}
	rows := row[0].(int64)
	passes := uint64((rows + hashedAtOnce - 1) / hashedAtOnce)
	var suspects []string
	for pass := range passes {
		words, at := make([]uint64, 0, rows/int64(passes)+1), []int64(nil)
		next := int64(0)
		err := e.Words(ctx, "SELECT "+hash+" FROM "+Scan(in), func(some []uint64) {
			if passes == 1 {
				words = append(words, some...)
				return
			}
			for i, w := range some {
				if w != 0 && w>>1%passes == pass {
					words, at = append(words, w), append(at, next+int64(i))
				}
			}
			next += int64(len(some))
		})
		if err != nil {
			return "", err
		}
		places := Meeting(words)
		if len(suspects)+len(places) > maxSuspects {
			return "true", nil
		}
		for _, p := range places {
			if at != nil {
				p = at[p]
			}
			suspects = append(suspects, fmt.Sprint(p))
		}
	}
	if len(suspects) == 0 {
		return "false", nil
	}
	return RowNumber + " IN (" + strings.Join(suspects, ", ") + ")", nil
}
