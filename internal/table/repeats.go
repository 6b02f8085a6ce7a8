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
	m, err := e.hashed(ctx, columns, known, in)
	if err != nil {
		return "", err
	}
	defer m.Close()
	places, err := m.Places(ctx, maxSuspects)
	switch {
	case errors.Is(err, ErrManyMeet):
		return "true", nil
	case err != nil:
		return "", err
	}
	return among(places), nil
}

// among is SQL that holds for the rows at some places.
func among(places []int64) string {
	if len(places) == 0 {
		return "false"
	}
	suspects := make([]string, len(places))
	for i, p := range places {
		suspects[i] = fmt.Sprint(p)
	}
	return RowNumber + " IN (" + strings.Join(suspects, ", ") + ")"
}

// Shared is Suspects of rows that share their columns' values with a row of another of
// some files, at most 7: for each file SQL of its own.
func (e *Engine) Shared(ctx context.Context, files, columns []string, known string) ([]string, error) {
	m, err := e.hashed(ctx, columns, known, files...)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	found, places := 0, make([][]int64, len(files))
	err = m.Each(ctx, func(same []Print) error {
		first, _ := same[0].Place()
		if last, _ := same[len(same)-1].Place(); first == last {
			return nil
		}
		for _, p := range same {
			if found++; found > maxSuspects || p.Rows > 1 {
				return ErrManyMeet
			}
			file, row := p.Place()
			places[file] = append(places[file], row)
		}
		return nil
	})
	where := make([]string, len(files))
	switch {
	case errors.Is(err, ErrManyMeet):
		for i := range where {
			where[i] = "true"
		}
	case err != nil:
		return nil, err
	default:
		for i := range where {
			slices.Sort(places[i])
			where[i] = among(places[i])
		}
	}
	return where, nil
}

// hashed are the meetings of the hashes of the rows of some files in the given columns.
func (e *Engine) hashed(ctx context.Context, columns []string, known string, files ...string) (_ *Meetings, err error) {
	rows, all := make([]int64, len(files)), int64(0)
	for i, path := range files {
		row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+Scan(path))
		if err != nil {
			return nil, err
		}
		rows[i] = row[0].(int64)
		all += rows[i]
	}
	m, err := e.NewMeetings(all)
	if err != nil {
		return nil, err
	}
	hash := "hash(" + strings.Join(columns, ", ") + ") | 1::UBIGINT" // 0 is no word
	if known != "" {
		hash = "CASE WHEN " + known + " THEN " + hash + " ELSE 0::UBIGINT END"
	}
	for i, path := range files {
		if err := e.addHashes(ctx, m, hash, path, rows[i], int64(i)); err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// addHashes adds those of a file that has so many rows and is a table of this number.
func (e *Engine) addHashes(ctx context.Context, m *Meetings, hash, in string, rows, number int64) error {
	// While the engine makes hashes, those before are added.
	var adding sync.WaitGroup
	var added error
	var made [2][]uint64
	for i := range made {
		made[i] = make([]uint64, 0, min(rows, wordsAtOnce))
	}
	for from := int64(0); from < rows; from += wordsAtOnce {
		made[0], made[1] = made[1], made[0][:0]
		err := e.Words(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s BETWEEN %d AND %d", hash, Scan(in), RowNumber, from, from+wordsAtOnce-1), func(some []uint64) error {
			made[1] = append(made[1], some...)
			return nil
		})
		adding.Wait()
		if err = cmp.Or(err, added); err != nil {
			return err
		}
		words := made[1]
		adding.Go(func() { added = m.Add(words, TableRow(number, from)) })
	}
	adding.Wait()
	return added
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
