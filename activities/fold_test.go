package activities

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
)

// Each repeat holds every row once, in other company than the repeats before it.
func TestEachRepeatDealsTheRowsAnew(t *testing.T) {
	const rows, folds, repeats = 300, 3, 3
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{{Name: split.RowColumn, Numbers: make([]float64, rows)}}}
	for i := range rows {
		f.Columns[0].Numbers[i] = float64(i)
	}
	for _, outer := range []*OuterFold{nil, {Fold: 1, Folds: 2}} {
		held := [repeats][rows]int{} // the fold that holds a row, from 1
		for k := range folds * repeats {
			p := FitParams{Folds: folds, Fold: k, Seed: 5, Split: pipeline.Split{Method: "random"}, Outer: outer}
			fold, err := p.fold(f)
			require.NoError(t, err)
			again, err := p.fold(f)
			require.NoError(t, err)
			require.Equal(t, fold, again)
			for _, row := range fold.Held {
				require.Zero(t, held[k/folds][row], "row %d is held twice in repeat %d", row, k/folds)
				require.False(t, slices.Contains(fold.Train, row))
				held[k/folds][row] = k%folds + 1
			}
		}
		for r := 1; r < repeats; r++ {
			for earlier := range r {
				var dealt, alike int
				for row := range rows {
					require.Equal(t, held[earlier][row] > 0, held[r][row] > 0, "every repeat deals the same rows")
					if held[r][row] > 0 {
						dealt++
						if held[r][row] == held[earlier][row] {
							alike++
						}
					}
				}
				require.InDelta(t, 1.0/folds, float64(alike)/float64(dealt), 0.15, "repeats %d and %d: as often in the same fold as chance has it", earlier, r)
			}
		}
	}
}
