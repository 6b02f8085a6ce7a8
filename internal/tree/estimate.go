package tree

import (
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/memory"
)

// Estimate returns about how many bytes a fit needs besides the matrix itself:
// bins, gradients, scores and histograms, at most.
func Estimate(rows, heldRows, columns int, weighted bool, s *Settings) int64 {
	l, outputs := lossOf(s, 0), int64(1)
	if s.Loss == Softmax {
		outputs = int64(s.Classes)
	}
	n, held, width := int64(rows), int64(heldRows), int64(columns)
	bytes := n*(2*width+8+8*outputs) + held*(width+8*outputs)
	histogram := width * slots * 8
	if !l.flat() || weighted {
		bytes += 4 * n
		histogram *= 2
	}
	if s.Loss == Softmax {
		bytes += 4 * outputs * (n + held)
	}
	if !math.IsNaN(l.renews()) {
		bytes += 24 * n // residuals, sorted
	}
	leaves := min(int64(s.MaxLeaves), n/int64(s.MinSamplesLeaf)+1)
	if s.MaxDepth < 31 {
		leaves = min(leaves, int64(1)<<(s.MaxDepth-1))
	}
	return bytes + (leaves+1)*histogram
}

// Affordable refuses a fit that needs more memory than this process may have. Errors
// are ResourceExhausted.
func Affordable(d Table, held *Table, s *Settings) error {
	if err := check(d.X); err != nil {
		return err
	}
	heldRows := 0
	if held != nil {
		heldRows = held.X.Rows
	}
	need := Estimate(d.X.Rows, heldRows, len(d.X.Features), d.Weights != nil, s)
	if err := memory.Affordable(fmt.Sprintf("boosted_trees on %d rows of %d columns", d.X.Rows, len(d.X.Features)), need); err != nil {
		return err.WithRemedy("lower max_depth or max_leaves, sample the rows in dataset.sql, or raise GOMEMLIMIT")
	}
	return nil
}
