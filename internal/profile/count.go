package profile

import (
	"context"
	"fmt"
	"strconv"

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
				c.against(c.in(s.options.Previous), nil)
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
		_ = s.fill(i, listed(t.ascending()))
	}
	return l
}

func (c *Column) known(rows, missing int64) {
	c.Count, c.Missing = rows-missing, missing
	if rows > 0 {
		c.MissingShare = float64(missing) / float64(rows)
	}
}

// fill fills the figures of a column of numbers or times from its distinct values.
// Too many to be held are asked for twice in their order, as means and quantiles
// must be known before what is told by them, and numbers once by their distances.
func (s *survey) fill(i int, values series) error {
	c := &s.Columns[i]
	sum, covered := newSummary(c.Count-c.Infinite), &cover{}
	err := values.each(func(list []counted) {
		sum.take(list)
		if c.Type == "time" {
			covered.take(list)
		}
	})
	if err != nil || sum.distinct == 0 {
		return err
	}
	if sum.kept != nil {
		values = listed(sum.kept)
	}
	c.Distinct = sum.distinct
	looks := []interface{ take([]counted) }{}
	var formed *shape
	if c.Type == "time" {
		c.Time = sum.time()
		c.Time.Coverage = covered.done()
	} else {
		c.Number = sum.number()
		formed = newShape(c.Number, sum.seen)
		looks = append(looks, formed)
	}
	c.Histogram = sum.histogram()
	scaled, binned := &s.scales[i], &binning{total: sum.seen, distinct: sum.distinct}
	scaled.fit(c)
	looks = append(looks, c.Histogram, scaled, binned)
	then, now := c.in(s.options.Previous), []float64(nil)
	if then != nil && then.Bins != nil {
		now = make([]float64, len(then.Bins.Counts))
	}
	err = values.each(func(list []counted) { // again: now the mean and the range are known
		for _, l := range looks {
			l.take(list)
		}
		if now != nil {
			then.Bins.into(now, list)
		}
	})
	if err != nil {
		return err
	}
	if formed != nil {
		if err := formed.done(values); err != nil {
			return err
		}
	}
	c.Bins = binned.done()
	c.Top = sum.top(c.Type == "time")
	c.against(then, now)
	return nil
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
	return s.fill(i, series{
		each: func(take func([]counted)) error { return s.grouped(ctx, c, c.value(), take) },
		apart: func(median float64, take func([]counted)) error {
			return s.grouped(ctx, c, fmt.Sprintf("abs(%s - CAST('%s' AS DOUBLE))", c.value(), strconv.FormatFloat(median, 'g', -1, 64)), take)
		},
	})
}

// grouped counts what an expression is in the rows where the column is finite, in
// ascending order.
func (s *survey) grouped(ctx context.Context, c *Column, expression string, take func([]counted)) error {
	query := fmt.Sprintf("SELECT %s AS v, count(*) AS n FROM %s WHERE %s GROUP BY v ORDER BY v", expression, table.Scan(s.in), c.finite())
	list := make([]counted, 0, table.BatchRows)
	return s.engine.Counts(ctx, query, func(values []float64, counts []int64) {
		list = list[:0]
		for k, v := range values {
			list = append(list, counted{v + 0, counts[k]})
		}
		take(list)
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
	c.against(c.in(s.options.Previous), nil)
	return err
}
