package profile

import (
	"cmp"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxClasses bounds the target's classes, and maxGroupShare the distinct texts
// per row, beyond which an association says nothing: every row is its own group.
// So do more texts than a dictionary holds.
const (
	maxClasses    = 200
	maxGroupShare = 0.05
)

// associations sets every column in relation to the target, which first looks at in
// each scan of some columns.
func (s *survey) associations() (looks []look, first func(columns []int) []look) {
	y := &target{Column: s.Column(s.Target), values: make([]float64, table.BatchRows)}
	if y.Column == nil || y.Distinct < 2 {
		return nil, nil
	}
	place := s.place(s.Target)
	y.scale = &s.scales[place]
	numeric := s.Task == pipeline.Regression
	switch {
	case numeric && y.scale.factor == 0, !numeric && y.Distinct > maxClasses:
		return nil, nil
	case numeric:
		y.numbers = slots[int64]()
	default:
		y.room, y.classes, y.known = slots[int32](), make([][]int32, table.GroupBatches), map[float64]int32{}
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		var l look
		switch text := c.Type == "text"; {
		case c.Name == s.Target || c.Distinct < 2 || !text && s.scales[i].factor == 0:
			continue
		case text && float64(c.Distinct) > math.Max(20, maxGroupShare*float64(c.Count)):
			continue
		case text && numeric:
			l = c.ratioOfText(y)
		case text:
			l = c.cramersV(y)
		case numeric:
			l = c.pearson(y, &s.scales[i])
		default:
			l = c.ratioOfClasses(y, &s.scales[i])
		}
		l.columns = []int{i, place}
		looks = append(looks, l)
	}
	return looks, func(columns []int) []look {
		if !slices.Contains(columns, place) {
			return nil
		}
		return []look{{columns: []int{place}, take: y.take, first: true}}
	}
}

// place is the number of a column.
func (s *survey) place(name string) int {
	return slices.IndexFunc(s.schema, func(c pipeline.Column) bool { return c.Name == name })
}

// pearson is Pearson's correlation of a number with a numeric target.
func (c *Column) pearson(y *target, s *scale) look {
	var n, sx, sy int64
	var sxx, syy, sxy wide
	values := make([]float64, table.BatchRows)
	return look{
		take: func(b batch, at []int) error {
			numbers := y.numbers[b.slot]
			for i, x := range b.numbers(at[0], values) {
				q, known := numbers[i], x-x == 0
				switch {
				case known && q != none:
					n++
					sxy.add(s.of(x), q)
				case known: // without a target
					p := s.of(x)
					sx += p
					sxx.add(p, p)
				case q != none:
					sy += q
					syy.add(q, q)
				}
			}
			return nil
		},
		done: func() error {
			if n < 2 {
				return nil
			}
			// The sums over rows with both are those over all less those with one.
			xx, yy := s.squares, y.scale.squares
			xx.minus(sxx)
			yy.minus(syy)
			x, t, k := float64(s.sum-sx), float64(y.scale.sum-sy), float64(n)
			c.associated("pearson", (sxy.float()-x*t/k)/math.Sqrt((xx.float()-x*x/k)*(yy.float()-t*t/k)), n)
			return nil
		},
	}
}

// ratioOfText is the correlation ratio (eta) of a numeric target over a text's
// values: the square root of the share of the variance between them.
func (c *Column) ratioOfText(y *target) look {
	var d textCodes
	var r ratio
	room := make([]int32, table.BatchRows)
	return look{
		take: func(b batch, at []int) error {
			codes, ok := d.of(b, at[0], room)
			if !ok {
				return nil
			}
			r.grow(len(d.texts))
			numbers := y.numbers[b.slot]
			for i, code := range codes {
				if q := numbers[i]; code >= 0 && q != none {
					r.groups[code].n++
					r.groups[code].sum += q
				} else if q != none {
					r.other.add(q, q)
				}
			}
			return nil
		},
		done: func() error {
			if !d.full {
				r.squares = y.scale.squares
				r.squares.minus(r.other)
				eta, n := r.eta(ascendingTexts(d.texts))
				c.associated("correlation_ratio", eta, n)
			}
			return nil
		},
	}
}

// ratioOfClasses is the correlation ratio of a number over the target's classes.
func (c *Column) ratioOfClasses(y *target, s *scale) look {
	var r ratio
	values := make([]float64, table.BatchRows)
	return look{
		take: func(b batch, at []int) error {
			r.grow(maxClasses + 3) // infinite ones are classes, too
			classes := y.classes[b.slot]
			for i, x := range b.numbers(at[0], values) {
				if class := classes[i]; class >= 0 && x-x == 0 {
					q := s.of(x)
					r.groups[class].n++
					r.groups[class].sum += q
					r.squares.add(q, q)
				}
			}
			return nil
		},
		done: func() error {
			eta, n := r.eta(y.order())
			c.associated("correlation_ratio", eta, n)
			return nil
		},
	}
}

func ascendingTexts(texts []string) []int32 { return ascending(texts, cmp.Compare[string]) }

func ascending[T any](values []T, compare func(a, b T) int) []int32 {
	order := make([]int32, len(values))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return compare(values[a], values[b]) })
	return order
}

// ratio collects groups of whole numbers, and the sum of all squares.
type ratio struct {
	groups         []group
	squares, other wide
}

type group struct{ n, sum int64 }

func (r *ratio) grow(n int) {
	if more := n - len(r.groups); more > 0 {
		r.groups = append(r.groups, make([]group, more)...)
	}
}

func (r *ratio) eta(order []int32) (eta float64, n int64) {
	sum, between := int64(0), 0.0
	for _, g := range order {
		if g := r.groups[g]; g.n > 0 {
			n += g.n
			sum += g.sum
			between += float64(g.sum) * float64(g.sum) / float64(g.n)
		}
	}
	mean := float64(sum) * float64(sum) / float64(n)
	return math.Sqrt(math.Max(0, (between-mean)/(r.squares.float()-mean))), n
}

// cramersV is Cramér's V of a text and the target's classes.
func (c *Column) cramersV(y *target) look {
	var d textCodes
	room, pairs := make([]int32, table.BatchRows), newTally(0)
	const classes = maxClasses + 3
	return look{
		take: func(b batch, at []int) error {
			codes, ok := d.of(b, at[0], room)
			if !ok {
				return nil
			}
			of := y.classes[b.slot]
			for i, code := range codes {
				if class := of[i]; code >= 0 && class >= 0 {
					pairs.add(uint64(code)*classes+uint64(class), 1)
				}
			}
			return nil
		},
		done: func() error {
			if d.full {
				return nil
			}
			of, rows, columns := map[uint64]int64{}, make([]int64, len(d.texts)), make([]int64, classes)
			n, chi := int64(0), 0.0
			for _, s := range pairs.slots {
				if s.count > 0 {
					of[s.word] = s.count
					rows[s.word/classes] += s.count
					columns[s.word%classes] += s.count
					n += s.count
				}
			}
			order := y.order()
			for _, x := range ascendingTexts(d.texts) {
				for _, k := range order {
					if o := float64(of[uint64(x)*classes+uint64(k)]); o > 0 {
						chi += o * o / (float64(rows[x]) * float64(columns[k]))
					}
				}
			}
			least := min(used(rows), used(columns)) - 1 // of what has both
			c.associated("cramers_v", math.Sqrt(math.Max(0, chi-1)/float64(least)), n)
			return nil
		},
	}
}

// used is how many rows or columns of a table of counts have any.
func used[T int64 | float64](margin []T) (n int) {
	for _, m := range margin {
		if m > 0 {
			n++
		}
	}
	return n
}

func (c *Column) associated(measure string, value float64, rows int64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return // one of the two is constant where both are known
	}
	value = math.Round(math.Max(-1, math.Min(1, value))*1e10) / 1e10
	c.Association = &Association{Measure: measure, Value: value + 0, Rows: rows}
}
