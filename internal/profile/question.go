package profile

import (
	"slices"
	"sync"

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
func (m *sample) question(s *survey) *question {
	at := slices.IndexFunc(m.columns, func(c *Column) bool { return c.Name == s.Target })
	if s.Target == "" || at < 0 {
		return nil
	}
	y := m.vector(at, m.order())
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
	asked := sync.OnceValues(func() (*question, []tallied) { return m.question(s), m.order() })
	var looks []look
	for _, c := range m.rest {
		var numbers []float64
		var codes []int32
		known := map[string]int32{}
		var rows []int
		seen := 0
		room := make([]float64, table.BatchRows)
		looks = append(looks, look{columns: []int{s.place(c.Name)}, take: func(b batch, at []int) error {
			rows, seen = m.chosen.within(b, rows[:0], seen)
			if len(rows) == 0 {
				return nil
			}
			if c.Type != "text" {
				numbers = b.some(numbers, at[0], rows, room)
				return nil
			}
			for _, r := range rows {
				code := int32(missingCode)
				if text, there := b.text(at[0], r); there {
					var ok bool
					if code, ok = known[text]; !ok {
						code = int32(len(known))
						known[text] = code
					}
				}
				codes = append(codes, code)
			}
			return nil
		}, done: func() error {
			if q, order := asked(); q != nil {
				x := vector{codes: codes, classes: len(known)}
				if c.Type != "text" {
					x = numbersOf(numbers, order)
				} else {
					x.codes = renumbered(codes, order, len(known))
				}
				q.of(c, &x)
			}
			numbers, codes, known = nil, nil, nil
			return nil
		}})
	}
	return looks
}

// renumbered are the codes in an order, numbered as they are met in it.
func renumbered(codes []int32, order []tallied, classes int) []int32 {
	out, to, met := make([]int32, len(order)), make([]int32, classes), int32(0)
	for i, r := range order {
		c := codes[r.count]
		if out[i] = missingCode; c == missingCode {
			continue
		}
		if to[c] == 0 {
			met++
			to[c] = met
		}
		out[i] = to[c] - 1
	}
	return out
}
