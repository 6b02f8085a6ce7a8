package profile

import (
	"context"
	"fmt"

	"github.com/esteira-ml/esteira/internal/table"
)

// count fills the figures of every column by itself, and hashes the rows. The
// distinct values of a column are counted in one scan; a column that has too many
// of them is grouped and sorted by the engine.
func (s *survey) count(ctx context.Context) error {
	looks := make([]look, len(s.schema))
	many := make([]bool, len(s.schema))
	for i := range s.schema {
		looks[i] = s.counted(i, &many[i])
	}
	if err := s.scan(ctx, looks); err != nil {
		return err
	}
	for i := range many {
		c := &s.Columns[i]
		if many[i] {
			var err error
			if c.Type == "text" {
				err = s.manyTexts(ctx, c)
			} else {
				err = s.manyValues(ctx, i)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// counted looks at the values of column i; many is set if there are too many
// distinct ones to be counted here.
func (s *survey) counted(i int, many *bool) look {
	c := &s.Columns[i]
	l := look{columns: []int{i}}
	missing := int64(0)
	if c.Type == "text" {
		d, codes := &table.Dictionary{}, make([]int32, table.BatchRows)
		l.take = func(b *table.Batch, from int, at []int) error {
			if err := s.hashes.fold(b, from, i, at[0]); err != nil {
				return err
			}
			missing += b.Nulls(at[0])
			if !*many && !d.Add(b, at[0], codes) {
				*many, d = true, nil
			}
			return nil
		}
		l.done = func() {
			c.known(s.Rows, missing)
			if !*many {
				t := newTexts()
				for k, text := range d.Texts {
					t.add(text, d.Counts[k])
				}
				t.fill(c)
				c.against(s.options.Previous)
			}
		}
		return l
	}
	t, values := newTally(maxTallied), make([]float64, table.BatchRows)
	l.take = func(b *table.Batch, from int, at []int) error {
		if err := s.hashes.fold(b, from, i, at[0]); err != nil {
			return err
		}
		gone, infinite := t.addFinite(b.Numbers(at[0], values))
		missing, c.Infinite = missing+gone, c.Infinite+infinite
		return nil
	}
	l.done = func() {
		c.known(s.Rows, missing)
		if *many = t.full; *many {
			return
		}
		_ = s.fill(i, func(take func([]counted)) error { take(t.ascending()); return nil })
	}
	return l
}

func (c *Column) known(rows, missing int64) {
	c.Count, c.Missing = rows-missing, missing
	if rows > 0 {
		c.MissingShare = float64(missing) / float64(rows)
	}
}

// fill fills the figures of a column of numbers or times from its distinct values
// in ascending order, which each gives as often as it is asked.
func (s *survey) fill(i int, each func(take func([]counted)) error) error {
	c := &s.Columns[i]
	sum := newSummary(c.Count - c.Infinite)
	err := each(func(list []counted) {
		for _, v := range list {
			sum.add(v.value, v.count)
		}
	})
	if err != nil || sum.distinct == 0 {
		return err
	}
	c.Distinct = sum.distinct
	c.list = sum.kept
	if c.Type == "time" {
		c.Time = sum.time()
		c.Time.Coverage = coverage(sum.kept)
	} else {
		c.Number = sum.number()
		if sum.kept != nil {
			c.Number.shape(sum.kept, sum.seen)
		}
	}
	if sum.kept != nil {
		c.Bins = binned(sum.kept, sum.seen)
		each = func(take func([]counted)) error { take(sum.kept); return nil }
	}
	c.Histogram = sum.histogram()
	scaled := &s.scales[i]
	scaled.fit(c)
	err = each(func(list []counted) { // again: now the mean and the range are known
		for _, v := range list {
			c.Histogram.add(v.value, v.count)
			scaled.add(v.value, v.count)
		}
	})
	c.Top = sum.top(c.Type == "time")
	c.against(s.options.Previous)
	c.list = nil // a million values a column are not kept
	return err
}

// finite is SQL that is true for values that are neither missing nor infinite,
// and value the SQL of such a value: DOUBLE for numbers, microseconds for times.
func (c *Column) finite() string {
	if c.Type == "time" {
		return "isfinite(CAST(" + table.Ident(c.Name) + " AS TIMESTAMP))"
	}
	return "isfinite(CAST(" + table.Ident(c.Name) + " AS DOUBLE))"
}

func (c *Column) value() string {
	if c.Type == "time" {
		return "CAST(epoch_us(CAST(" + table.Ident(c.Name) + " AS TIMESTAMP)) AS DOUBLE)"
	}
	return "CAST(" + table.Ident(c.Name) + " AS DOUBLE)"
}

// manyValues fills the figures of a column of numbers or times out of core.
func (s *survey) manyValues(ctx context.Context, i int) error {
	c := &s.Columns[i]
	query := fmt.Sprintf("SELECT %s AS v, count(*) AS n FROM %s WHERE %s GROUP BY v ORDER BY v", c.value(), table.Scan(s.in), c.finite())
	return s.fill(i, func(take func([]counted)) error {
		list := make([]counted, 0, table.BatchRows)
		return s.engine.Counts(ctx, query, func(values []float64, counts []int64) {
			list = list[:0]
			for k, v := range values {
				list = append(list, counted{v + 0, counts[k]})
			}
			take(list)
		})
	})
}

// manyTexts is manyValues for a column of texts.
func (s *survey) manyTexts(ctx context.Context, c *Column) error {
	t := newTexts()
	err := s.engine.Stream(ctx, fmt.Sprintf("SELECT CAST(%s AS VARCHAR) AS v, count(*) FROM %s WHERE v IS NOT NULL GROUP BY v", table.Ident(c.Name), table.Scan(s.in)), func(row []any) error {
		t.add(row[0].(string), row[1].(int64))
		return nil
	})
	t.fill(c)
	c.against(s.options.Previous)
	return err
}
