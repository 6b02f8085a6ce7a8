package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

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
	m, err := e.NewMeetings(row[0].(int64))
	if err != nil {
		return "", err
	}
	defer m.Close()
	hash := "hash(" + strings.Join(columns, ", ") + ") | 1::UBIGINT" // 0 is no word
	if known != "" {
		hash = "CASE WHEN " + known + " THEN " + hash + " ELSE 0::UBIGINT END"
	}
	next := int64(0)
	err = e.Words(ctx, "SELECT "+hash+" FROM "+Scan(in), func(some []uint64) error {
		err := m.Add(some, next)
		next += int64(len(some))
		return err
	})
	if err != nil {
		return "", err
	}
	places, err := m.Places(ctx, maxSuspects)
	switch {
	case errors.Is(err, ErrManyMeet):
		return "true", nil
	case err != nil:
		return "", err
	case len(places) == 0:
		return "false", nil
	}
	suspects := make([]string, len(places))
	for i, p := range places {
		suspects[i] = fmt.Sprint(p)
	}
	return RowNumber + " IN (" + strings.Join(suspects, ", ") + ")", nil
}

// ErrManyMeet says that more rows meet than are to be listed.
var ErrManyMeet = errors.New("more rows meet than are listed")

// Places lists, in order, the rows whose words meet: ErrManyMeet if they are more
// than most.
func (m *Meetings) Places(ctx context.Context, most int) ([]int64, error) {
	var places []int64
	err := m.Each(ctx, func(same []Print) error {
		if len(places)+len(same) > most || same[0].Rows > 1 {
			return ErrManyMeet
		}
		for _, p := range same {
			places = append(places, p.Row)
		}
		return nil
	})
	slices.Sort(places)
	return places, err
}
