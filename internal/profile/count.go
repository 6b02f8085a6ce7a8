package profile

import (
	"cmp"
	"context"

	"github.com/esteira-ml/esteira/internal/table"
)

// count fills the figures of every column by itself, and hashes the rows. The
// distinct values of a column are counted in one scan; numbers and times of which
// there are too many to be held are sorted on disk meanwhile, and texts grouped by
// the engine afterwards.
func (s *survey) count(ctx context.Context) error {
	looks := make([]look, len(s.schema))
	many := make([]bool, len(s.schema))
	sortings := make([]*sorting, len(s.schema))
	defer func() {
		for _, sorting := range sortings {
			if sorting != nil {
				sorting.close()
			}
		}
	}()
	for i, c := range s.schema {
		if c.Type == "text" {
			looks[i] = s.countedTexts(i, &many[i])
		} else {
			looks[i] = s.countedValues(ctx, i, &sortings[i])
		}
	}
	if err := s.scan(ctx, looks, s.hashes.looks(ctx, s.engine)); err != nil {
		return err
	}
	for i := range many {
		if many[i] {
			if err := s.manyTexts(ctx, &s.Columns[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// countedTexts looks at the values of column i; many is set if there are too many
// distinct ones to be counted here.
func (s *survey) countedTexts(i int, many *bool) look {
	c := &s.Columns[i]
	missing := int64(0)
	d, codes, all := &table.Dictionary{}, make([]int32, table.BatchRows), s.keeper.begin()
	return look{
		columns: []int{i},
		take: func(b batch, at []int) error {
			missing += b.nulls(at[0])
			if *many {
				return nil
			}
			if !b.count(d, at[0], codes) {
				*many, d, all = true, nil, nil
			}
			return all.Append(codes[:b.rows])
		},
		done: func() error {
			c.known(s.Rows, missing)
			if *many {
				return nil
			}
			t := newTexts()
			for k, text := range d.Texts {
				t.add(text, d.Counts[k])
			}
			t.fill(c)
			c.against(c.in(s.options.Previous), nil)
			return s.keeper.keep(i, &kept{codes: all, texts: d.Texts, exact: true})
		},
	}
}

// countedValues looks at the values of column i, of numbers or times; sorted is set
// if there are too many distinct ones to be held.
func (s *survey) countedValues(ctx context.Context, i int, sorted **sorting) look {
	c := &s.Columns[i]
	missing, nulls := int64(0), int64(0)
	t, numbers := newNumbering(), make([]float64, table.BatchRows)
	codes, all := make([]int32, table.BatchRows), s.keeper.begin()
	return look{
		columns: []int{i},
		take: func(b batch, at []int) (err error) {
			values := b.numbers(at[0], numbers)
			nulls += b.nulls(at[0])
			if t != nil {
				n, gone, infinite := t.add(values, codes)
				missing, c.Infinite = missing+gone, c.Infinite+infinite
				if values = values[n:]; len(values) == 0 {
					return all.Append(codes[:b.rows])
				}
				list := t.ascending()
				t, all = nil, nil
				if *sorted, err = newSorting(s.engine, list); err != nil {
					return err
				}
			}
			gone, infinite, err := (*sorted).add(ctx, values)
			missing, c.Infinite = missing+gone, c.Infinite+infinite
			return err
		},
		done: func() error {
			c.known(s.Rows, missing)
			if t != nil {
				list := t.ascending()
				exact := exactNumbers(s.schema[i], list, missing, nulls)
				return cmp.Or(s.keeper.keep(i, &kept{codes: all, numbers: t.numbers(), exact: exact}), s.fill(ctx, i, list))
			}
			defer (*sorted).close()
			all, err := (*sorted).done(ctx)
			if err != nil {
				return err
			}
			return s.fill(ctx, i, all)
		},
	}
}

func (c *Column) known(rows, missing int64) {
	c.Count, c.Missing = rows-missing, missing
	if rows > 0 {
		c.MissingShare = float64(missing) / float64(rows)
	}
}

// fill fills the figures of a column of numbers or times from its distinct values.
// They are asked for twice in their order, as means and quantiles must be known
// before what is told by them, and numbers once by their distances.
func (s *survey) fill(ctx context.Context, i int, values series) error {
	c := &s.Columns[i]
	sum, covered := newSummary(c.Count-c.Infinite), &cover{}
	err := values.each(ctx, func(list []counted) {
		sum.take(list)
		if c.Type == "time" {
			covered.take(list)
		}
	})
	if err != nil || sum.distinct == 0 {
		return err
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
	err = values.each(ctx, func(list []counted) { // again: now the mean and the range are known
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
		if err := formed.done(ctx, values); err != nil {
			return err
		}
	}
	c.Bins = binned.done()
	c.Top = sum.top(c.Type == "time")
	c.against(then, now)
	return nil
}

// manyTexts fills the figures of a column of texts out of core.
func (s *survey) manyTexts(ctx context.Context, c *Column) error {
	var t *texts
	err := s.engine.Counted(ctx, s.in, c.Name, func() func(string, int64) {
		t = newTexts()
		return t.add
	})
	t.fill(c)
	c.against(c.in(s.options.Previous), nil)
	return err
}
