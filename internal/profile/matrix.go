package profile

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Matrix is how the columns are associated with each other, pair by pair. A pair
// of which nothing can be said (a constant, no row with both) is null.
type Matrix struct {
	Rows    int64    `json:"rows"`    // of the sample: every row if there are no more
	Columns []string `json:"columns"` // numbers and times, then texts; identifiers and constants left out

	// Association is Pearson's r of two numbers in absolute value, Cramér's V of
	// two texts, the correlation ratio of a number and a text: 0 to 1.
	Association [][]*float64 `json:"association"`

	// Numbers are the columns of Pearson and Spearman.
	Numbers  []string     `json:"numbers"`
	Pearson  [][]*float64 `json:"pearson"`
	Spearman [][]*float64 `json:"spearman"` // Pearson's r of ranks, ties by their mean
}

// Information is the mutual information of a column and the target, in nats, and
// its share of the target's entropy: 1 says that the column alone tells the
// target. Numbers are cut into tenths; missing values are a class of their own.
type Information struct {
	Nats  float64 `json:"nats"`
	Share float64 `json:"share"`
}

const (
	sampleRows     = 50_000
	maxRelated     = 30
	maxTextClasses = 60
	tenths         = 10
)

// relate fills Matrix and Information over a sample that depends on what the
// rows hold alone.
func (p *Profile) relate(ctx context.Context, e *table.Engine, in string) error {
	columns := p.related()
	if len(columns) < 2 || p.Rows < 2 {
		return nil
	}
	f, err := p.sample(ctx, e, in, columns)
	if err != nil {
		return err
	}
	p.inform(f)
	m := &Matrix{Rows: int64(f.Rows), Columns: []string{}, Numbers: []string{}}
	vectors := make([]vector, len(columns))
	for i, c := range columns {
		vectors[i] = newVector(&f.Columns[i])
		m.Columns = append(m.Columns, c.Name)
		if vectors[i].codes == nil {
			m.Numbers = append(m.Numbers, c.Name)
		}
	}
	m.Association, m.Pearson, m.Spearman = square(len(columns)), square(len(m.Numbers)), square(len(m.Numbers))
	for i := range vectors {
		for j := range i + 1 {
			var value *float64
			a, b := &vectors[i], &vectors[j]
			switch {
			case a.codes == nil && b.codes == nil:
				r := correlation(a.values, b.values)
				m.Pearson[i][j], m.Pearson[j][i] = r, r
				s := ranked(a, b)
				m.Spearman[i][j], m.Spearman[j][i] = s, s
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
	}
	p.Matrix = m
	return nil
}

// related chooses the columns to compare: the target first among its kind, no
// constants and no identifiers.
func (p *Profile) related() []*Column {
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
	if len(texts) > maxRelated/3 && len(numbers)+len(texts) > maxRelated {
		texts = texts[:max(maxRelated/3, maxRelated-len(numbers))]
	}
	return append(numbers[:min(len(numbers), maxRelated-len(texts))], texts...)
}

func (p *Profile) sample(ctx context.Context, e *table.Engine, in string, columns []*Column) (*frame.Frame, error) {
	dir, err := os.MkdirTemp("", "esteira-profile-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var names, selected []string
	for _, c := range columns {
		names, selected = append(names, c.Name), append(selected, table.Ident(c.Name))
	}
	// Rows are chosen, and ordered, by what they hold: the sample depends neither
	// on threads nor on the order of the rows.
	hash, where := "hash("+strings.Join(selected, ", ")+")", ""
	if p.Rows > sampleRows {
		where = fmt.Sprintf(" WHERE %s %% 4294967296 < %d", hash, int64(float64(sampleRows)/float64(p.Rows)*4294967296))
	}
	path := filepath.Join(dir, "sample")
	if _, err := e.Write(ctx, "SELECT "+strings.Join(selected, ", ")+" FROM "+table.Scan(in)+where+" ORDER BY "+hash+", "+strings.Join(selected, ", "), path); err != nil {
		return nil, err
	}
	return e.Read(ctx, path, names)
}

// vector is a column of the sample: values, or codes of its classes.
type vector struct {
	values  []float64 // NaN: missing
	codes   []int32   // -1: missing
	classes int

	places []float64 // ranks of values, once asked for, if none is missing
}

func newVector(c *frame.Column) vector {
	if c.Kind == frame.Text {
		v := vector{codes: c.Codes, classes: len(c.Dict)}
		return v.atMost(maxTextClasses)
	}
	v := vector{values: c.Numbers}
	if c.Kind == frame.Time {
		v.values = make([]float64, len(c.Times))
		for i, t := range c.Times {
			v.values[i] = float64(t)
			if t == frame.MissingTime {
				v.values[i] = math.NaN()
			}
		}
		return v
	}
	v.values = slices.Clone(v.values)
	for i, x := range v.values {
		if math.IsInf(x, 0) {
			v.values[i] = math.NaN()
		}
	}
	return v
}

// atMost puts the rarer classes together.
func (v vector) atMost(n int) vector {
	if v.classes <= n {
		return v
	}
	counts := make([]int, v.classes)
	for _, c := range v.codes {
		if c >= 0 {
			counts[c]++
		}
	}
	order := make([]int, v.classes)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return counts[order[i]] > counts[order[j]] })
	to := make([]int32, v.classes)
	for place, c := range order {
		to[c] = int32(min(place, n-1))
	}
	codes := make([]int32, len(v.codes))
	for i, c := range v.codes {
		codes[i] = -1
		if c >= 0 {
			codes[i] = to[c]
		}
	}
	return vector{codes: codes, classes: n}
}

func square(n int) [][]*float64 {
	out := make([][]*float64, n)
	for i := range out {
		out[i] = make([]*float64, n)
	}
	return out
}

// correlation is Pearson's r over the rows that have both.
func correlation(x, y []float64) *float64 {
	n, mx, my := 0.0, 0.0, 0.0
	for i := range x {
		if d := x[i] + y[i]; !math.IsNaN(d) {
			n++
			mx += (x[i] - mx) / n
			my += (y[i] - my) / n
		}
	}
	var sxx, syy, sxy float64
	for i := range x {
		if d := x[i] + y[i]; !math.IsNaN(d) {
			sxx += (x[i] - mx) * (x[i] - mx)
			syy += (y[i] - my) * (y[i] - my)
			sxy += (x[i] - mx) * (y[i] - my)
		}
	}
	return bounded(sxy / math.Sqrt(sxx) / math.Sqrt(syy))
}

func bounded(r float64) *float64 {
	if math.IsNaN(r) || math.IsInf(r, 0) {
		return nil
	}
	return new(round(math.Max(-1, math.Min(1, r))))
}

// ranked is Spearman's correlation over the rows that have both.
func ranked(a, b *vector) *float64 {
	if x, y := a.ranks(), b.ranks(); x != nil && y != nil {
		return correlation(x, y)
	}
	var x, y []float64
	for i := range a.values {
		if !math.IsNaN(a.values[i]) && !math.IsNaN(b.values[i]) {
			x, y = append(x, a.values[i]), append(y, b.values[i])
		}
	}
	return correlation(ranks(x), ranks(y))
}

// ranks are those of a column that misses nothing, which every pair shares; nil
// for others.
func (v *vector) ranks() []float64 {
	if v.places == nil && !slices.ContainsFunc(v.values, math.IsNaN) {
		v.places = ranks(v.values)
	}
	return v.places
}

// ranks replaces values by their places, ties by the mean of theirs.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return x[order[i]] < x[order[j]] })
	out := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			out[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

// contingency counts the pairs of classes.
func contingency(a, b *vector) (cells [][]float64, rows, columns []float64, n float64) {
	cells, rows, columns = make([][]float64, a.classes), make([]float64, a.classes), make([]float64, b.classes)
	for i := range cells {
		cells[i] = make([]float64, b.classes)
	}
	for i := range a.codes {
		if x, y := a.codes[i], b.codes[i]; x >= 0 && y >= 0 {
			cells[x][y]++
			rows[x]++
			columns[y]++
			n++
		}
	}
	return cells, rows, columns, n
}

func cramer(a, b *vector) *float64 {
	cells, rows, columns, n := contingency(a, b)
	used := func(margin []float64) (k float64) {
		for _, m := range margin {
			if m > 0 {
				k++
			}
		}
		return k
	}
	chi := 0.0
	for i, row := range cells {
		for j, o := range row {
			if expected := rows[i] * columns[j] / n; expected > 0 {
				chi += (o - expected) * (o - expected) / expected
			}
		}
	}
	return bounded(math.Sqrt(chi / n / (math.Min(used(rows), used(columns)) - 1)))
}

func etaOf(classes *vector, values []float64) *float64 {
	n, sum := make([]float64, classes.classes), make([]float64, classes.classes)
	mean, seen := 0.0, 0.0
	for i, x := range values {
		if c := classes.codes[i]; c >= 0 && !math.IsNaN(x) {
			seen++
			mean += (x - mean) / seen
		}
	}
	total := 0.0
	for i, x := range values {
		if c := classes.codes[i]; c >= 0 && !math.IsNaN(x) {
			n[c]++
			sum[c] += x - mean
			total += (x - mean) * (x - mean)
		}
	}
	between := 0.0
	for c := range n {
		if n[c] > 0 {
			between += sum[c] * sum[c] / n[c]
		}
	}
	return bounded(math.Sqrt(between / total))
}

// inform fills every column's information about the target.
func (p *Profile) inform(f *frame.Frame) {
	target := f.Column(p.Target)
	if p.Target == "" || target == nil {
		return
	}
	y := classesOf(target, p.Task != pipeline.Regression)
	for i := range f.Columns {
		c := p.Column(f.Columns[i].Name)
		if c.Name == p.Target {
			continue
		}
		x := classesOf(&f.Columns[i], false)
		cells, rows, columns, n := contingency(&x, &y)
		nats, entropy := 0.0, 0.0
		for a, row := range cells {
			for b, o := range row {
				if o > 0 {
					nats += o / n * math.Log(o*n/(rows[a]*columns[b]))
				}
			}
		}
		for _, m := range columns {
			if m > 0 {
				entropy -= m / n * math.Log(m/n)
			}
		}
		if n > 0 && entropy > 0 {
			c.Information = &Information{Nats: round(math.Max(0, nats)), Share: round(math.Min(1, math.Max(0, nats)/entropy))}
		}
	}
}

// classesOf cuts numbers into tenths, or takes each value for a class; missing
// values are the last.
func classesOf(c *frame.Column, each bool) vector {
	v := newVector(c)
	if v.codes == nil {
		known := slices.DeleteFunc(slices.Clone(v.values), math.IsNaN)
		slices.Sort(known)
		var edges []float64
		if distinct := slices.Compact(slices.Clone(known)); len(distinct) <= 2*tenths || each && len(distinct) <= maxClasses {
			edges = distinct
		} else {
			for i := 1; i < tenths; i++ {
				edges = append(edges, known[i*len(known)/tenths])
			}
			edges = slices.Compact(edges)
		}
		v.codes, v.classes = make([]int32, len(v.values)), len(edges)+1
		for i, x := range v.values {
			v.codes[i] = -1
			if !math.IsNaN(x) {
				at, _ := slices.BinarySearch(edges, x)
				v.codes[i] = int32(at)
			}
		}
	}
	codes := make([]int32, len(v.codes))
	for i, x := range v.codes {
		codes[i] = x
		if x < 0 {
			codes[i] = int32(v.classes)
		}
	}
	return vector{codes: codes, classes: v.classes + 1}
}
