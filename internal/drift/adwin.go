package drift

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// ADWIN finds changes of the mean of a stream (Bifet and Gavaldà 2007): it keeps a
// window of the latest values in buckets of 1, 2, 4 … of them, and drops its oldest
// part where the means of two parts differ by more than chance allows. Defaults and
// behaviour are river's. Its JSON is its state; values must come in order of time.
type ADWIN struct {
	Delta   float64 `json:"delta"`
	Clock   int     `json:"clock"`   // values between two looks
	Buckets int     `json:"buckets"` // of each size
	Least   int     `json:"least"`   // values of a part that is compared
	Grace   int     `json:"grace"`   // values before the first look

	Tick     int        `json:"tick"`
	Width    int        `json:"width"` // of the window
	Total    float64    `json:"total"`
	Variance float64    `json:"variance"` // times Width
	Rows     [][]bucket `json:"rows"`     // Rows[i] are of 2^i values, the oldest first
	Changed  bool       `json:"changed"`  // by the latest value: the next one begins anew
}

type bucket struct {
	Total    float64 `json:"t"`
	Variance float64 `json:"v"` // times the number of values
}

// NewADWIN returns river's defaults: delta 0.002, a look every 32 values, 5 buckets
// of each size, parts of at least 5 values, and 10 before the first look.
func NewADWIN() *ADWIN {
	return &ADWIN{Delta: 0.002, Clock: 32, Buckets: 5, Least: 5, Grace: 10}
}

// Mean is that of the window; NaN if it is empty.
func (a *ADWIN) Mean() float64 { return a.Total / float64(a.Width) }

// Add takes the next value and reports whether the mean has changed. A value that
// is not finite is left out.
func (a *ADWIN) Add(x float64) bool {
	if x-x != 0 {
		return false
	}
	if a.Changed {
		a.Tick, a.Width, a.Total, a.Variance, a.Rows, a.Changed = 0, 0, 0, 0, nil, false
	}
	a.insert(x)
	a.Tick++
	if a.Tick%a.Clock == 0 && a.Width > a.Grace {
		for a.cut() {
			a.Changed = true
		}
	}
	return a.Changed
}

func (a *ADWIN) insert(x float64) {
	if len(a.Rows) == 0 {
		a.Rows = [][]bucket{nil}
	}
	a.Rows[0] = append(a.Rows[0], bucket{Total: x})
	a.Width++
	if w := float64(a.Width); w > 1 {
		d := x - a.Total/(w-1)
		a.Variance += (w - 1) * d * d / w
	}
	a.Total += x
	for i := 0; i < len(a.Rows) && len(a.Rows[i]) > a.Buckets; i++ {
		if i+1 == len(a.Rows) {
			a.Rows = append(a.Rows, nil)
		}
		n, p, q := math.Exp2(float64(i)), a.Rows[i][0], a.Rows[i][1]
		d := p.Total/n - q.Total/n
		a.Rows[i+1] = append(a.Rows[i+1], bucket{p.Total + q.Total, p.Variance + q.Variance + n*n*d*d/(2*n)})
		a.Rows[i] = append([]bucket(nil), a.Rows[i][2:]...)
	}
}

// cut drops the oldest bucket if the window is of two means, and reports whether it
// did.
func (a *ADWIN) cut() bool {
	n0, n1, u0, u1 := 0.0, float64(a.Width), 0.0, a.Total
	for i := len(a.Rows) - 1; i >= 0; i-- {
		for k, b := range a.Rows[i] {
			if i == 0 && k == len(a.Rows[0])-1 {
				return false
			}
			n := math.Exp2(float64(i))
			n0, n1, u0, u1 = n0+n, n1-n, u0+b.Total, u1-b.Total
			if n0 >= float64(a.Least) && n1 >= float64(a.Least) && a.differ(n0, n1, u0/n0-u1/n1) {
				a.drop()
				return true
			}
		}
	}
	return false
}

func (a *ADWIN) differ(n0, n1, d float64) bool {
	w := float64(a.Width)
	prime := math.Log(2 * math.Log(w) / a.Delta)
	m := 1/(n0-float64(a.Least)+1) + 1/(n1-float64(a.Least)+1)
	return math.Abs(d) > math.Sqrt(2*m*a.Variance/w*prime)+2./3*prime*m
}

func (a *ADWIN) drop() {
	last := len(a.Rows) - 1
	b, n := a.Rows[last][0], math.Exp2(float64(last))
	a.Width -= int(n)
	a.Total -= b.Total
	w := float64(a.Width)
	d := b.Total/n - a.Total/w
	a.Variance -= b.Variance + n*w*d*d/(n+w)
	if a.Rows[last] = append([]bucket(nil), a.Rows[last][1:]...); len(a.Rows[last]) == 0 {
		a.Rows = a.Rows[:last]
	}
}

// Validate refuses a state that Add could not go on from. Error: ArtifactCorrupt.
func (a *ADWIN) Validate() error {
	width := 0
	ok := a.Delta > 0 && a.Delta < 1 && a.Clock > 0 && a.Buckets > 1 && a.Least > 0 && a.Grace >= 0 && a.Tick >= 0 && len(a.Rows) < 48
	for i, row := range a.Rows {
		width += len(row) << i
		ok = ok && len(row) <= a.Buckets+1 && (len(row) > 0 || i < len(a.Rows)-1)
	}
	if !ok || width != a.Width {
		return fault.New(fault.ArtifactCorrupt, "the state of ADWIN does not hold together").WithRemedy("begin the stream anew")
	}
	return nil
}
