package quality

import (
	"context"
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/table"
)

// quantiles measures the columns of rules of quantile, each column in a scan of its own.
func (m *measurement) quantiles(ctx context.Context) error {
	of := map[string][]int{} // checks by column
	var order []string
	for i := range m.checks {
		if c := &m.checks[i]; c.name == "quantile" {
			name := c.rule.Column
			if of[name] == nil {
				order = append(order, name)
			}
			of[name] = append(of[name], i)
		}
	}
	for _, name := range order {
		var between []place
		values, err := table.Ranked[float64](ctx, m.engine, fmt.Sprintf("SELECT v FROM (SELECT CAST(%s AS DOUBLE) AS v FROM %s) WHERE isfinite(v)", table.Ident(name), table.Scan(m.in)), func(n int64) (ranks []int64) {
			for _, i := range of[name] {
				if n > 0 {
					p := placeOf(m.checks[i].rule.Quantile.P, n)
					between, ranks = append(between, p), append(ranks, p.below, p.above)
				}
			}
			return ranks
		})
		if err != nil {
			return err
		}
		for k, p := range between {
			m.figures[of[name][k]] = p.value(values[2*k], values[2*k+1])
		}
	}
	return nil
}

// place is where a quantile is among n values in ascending order, from 0: between two
// neighbours, or at one that is both.
type place struct {
	below, above int64
	weight       float64 // of above
}

// placeOf is the place of quantile p as R's seventh definition and the engine's
// quantile_cont have it (Hyndman and Fan, 1996).
func placeOf(p float64, n int64) place {
	at := float64(n-1) * p
	return place{int64(math.Floor(at)), int64(math.Ceil(at)), at - math.Floor(at)}
}

func (p place) value(below, above float64) float64 {
	if p.below == p.above {
		return below
	}
	return below*(1-p.weight) + above*p.weight
}

// tenths are the values below which there are one, two and up to nine tenths of those of
// a SELECT.
func tenths(ctx context.Context, e *table.Engine, sql string) ([]float64, error) {
	return table.Ranked[float64](ctx, e, sql, func(n int64) (ranks []int64) {
		for k := int64(1); k < 10 && n > 0; k++ {
			ranks = append(ranks, (n*k+9)/10-1)
		}
		return ranks
	})
}
