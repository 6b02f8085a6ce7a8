package evaluation

import (
	"fmt"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// Costs compares what the errors of the chosen model and of the baseline cost on
// the test rows.
type Costs struct {
	Model    Cost `json:"model"`
	Baseline Cost `json:"baseline"`
}

// Cost is what the errors of one model cost, each row answered with its more
// probable class.
type Cost struct {
	FalsePositives int     `json:"false_positives"`
	FalseNegatives int     `json:"false_negatives"`
	Total          float64 `json:"total"`   // in the unit of problem.costs
	PerRow         float64 `json:"per_row"` // Total over the rows
}

// costOf counts with the classes [negative, positive], as feature.Target orders
// them.
func costOf(costs pipeline.Costs, m *measured) Cost {
	counts := Confuse(m.y, m.predictions, 2).Rows
	c := Cost{FalsePositives: counts[0][1], FalseNegatives: counts[1][0]}
	c.Total = float64(c.FalsePositives)*costs.FalsePositive + float64(c.FalseNegatives)*costs.FalseNegative
	if n := len(m.y); n > 0 {
		c.PerRow = c.Total / float64(n)
	}
	return c
}

func (c *Costs) fact() report.Fact {
	return report.Fact{
		Name: "Cost of errors", Value: number(c.Model.Total),
		Note: fmt.Sprintf("%d false positives, %d false negatives; baseline %s", c.Model.FalsePositives, c.Model.FalseNegatives, number(c.Baseline.Total)),
	}
}
