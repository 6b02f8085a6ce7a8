package rollout

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Level is that of each test: how often chance alone may take a version back in one
// look at it.
const Level = 0.001

// tolerableMS is by how much the 99th percentile may grow whatever the ratio: what
// a scheduler or a collector of garbage costs is no difference of models.
const tolerableMS = 10

// shiftBins is how many bins the champion's values are cut into, as equal as ties let.
const shiftBins = 10

// Comparison is one look at both versions.
type Comparison struct {
	Candidate    Figures `json:"candidate"`
	Champion     Figures `json:"champion"`
	Checks       []Check `json:"checks"`
	Insufficient string  `json:"insufficient,omitempty"` // why there is no judgement; empty: there is one
	Breach       string  `json:"breach,omitempty"`       // what is too bad; empty: nothing
}

// Check is one bound.
type Check struct {
	Name      string  `json:"name"`
	Candidate float64 `json:"candidate"`
	Champion  float64 `json:"champion"`
	Bound     string  `json:"bound"` // as people read it
	Unit      string  `json:"unit,omitempty"`
	P         float64 `json:"p"` // P-value of the test that the bound is kept; 1: it was not tested
	Breached  bool    `json:"breached"`
	Note      string  `json:"note,omitempty"` // why it was not judged, or why a crossed bound does not count
}

// Judge compares what two versions answered. Latencies are judged only where the
// candidate's are those of answers.
func Judge(rules pipeline.Rollback, candidate, champion *Sample, answered bool) Comparison {
	c := Comparison{Candidate: candidate.Figures(), Champion: champion.Figures()}
	for _, side := range []struct {
		name string
		rows int
	}{{"candidate", candidate.rows}, {"champion", champion.rows}} {
		if side.rows < rules.MinRequests && c.Insufficient == "" {
			c.Insufficient = fmt.Sprintf("insufficient traffic: %d rows of the %s, %d are needed", side.rows, side.name, rules.MinRequests)
		}
	}
	if c.Insufficient != "" {
		return c
	}
	c.Checks = append(c.Checks, errorRate(rules, candidate, champion))
	if answered {
		c.Checks = append(c.Checks, latency(rules, candidate, c)...)
	}
	c.Checks = append(c.Checks, shift(rules, candidate, champion), loss(rules, candidate, champion))
	var breaches []string
	for _, check := range c.Checks {
		if check.Breached {
			breaches = append(breaches, check.String())
		}
	}
	c.Breach = strings.Join(breaches, "; ")
	return c
}

func (c Check) String() string {
	if c.Of() == "" {
		return fmt.Sprintf("%s %s, bound %s", c.Name, Number(c.Candidate), c.Bound)
	}
	return fmt.Sprintf("%s %s%s against %s, bound %s", c.Name, Number(c.Candidate), c.Unit, c.Of(), c.Bound)
}

// Of is the champion's figure as people read it; "" for a distance between both.
func (c Check) Of() string {
	if c.Name == predictionShift {
		return ""
	}
	return Number(c.Champion) + c.Unit
}

// predictionShift names the check that measures a distance.
const predictionShift = "prediction shift"

// Number is a figure as people read it.
func Number(x float64) string { return fmt.Sprintf("%.4g", x) }

// decide completes a check whose bound is crossed, or not.
func (c *Check) decide(crossed bool) {
	c.Candidate, c.Champion, c.P = finite(c.Candidate), finite(c.Champion), finite(c.P)
	c.Breached = crossed && c.P < Level
	if crossed && !c.Breached {
		c.Note = chance
	}
}

// chance is the note of a bound that is crossed, but not by more than chance does.
const chance = "beyond the bound, but not by more than chance explains"

// errorRate tests whether the candidate fails more often than the champion and the
// margin together: the z test of the difference of two proportions with one success
// and one failure added to each (Agresti and Caffo 2000).
func errorRate(rules pipeline.Rollback, candidate, champion *Sample) Check {
	rate := func(s *Sample) (raw, adjusted, variance float64) {
		raw = float64(s.failed) / float64(s.rows)
		n := float64(s.rows + 2)
		adjusted = float64(s.failed+1) / n
		return raw, adjusted, adjusted * (1 - adjusted) / n
	}
	x, px, vx := rate(candidate)
	y, py, vy := rate(champion)
	margin := *rules.MaxErrorRate
	c := Check{Name: "error rate", Candidate: x, Champion: y, Bound: "champion + " + Number(margin)}
	c.P = distuv.UnitNormal.Survival((px - py - margin) / math.Sqrt(vx+vy))
	c.decide(x-y > margin)
	return c
}

// latency tests whether more than one in a hundred of the candidate's answers take
// longer than the bound: the exact binomial test.
func latency(rules pipeline.Rollback, candidate *Sample, c Comparison) []Check {
	var out []Check
	test := func(name string, bound float64, text string) {
		check := Check{Name: name, Candidate: c.Candidate.P99MS, Champion: c.Champion.P99MS, Bound: text, Unit: " ms"}
		over := 0
		for _, l := range candidate.latencies {
			if l > bound {
				over++
			}
		}
		check.P = atLeast(over, len(candidate.latencies), 0.01)
		check.decide(check.Candidate > bound)
		out = append(out, check)
	}
	if m := rules.MaxLatencyP99MS; m != nil {
		test("p99 latency", *m, Number(*m)+" ms")
	}
	if m := rules.MaxLatencyRatio; m != nil {
		bound := max(*m*c.Champion.P99MS, c.Champion.P99MS+tolerableMS)
		test("p99 latency ratio", bound, fmt.Sprintf("%s × champion, at least + %d ms", Number(*m), tolerableMS))
	}
	return out
}

// atLeast is the probability of k or more successes in n trials of probability p.
func atLeast(k, n int, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), p)
}

// shift measures the total variation distance between the answers of both, and tests
// it by the chi-squared test of homogeneity.
func shift(rules pipeline.Rollback, candidate, champion *Sample) Check {
	x, y := counts(candidate, champion)
	c := Check{Name: predictionShift, Bound: Number(*rules.MaxPredictionShift), P: 1}
	nx, ny := sum(x), sum(y)
	if nx == 0 || ny == 0 {
		c.Note = "nothing was answered"
		return c
	}
	statistic, bins := 0.0, 0
	for i := range x {
		c.Candidate += math.Abs(x[i]/nx-y[i]/ny) / 2
		if total := x[i] + y[i]; total > 0 {
			bins++
			ex, ey := total*nx/(nx+ny), total*ny/(nx+ny)
			statistic += (x[i]-ex)*(x[i]-ex)/ex + (y[i]-ey)*(y[i]-ey)/ey
		}
	}
	if bins > 1 {
		c.P = distuv.ChiSquared{K: float64(bins - 1)}.Survival(statistic)
	}
	c.Candidate = min(c.Candidate, 1) // which rounding may pass, and a bound of 1 is none
	c.decide(c.Candidate > *rules.MaxPredictionShift)
	return c
}

// counts are the answers of both by class, or by the champion's tenths.
func counts(candidate, champion *Sample) (x, y []float64) {
	if len(champion.values) == 0 {
		names := sortedClasses(champion.classes)
		for _, name := range sortedClasses(candidate.classes) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		for _, name := range names {
			x, y = append(x, float64(candidate.classes[name])), append(y, float64(champion.classes[name]))
		}
		return x, y
	}
	sorted := slices.Sorted(slices.Values(champion.values))
	var edges []float64 // upper ends, but of the last bin
	for i := 1; i < shiftBins; i++ {
		if e := quantile(sorted, float64(i)/shiftBins); len(edges) == 0 || e > edges[len(edges)-1] {
			edges = append(edges, e)
		}
	}
	fill := func(values []float64) []float64 {
		out := make([]float64, len(edges)+1)
		for _, v := range values {
			at, _ := slices.BinarySearch(edges, v)
			out[at]++
		}
		return out
	}
	return fill(candidate.values), fill(champion.values)
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// loss tests whether the candidate's mean loss exceeds the champion's by more than
// the bound: Welch's t test of the candidate's loss against the champion's times
// 1 + bound.
func loss(rules pipeline.Rollback, candidate, champion *Sample) Check {
	m := *rules.MaxMetricLoss
	c := Check{Name: candidate.problem.Loss(), Bound: fmt.Sprintf("champion + %s %%", Number(100*m)), P: 1}
	x, y := candidate.losses, champion.losses
	if len(x) < rules.MinRequests || len(y) < rules.MinRequests {
		c.Note = fmt.Sprintf("insufficient labels: %d and %d, %d are needed", len(x), len(y), rules.MinRequests)
		return c
	}
	mx, vx := moments(x)
	my, vy := moments(y)
	c.Candidate, c.Champion = mx, my
	crossed := mx > my*(1+m)
	switch sx, sy := vx/float64(len(x)), vy*(1+m)*(1+m)/float64(len(y)); {
	case sx+sy > 0:
		freedom := (sx + sy) * (sx + sy) / (sx*sx/float64(len(x)-1) + sy*sy/float64(len(y)-1))
		c.P = distuv.StudentsT{Sigma: 1, Nu: freedom}.Survival((mx - my*(1+m)) / math.Sqrt(sx+sy))
	case crossed: // two constants differ
		c.P = 0
	}
	c.decide(crossed)
	return c
}
