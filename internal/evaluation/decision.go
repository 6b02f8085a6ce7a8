package evaluation

import (
	"math"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Decision is from which probability on the answer is the positive class, and
// what the errors cost, in the unit of problem.costs. It informs those who act on
// the probability: an endpoint answers with the more probable class, which is a
// threshold of 0.5.
type Decision struct {
	Threshold     float64 `json:"threshold"`
	FalsePositive float64 `json:"false_positive"` // cost of one
	FalseNegative float64 `json:"false_negative"`
}

// decide chooses the threshold of least cost on rows: one of their probabilities,
// or one above them all where it is cheapest to never answer the positive class.
// Of equals it is the one nearest to 0.5. It returns nil without costs.
func decide(costs *pipeline.Costs, p *prepared) *Decision {
	if costs == nil || p.Task != pipeline.Binary {
		return nil
	}
	d := &Decision{Threshold: 1, FalsePositive: costs.FalsePositive, FalseNegative: costs.FalseNegative}
	if p.P[2*p.order[0]+1] >= 1 {
		d.Threshold = math.Nextafter(1, 2)
	}
	missed := total(p.weights, func(i int) float64 { return p.Y[i] })
	falseAlarms, least := 0.0, missed*costs.FalseNegative
	for k, i := range p.order {
		if p.Y[i] == 1 {
			missed -= p.weights[i]
		} else {
			falseAlarms += p.weights[i]
		}
		if k+1 < len(p.order) && !p.above[k+1] {
			continue
		}
		at, cost := p.P[2*i+1], falseAlarms*costs.FalsePositive+missed*costs.FalseNegative
		if slack := 1e-12 * math.Abs(least); cost < least-slack || cost <= least+slack && math.Abs(at-0.5) < math.Abs(d.Threshold-0.5) {
			d.Threshold, least = at, min(least, cost)
		}
	}
	return d
}

// Cost is what the errors of one model cost on the test rows; counts are weighted
// where the problem weighs rows.
type Cost struct {
	Threshold      float64 `json:"threshold"`
	FalsePositives float64 `json:"false_positives"`
	FalseNegatives float64 `json:"false_negatives"`
	Total          float64 `json:"total"`   // in the unit of problem.costs
	PerRow         float64 `json:"per_row"` // Total over the weight of the rows
}

// Costs compares what the errors on the test rows cost: those of the chosen model
// as an endpoint answers, the more probable class, and of every model at the
// threshold of its own that was cheapest on the validation rows.
type Costs struct {
	Answered Cost  `json:"answered"`
	Model    Cost  `json:"model"`
	Baseline Cost  `json:"baseline"`
	Champion *Cost `json:"champion,omitempty"`
}

func (p *prepared) cost(threshold float64) Cost {
	var c counts
	for i, w := range p.weights {
		c.add(p.Y[i] == 1, p.answers(i, threshold), w)
	}
	out := Cost{Threshold: threshold, FalsePositives: c.fp, FalseNegatives: c.fn}
	out.Total = c.fp*p.Decision.FalsePositive + c.fn*p.Decision.FalseNegative
	out.PerRow = out.Total / c.all()
	return out
}

// asServed stands for the answer an endpoint gives: the more probable class.
const asServed = 0.5

// answers reports whether row i is answered with the positive class: from the
// threshold on, but at 0.5 above it only, because of equals the first class wins.
func (p *prepared) answers(i int, threshold float64) bool {
	if threshold == asServed && p.Decision == nil {
		return p.hard[i] == 1
	}
	return p.P[2*i+1] >= threshold
}
