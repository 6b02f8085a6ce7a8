package profile

import (
	"math"
	"slices"
)

// Matrix is how the columns are associated with each other, pair by pair. A pair
// of which nothing can be said (a constant, no row with both) is null.
type Matrix struct {
	Rows    int64    `json:"rows"`    // of the sample: every row if there are no more
	Columns []string `json:"columns"` // numbers and times, then texts; identifiers and constants left out, and all but the first 30

	// Of is how many columns there would be.
	Of int `json:"of"`

	// Association is Pearson's r of two numbers in absolute value, Cramér's V of
	// two texts, the correlation ratio of a number and a text: 0 to 1.
	Association [][]*float64 `json:"association"`

	// Numbers are the columns of Pearson and Spearman.
	Numbers  []string     `json:"numbers"`
	Pearson  [][]*float64 `json:"pearson"`
	Spearman [][]*float64 `json:"spearman"` // Pearson's r of ranks, ties by their mean
}

// Bounds of what is compared pair by pair: the columns, and the classes of each.
const (
	maxRelated     = 30
	maxTextClasses = 60
)

// relate fills Matrix, Information and Power over the sample.
func (s *survey) relate(m *sample) {
	if m == nil {
		return
	}
	y, order := m.asked()
	vectors := make([]vector, len(m.columns))
	beside(len(vectors), func(i int) {
		vectors[i] = m.drawn[i].vector(m.columns[i], order)
		if y != nil {
			y.of(m.columns[i], &vectors[i])
		}
	})
	x := &Matrix{Rows: int64(len(m.chosen.rows)), Of: len(m.columns) + len(m.rest), Columns: []string{}, Numbers: []string{}}
	for i, c := range m.columns {
		x.Columns = append(x.Columns, c.Name)
		if vectors[i].codes == nil {
			x.Numbers = append(x.Numbers, c.Name)
		} else {
			vectors[i] = vectors[i].atMost(maxTextClasses)
		}
	}
	x.Association, x.Pearson, x.Spearman = square(len(vectors)), square(len(x.Numbers)), square(len(x.Numbers))
	beside(len(vectors), func(i int) {
		i = len(vectors) - 1 - i // those with the most pairs first
		for j := range i + 1 {
			x.pair(i, j, &vectors[i], &vectors[j])
		}
	})
	s.Matrix = x
}

// pair fills the cells of two columns.
func (m *Matrix) pair(i, j int, a, b *vector) {
	var value *float64
	switch {
	case a.codes == nil && b.codes == nil:
		r := linear(a, b)
		m.Pearson[i][j], m.Pearson[j][i] = r, r
		ranks := monotone(a, b)
		m.Spearman[i][j], m.Spearman[j][i] = ranks, ranks
		if r != nil {
			value = new(math.Abs(*r))
		}
	case a.codes != nil && b.codes != nil:
		value = cramer(a, b)
	case a.codes != nil:
		value = etaOf(a, b.values)
	default:
		value = etaOf(b, a.values)
	}
	m.Association[i][j], m.Association[j][i] = value, value
}

// related chooses the columns to compare pair by pair: the target first among its kind,
// no constants and no identifiers. The rest is too many.
func (p *Profile) related() (chosen, rest []*Column) {
	var numbers, texts []*Column
	for i := range p.Columns {
		c := &p.Columns[i]
		switch {
		case c.Distinct < 2:
		case c.Type == "text" && c.Distinct <= 1000 && float64(c.Distinct) < 0.5*float64(c.Count):
			texts = append(texts, c)
		case c.Type != "text":
			numbers = append(numbers, c)
		}
	}
	isTarget := func(c *Column) int {
		if c.Name == p.Target {
			return 0
		}
		return 1
	}
	for _, list := range [][]*Column{numbers, texts} {
		slices.SortStableFunc(list, func(a, b *Column) int { return isTarget(a) - isTarget(b) })
	}
	some := len(texts)
	if some > maxRelated/3 && len(numbers)+some > maxRelated {
		some = max(maxRelated/3, maxRelated-len(numbers))
	}
	many := min(len(numbers), maxRelated-some)
	return slices.Concat(numbers[:many], texts[:some]), slices.Concat(numbers[many:], texts[some:])
}

func square(n int) [][]*float64 {
	out := make([][]*float64, n)
	for i := range out {
		out[i] = make([]*float64, n)
	}
	return out
}
