package evaluation

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of what a model is asked to learn what it uses. Rows are evenly spaced
// among the test rows.
const (
	maxImportanceRows    = 20_000
	maxImportanceColumns = 100
	importanceRepeats    = 5
	maxDependenceRows    = 2_000
	maxDependenceColumns = 6
	dependenceGrid       = 20
	dependenceTop        = 12
	maxDependenceClasses = 4
)

// Usage is what the chosen model makes of its inputs.
type Usage struct {
	Rows        int          `json:"rows"`
	Repeats     int          `json:"repeats"`
	Importances []Importance `json:"importances"` // most important first
	Dependence  []Dependence `json:"dependence,omitempty"`
	GridRows    int          `json:"grid_rows,omitempty"`
	Gains       []model.Gain `json:"gains,omitempty"` // of boosted trees, on the training rows
}

// Importance is how much worse the problem's metric gets when the values of one
// raw column are dealt to other rows (Breiman 2001; as scikit-learn's
// permutation_importance, on the test rows): above 0 the model is better for the
// column. Columns that tell the same share their importance.
type Importance struct {
	Column    string  `json:"column"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"` // over the repeats
}

// Dependence is the mean answer with one column set to each value of a grid and
// all others as they are (Friedman 2001): the value, the probability of the
// positive class, or of the most frequent classes.
type Dependence struct {
	Column string    `json:"column"`
	Kind   string    `json:"kind"`             // number, text or time
	Values []float64 `json:"values,omitempty"` // number; time: microseconds since the epoch
	Names  []string  `json:"names,omitempty"`  // text: the most frequent
	Series []Curve   `json:"series"`
}

// Curve is one line over a grid.
type Curve struct {
	Name string    `json:"name,omitempty"` // the class
	Y    []float64 `json:"y"`
}

// usage asks the model. A draw of which the metric is undefined is left out.
func usage(ctx context.Context, o Options, c Contender, m *measured) (*Usage, error) {
	inputs := inputsIn(o.Test, c.Inputs)
	inputs = inputs[:min(len(inputs), maxImportanceColumns)]
	rows := evenly(o.Test.Rows, maxImportanceRows)
	if len(inputs) == 0 || len(rows) < 2 {
		return nil, nil
	}
	part, err := m.take(rows)
	if err != nil { // all of them weigh nothing
		return nil, nil
	}
	whole, err := part.point()
	if err != nil {
		return nil, err
	}
	score, ok := whole.Values[o.Problem.Metric]
	if !ok {
		return nil, nil
	}
	sub := o.Test.Take(rows)
	drops := make([][]float64, len(inputs))
	errs := make([]error, len(inputs))
	each(len(inputs), func(j int) {
		for repeat := 0; repeat < importanceRepeats && errs[j] == nil && ctx.Err() == nil; repeat++ {
			var after float64
			var ok bool
			after, ok, errs[j] = permuted(sub, inputs[j], permutation(len(rows), uint64(o.Seed), j, repeat), c.Predictor, part, o.Problem.Metric)
			if ok {
				drops[j] = append(drops[j], map[bool]float64{true: after - score, false: score - after}[pipeline.LowerIsBetter(o.Problem.Metric)])
			}
		}
	})
	u := &Usage{Rows: len(rows), Repeats: importanceRepeats, Gains: c.Gains[:min(len(c.Gains), maxImportanceColumns)]}
	for j, name := range inputs {
		if errs[j] != nil {
			return nil, errs[j]
		}
		if len(drops[j]) > 0 {
			u.Importances = append(u.Importances, importanceOf(name, drops[j]))
		}
	}
	slices.SortStableFunc(u.Importances, func(a, b Importance) int { return cmp.Compare(b.Mean, a.Mean) })
	if err := u.depend(ctx, o, c, m); err != nil {
		return nil, err
	}
	return u, ctx.Err()
}

// each runs f(0) … f(n-1) on every processor.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	threads := min(runtime.GOMAXPROCS(0), n)
	for t := range threads {
		wg.Go(func() {
			for i := t; i < n; i += threads {
				f(i)
			}
		})
	}
	wg.Wait()
}

func importanceOf(column string, drops []float64) Importance {
	n := len(drops)
	mean := average(n, func(i int) float64 { return drops[i] })
	return Importance{column, mean, math.Sqrt(average(n, func(i int) float64 { return (drops[i] - mean) * (drops[i] - mean) }))}
}

// permutation is Fisher and Yates' by a stream of its own.
func permutation(n int, seed uint64, column, repeat int) []int32 {
	out := make([]int32, n)
	state := mix(mix(seed+uint64(column)*0x9e3779b97f4a7c15) + uint64(repeat+1))
	for i := range out {
		state += 0x9e3779b97f4a7c15
		j := int(mix(state) % uint64(i+1))
		out[i] = out[j]
		out[j] = int32(i)
	}
	return out
}

// with is the frame with another column in place of the one of its name.
func with(f *frame.Frame, c frame.Column) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows, Columns: slices.Clone(f.Columns)}
	*out.Column(c.Name) = c
	return out
}

func permuted(f *frame.Frame, column string, order []int32, p Predictor, part *prepared, metric string) (float64, bool, error) {
	one := &frame.Frame{Rows: f.Rows, Columns: []frame.Column{*f.Column(column)}}
	guesses := make([]float64, len(part.P))
	if err := p.Predict(with(f, one.Take(order).Columns[0]), guesses); err != nil {
		return 0, false, err
	}
	sample := part.Sample
	sample.P = guesses
	s, err := sample.score()
	if err != nil {
		return 0, false, err
	}
	v, ok := s.Values[metric]
	return v, ok, nil
}

func (u *Usage) depend(ctx context.Context, o Options, c Contender, m *measured) error {
	rows := evenly(o.Test.Rows, maxDependenceRows)
	sub := o.Test.Take(rows)
	u.GridRows = len(rows)
	outputs := dependent(m)
	for _, importance := range u.Importances {
		if len(u.Dependence) == maxDependenceColumns || importance.Mean <= 0 {
			break
		}
		d, settings := grid(o.Test.Column(importance.Column))
		if len(settings) < 2 {
			continue
		}
		for _, k := range outputs {
			curve := Curve{Y: make([]float64, len(settings))}
			if len(m.classes) > 0 {
				curve.Name = m.classes[k]
			}
			d.Series = append(d.Series, curve)
		}
		answers := make([]float64, sub.Rows*c.Predictor.Outputs())
		for at, setting := range settings {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.Predictor.Predict(with(sub, setting(sub.Rows)), answers); err != nil {
				return err
			}
			var weight float64
			for i, row := range rows {
				w := m.weights[row]
				weight += w
				for s, k := range outputs {
					d.Series[s].Y[at] += w * answers[i*c.Predictor.Outputs()+k]
				}
			}
			for s := range d.Series {
				d.Series[s].Y[at] = ratio(d.Series[s].Y[at], weight)
			}
		}
		u.Dependence = append(u.Dependence, d)
	}
	return nil
}

// dependent are the outputs worth a line: the value, the positive class, or the
// most frequent classes.
func dependent(m *measured) []int {
	switch len(m.classes) {
	case 0:
		return []int{0}
	case 2:
		return []int{1}
	}
	sizes := make([]int, len(m.classes))
	for _, y := range m.Y {
		sizes[int(y)]++
	}
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	order = order[:min(len(order), maxDependenceClasses)]
	slices.Sort(order)
	return order
}

// grid returns the values a column is set to: quantiles from 5 to 95 %, or the
// most frequent texts.
func grid(c *frame.Column) (Dependence, []func(rows int) frame.Column) {
	d := Dependence{Column: c.Name, Kind: c.Kind.String()}
	var settings []func(int) frame.Column
	if c.Kind == frame.Text {
		g := groupText(c)
		for _, name := range g.names[:min(len(g.names), dependenceTop)] {
			code := int32(slices.Index(c.Dict, name))
			if name == missingGroup && code < 0 {
				code = frame.MissingCode
			}
			d.Names = append(d.Names, name)
			settings = append(settings, func(rows int) frame.Column {
				return frame.Column{Name: c.Name, Kind: c.Kind, Dict: c.Dict, Codes: slices.Repeat([]int32{code}, rows)}
			})
		}
		return d, settings
	}
	var values []float64
	for i := range max(len(c.Numbers), len(c.Times)) {
		switch {
		case c.Missing(i):
		case c.Kind == frame.Time:
			values = append(values, float64(c.Times[i]))
		default:
			values = append(values, c.Numbers[i])
		}
	}
	if len(values) == 0 {
		return d, nil
	}
	slices.Sort(values)
	distinct := slices.Compact(slices.Clone(values))
	if len(distinct) > dependenceGrid {
		distinct = nil
		for q := range dependenceGrid {
			at := 0.05 + 0.9*float64(q)/(dependenceGrid-1)
			distinct = append(distinct, values[int(at*float64(len(values)-1))])
		}
		distinct = slices.Compact(distinct)
	}
	d.Values = distinct
	for _, v := range distinct {
		settings = append(settings, func(rows int) frame.Column {
			if c.Kind == frame.Time {
				return frame.Column{Name: c.Name, Kind: c.Kind, Times: slices.Repeat([]int64{int64(v)}, rows)}
			}
			return frame.Column{Name: c.Name, Kind: c.Kind, Numbers: slices.Repeat([]float64{v}, rows)}
		})
	}
	return d, settings
}
