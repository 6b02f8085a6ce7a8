package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxSuspects bounds the rows that are named to the engine one by one.
const maxSuspects = 50_000

// wordsAtOnce is how many hashes the engine makes at once, 8 MB: those of whole row
// groups of most files, none of which is then read twice.
var wordsAtOnce int64 = 8 * rowGroup

// rowGroup is the engine's own choice.
const rowGroup = 122_880

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
	rows := row[0].(int64)
	m, err := e.NewMeetings(rows)
	if err != nil {
		return "", err
	}
	defer m.Close()
	hash := "hash(" + strings.Join(columns, ", ") + ") | 1::UBIGINT" // 0 is no word
	if known != "" {
		hash = "CASE WHEN " + known + " THEN " + hash + " ELSE 0::UBIGINT END"
	}
	// While the engine makes hashes, those before are added.
	var adding sync.WaitGroup
	var added error
	var made [2][]uint64
	for from := int64(0); from < rows; from += wordsAtOnce {
		made[0], made[1] = made[1], made[0][:0]
		err := e.Words(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s BETWEEN %d AND %d", hash, Scan(in), RowNumber, from, from+wordsAtOnce-1), func(some []uint64) error {
			made[1] = append(made[1], some...)
			return nil
		})
		adding.Wait()
		if err = cmp.Or(err, added); err != nil {
			return "", err
		}
		words := made[1]
		adding.Go(func() { added = m.Add(words, from) })
	}
	if adding.Wait(); added != nil {
		return "", added
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
