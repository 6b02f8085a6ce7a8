package tuning

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// dimension is one hyperparameter that a search may choose: one of some values,
// or a number of an interval.
type dimension struct {
	name      string
	choices   []float64 // nil for an interval
	low, high float64
	log       bool
	whole     bool
}

// space is a candidate with what may be chosen of it, by name.
type space struct {
	candidate  pipeline.Candidate
	dimensions []dimension
}

// spaceOf returns the dimensions of a candidate in order of their names.
func spaceOf(c pipeline.Candidate) (space, error) {
	var parameters []model.Parameter
	if c.External == nil {
		learner, err := model.For(c.Kind)
		if err != nil {
			return space{}, err
		}
		parameters = learner.Parameters()
	}
	s := space{candidate: c}
	for _, name := range sorted(c.Grid) {
		s.dimensions = append(s.dimensions, dimension{name: name, choices: c.Grid[name]})
	}
	for _, name := range sorted(c.Space) {
		in := c.Space[name]
		d := dimension{name: name, low: in.Low, high: in.High, log: in.Log, whole: in.Whole}
		for _, p := range parameters {
			d.whole = d.whole || p.Name == name && p.Whole
		}
		s.dimensions = append(s.dimensions, d)
	}
	slices.SortFunc(s.dimensions, func(a, b dimension) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return s, nil
}

// open reports whether there is anything to choose.
func (s space) open() bool {
	return slices.ContainsFunc(s.dimensions, func(d dimension) bool { return d.choices == nil || len(d.choices) > 1 })
}

// at is the point whose coordinates, one a dimension, are in [0, 1).
func (s space) at(u []float64) model.Params {
	if len(s.dimensions) == 0 {
		return nil
	}
	p := make(model.Params, len(s.dimensions))
	for i, d := range s.dimensions {
		p[d.name] = d.at(u[i])
	}
	return p
}

func (d dimension) at(u float64) float64 {
	if d.choices != nil {
		return d.choices[min(int(u*float64(len(d.choices))), len(d.choices)-1)]
	}
	low, high := d.bounds()
	v := low + u*(high-low)
	if d.log {
		v = math.Exp(v)
	}
	if d.whole {
		v = math.Round(v)
	} else {
		v = significant(v)
	}
	return min(max(v, d.low), d.high)
}

// bounds are those of the scale it is drawn on. A whole number's interval is half
// a unit wider on each side, so that its ends are as likely as the rest.
func (d dimension) bounds() (low, high float64) {
	low, high = d.low, d.high
	if d.whole {
		low, high = low-0.5, high+0.5-1e-9
		if d.log && low <= 0 {
			low = 0.5
		}
	}
	if d.log {
		return math.Log(low), math.Log(high)
	}
	return low, high
}

// on is a value on the scale it is drawn on.
func (d dimension) on(v float64) float64 {
	if d.log {
		return math.Log(v)
	}
	return v
}

// significant keeps four digits: more say nothing, and a parameter is read by
// people.
func significant(v float64) float64 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-3)
	if unit < 1 { // dividing by a whole power keeps 0.3 from being 0.30000000000000004
		whole := math.Round(1 / unit)
		return math.Round(v*whole) / whole
	}
	return math.Round(v/unit) * unit
}
