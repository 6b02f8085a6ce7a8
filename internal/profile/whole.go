package profile

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/esteira-ml/esteira/internal/table"
)

// Pattern is a set of columns that are missing together.
type Pattern struct {
	Columns []string `json:"columns"` // none: the rows that have all that are looked at
	Rows    int64    `json:"rows"`
}

const (
	maxPatternColumns = 60
	maxPatterns       = 12
)

// patterns counts the sets of columns that are missing together.
type patterns struct {
	columns []int // of the schema, those with missing values, or with the most
	sets    *tally
	many    bool // too many sets to be counted here
}

func (s *survey) newPatterns() *patterns {
	p := &patterns{sets: newTally(maxTallied)}
	for i, c := range s.Columns {
		if c.Missing > 0 {
			p.columns = append(p.columns, i)
		}
	}
	if len(p.columns) > maxPatternColumns {
		slices.SortStableFunc(p.columns, func(i, j int) int { return cmp.Compare(s.Columns[j].Missing, s.Columns[i].Missing) })
		p.columns = p.columns[:maxPatternColumns]
		slices.Sort(p.columns)
		s.MissingnessOf = maxPatternColumns
	}
	return p
}

// looks count sets as words, one bit a column.
func (p *patterns) looks() []look {
	if len(p.columns) == 0 {
		return nil
	}
	room := make([]uint64, table.BatchRows)
	return []look{{columns: p.columns, take: func(b batch, at []int) error {
		sets := room[:b.rows]
		clear(sets)
		for k, j := range at {
			b.missing(j, func(r int) { sets[r] |= 1 << k })
		}
		for r := 0; r < len(sets) && !p.many; {
			from := r
			for r++; r < len(sets) && sets[r] == sets[from]; r++ {
			}
			p.many = !p.sets.add(sets[from], int64(r-from))
		}
		return nil
	}}}
}

// list lists the most frequent sets first.
func (s *survey) list(ctx context.Context, p *patterns) error {
	var sets []tallied
	if p.many {
		var err error
		if sets, err = s.manySets(ctx, p); err != nil {
			return err
		}
	} else {
		for _, t := range p.sets.slots {
			if t.count > 0 {
				sets = append(sets, t)
			}
		}
		slices.SortFunc(sets, func(a, b tallied) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.word, b.word)) })
	}
	for _, t := range sets[:min(len(sets), maxPatterns)] {
		pattern := Pattern{Columns: []string{}, Rows: t.count}
		for m := t.word; m != 0; m &= m - 1 {
			pattern.Columns = append(pattern.Columns, s.Columns[p.columns[bits.TrailingZeros64(m)]].Name)
		}
		s.Missingness = append(s.Missingness, pattern)
	}
	return nil
}

// manySets counts sets out of core, and lists the most frequent.
func (s *survey) manySets(ctx context.Context, p *patterns) ([]tallied, error) {
	mask := "0::BIGINT"
	for k, i := range p.columns {
		x := table.Ident(s.schema[i].Name)
		gone := x + " IS NULL"
		if table.IsFloat(s.schema[i]) {
			gone = "(" + gone + " OR isnan(" + x + "))"
		}
		mask += fmt.Sprintf(" + CASE WHEN %s THEN %d ELSE 0 END", gone, int64(1)<<k)
	}
	rows, err := s.engine.Query(ctx, fmt.Sprintf("SELECT %s AS m, count(*) AS n FROM %s GROUP BY m ORDER BY n DESC, m LIMIT %d", mask, table.Scan(s.in), maxPatterns))
	var sets []tallied
	for _, r := range rows {
		sets = append(sets, tallied{uint64(r[0].(int64)), r[1].(int64)})
	}
	return sets, err
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
			then := b.numbers(at[1], events)
			for r, t := range b.numbers(at[0], times) {
				if t > then[r] {
					c.AfterEvent++
				}
			}
			return nil
		}})
	}
	return looks
}
