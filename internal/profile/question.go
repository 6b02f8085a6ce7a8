package profile

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// question is the target in the sample: what each column is asked how much it tells of.
type question struct {
	target  *Column
	classes vector  // -1: missing
	answer  *answer // nil: nothing predicts it
}

// question is nil if there is no target, or it is none of the columns of the sample. All
// of these must have been seen.
func (m *sample) question(s *survey, order []tallied) *question {
	at := slices.IndexFunc(m.columns, func(c *Column) bool { return c.Name == s.Target })
	if s.Target == "" || at < 0 {
		return nil
	}
	y := m.drawn[at].vector(m.columns[at], order)
	numeric := s.Task == pipeline.Regression
	q := &question{target: m.columns[at], classes: classesOf(&y, !numeric)}
	last := int32(q.classes.classes - 1)
	switch {
	case !numeric:
		q.answer = &answer{codes: slices.Clone(q.classes.codes), classes: int(last)}
	case y.values != nil:
		q.answer = &answer{values: y.values}
	}
	for i, k := range q.classes.codes {
		if k == last {
			q.classes.codes[i] = missingCode
		}
	}
	return q
}

// of fills what a column tells of the target.
func (q *question) of(c *Column, x *vector) {
	if c == q.target {
		return
	}
	inform(c, x, &q.classes)
	if q.answer != nil && c.Distinct > 1 {
		c.Power = q.answer.powerOf(x)
	}
}

// restLooks set the columns that are too many to be compared pair by pair in relation to
// the target, each by itself: what is held are the rows of the sample of the columns of
// one scan.
func (s *survey) restLooks(m *sample) []look {
	if m == nil || s.Target == "" {
		return nil
	}
	var looks []look
	for _, c := range m.rest {
		var d drawn
		var rows []int
		seen := 0
		room := make([]float64, table.BatchRows)
		looks = append(looks, look{columns: []int{s.place(c.Name)}, take: func(b batch, at []int) error {
			if rows, seen = m.chosen.within(b, rows[:0], seen); len(rows) > 0 {
				d.take(c, b, at[0], rows, room)
			}
			return nil
		}, done: func() error {
			if q, order := m.asked(); q != nil {
				x := d.vector(c, order)
				q.of(c, &x)
			}
			d = drawn{}
			return nil
		}})
	}
	return looks
}
