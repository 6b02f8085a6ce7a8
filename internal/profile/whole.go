package profile

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/esteira-ml/esteira/internal/table"
)

// Pattern is a set of columns that are missing together.
type Pattern struct {
	Columns []string `json:"columns"` // none: the rows that have everything
	Rows    int64    `json:"rows"`
}

const (
	maxPatternColumns = 60
	maxPatterns       = 12
)

// patterns finds which columns are missing together, the most frequent first.
func (s *survey) patterns(ctx context.Context) error {
	var columns []string
	mask := "0::BIGINT"
	for i, c := range s.Columns {
		if c.Missing == 0 || len(columns) == maxPatternColumns {
			continue
		}
		x := table.Ident(c.Name)
		gone := x + " IS NULL"
		if table.IsFloat(s.schema[i]) {
			gone = "(" + gone + " OR isnan(" + x + "))"
		}
		mask += fmt.Sprintf(" + CASE WHEN %s THEN %d ELSE 0 END", gone, int64(1)<<len(columns))
		columns = append(columns, c.Name)
	}
	if len(columns) == 0 {
		return nil
	}
	rows, err := s.engine.Query(ctx, fmt.Sprintf("SELECT %s AS m, count(*) AS n FROM %s GROUP BY m ORDER BY n DESC, m LIMIT %d", mask, table.Scan(s.in), maxPatterns))
	if err != nil {
		return err
	}
	for _, r := range rows {
		pattern := Pattern{Columns: []string{}, Rows: r[1].(int64)}
		for m := uint64(r[0].(int64)); m != 0; m &= m - 1 {
			pattern.Columns = append(pattern.Columns, columns[bits.TrailingZeros64(m)])
		}
		s.Missingness = append(s.Missingness, pattern)
	}
	return nil
}

// future counts, for every other column of times, the rows in which it is later
// than the event: they could not have been known then.
func (s *survey) future() []look {
	event := s.place(s.options.EventTime)
	if event < 0 || s.schema[event].Type != "time" {
		return nil
	}
	var looks []look
	for i := range s.Columns {
		c := &s.Columns[i]
		if c.Type != "time" || i == event {
			continue
		}
		events, times := make([]float64, table.BatchRows), make([]float64, table.BatchRows)
		looks = append(looks, look{columns: []int{i, event}, take: func(b batch, at []int) error {
			then := b.Numbers(at[1], events)
			for r, t := range b.Numbers(at[0], times) {
				if t > then[r] {
					c.AfterEvent++
				}
			}
			return nil
		}})
	}
	return looks
}
