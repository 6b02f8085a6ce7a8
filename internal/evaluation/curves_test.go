package evaluation

import (
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// TestGainAndLiftByHand: down the rows by falling probability, the share of the
// positives met, and that over the share of the rows walked.
func TestGainAndLiftByHand(t *testing.T) {
	for name, c := range map[string]struct {
		y, q, weights []float64
		gain, lift    []Point
	}{
		"five rows": {
			y: []float64{0, 1, 1, 0, 1}, q: []float64{.5, .9, .8, .7, .6},
			gain: []Point{{0, 0}, {.2, 1. / 3}, {.4, 2. / 3}, {.6, 2. / 3}, {.8, 1}, {1, 1}},
			lift: []Point{{.2, 5. / 3}, {.4, 5. / 3}, {.6, 10. / 9}, {.8, 1.25}, {1, 1}},
		},
		"weighted": { // 6 in all, 4 of them positive
			y: []float64{0, 1, 1, 0, 1}, q: []float64{.5, .9, .8, .7, .6}, weights: []float64{1, 2, 1, 1, 1},
			gain: []Point{{0, 0}, {1. / 3, .5}, {.5, .75}, {2. / 3, .75}, {5. / 6, 1}, {1, 1}},
			lift: []Point{{1. / 3, 1.5}, {.5, 1.5}, {2. / 3, 1.125}, {5. / 6, 1.2}, {1, 1}},
		},
		"equal probabilities are one step": {
			y: []float64{1, 0, 1, 0}, q: []float64{.9, .9, .2, .1},
			gain: []Point{{0, 0}, {.5, .5}, {.75, 1}, {1, 1}},
			lift: []Point{{.5, 1}, {.75, 4. / 3}, {1, 1}},
		},
	} {
		s := Sample{Task: pipeline.Binary, Classes: 2, Y: c.y, Weights: c.weights}
		for _, q := range c.q {
			s.P = append(s.P, 1-q, q)
		}
		p, err := prepare(s)
		if err != nil {
			t.Fatal(err)
		}
		curves := p.curves()
		for what, pair := range map[string][2][]Point{"gain": {curves.Gain, c.gain}, "lift": {curves.Lift, c.lift}} {
			got, want := pair[0], pair[1]
			if len(got) != len(want) {
				t.Errorf("%s: %s is %v, not %v", name, what, got, want)
				continue
			}
			for i := range got {
				if math.Abs(got[i].X-want[i].X) > 1e-12 || math.Abs(got[i].Y-want[i].Y) > 1e-12 {
					t.Errorf("%s: point %d of %s is %v, not %v", name, i, what, got[i], want[i])
				}
			}
		}
	}
}
