package drift

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// PageHinkley finds changes of the mean of a stream (Page 1954): it adds up how far
// values are from their mean so far, and tells where the sum has left its extreme
// by more than Threshold. Behaviour is river's, in both directions. Its JSON is its
// state; values must come in order of time.
type PageHinkley struct {
	Least     int     `json:"least"`     // values before the first change
	Delta     float64 `json:"delta"`     // a change of the mean that does not matter
	Threshold float64 `json:"threshold"` // of the sum, in the unit of the values
	Alpha     float64 `json:"alpha"`     // what of the sum is kept from value to value

	N       int     `json:"n"`
	Mean    float64 `json:"mean"`
	Up      float64 `json:"up"` // the sums, and their extremes
	Down    float64 `json:"down"`
	Lowest  float64 `json:"lowest"`
	Highest float64 `json:"highest"`
	Changed bool    `json:"changed"` // by the latest value: the next one begins anew
}

// NewPageHinkley returns river's defaults: 30 values at least, delta 0.005,
// threshold 50, alpha 0.9999.
func NewPageHinkley() *PageHinkley {
	return &PageHinkley{Least: 30, Delta: 0.005, Threshold: 50, Alpha: 1 - 0.0001}
}

// Add takes the next value and reports whether the mean has changed. A value that
// is not finite is left out.
func (p *PageHinkley) Add(x float64) bool {
	if x-x != 0 {
		return false
	}
	if p.Changed {
		p.N, p.Mean, p.Up, p.Down, p.Changed = 0, 0, 0, 0, false
	}
	if p.N == 0 {
		p.Lowest, p.Highest = math.MaxFloat64, -1 // river's beginning
	}
	p.N++
	p.Mean += (x - p.Mean) / float64(p.N)
	d := x - p.Mean
	p.Up, p.Down = p.Alpha*p.Up+d-p.Delta, p.Alpha*p.Down+d+p.Delta
	p.Lowest, p.Highest = min(p.Lowest, p.Up), max(p.Highest, p.Down)
	p.Changed = p.N >= p.Least && (p.Up-p.Lowest > p.Threshold || p.Highest-p.Down > p.Threshold)
	return p.Changed
}

// Validate refuses a state that Add could not go on from. Error: ArtifactCorrupt.
func (p *PageHinkley) Validate() error {
	if p.Least < 1 || p.N < 0 || !(p.Alpha > 0 && p.Alpha <= 1) || !(p.Threshold > 0) || !(p.Delta >= 0) {
		return fault.New(fault.ArtifactCorrupt, "the state of Page-Hinkley does not hold together").WithRemedy("begin the stream anew")
	}
	return nil
}
