package split

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Fold is one round of cross-validation: rows to learn from and rows held out,
// as indices into the frame, ascending.
type Fold struct {
	Train, Held []int32
}

// Folds deals the rows of a part written by Apply (f must hold RowColumn) to k
// folds. Every row is held exactly once; rows with equal keys are held together;
// which fold holds a row depends on its key and the seed alone.
//
// Faults: PipelineInvalid (k below 2), ColumnMissing, DatasetEmpty (a fold that
// would hold no row).
func Folds(f *frame.Frame, k int, seed int64) ([]Fold, error) {
	if k < 2 {
		return nil, fault.New(fault.PipelineInvalid, "train.folds is %d", k).WithRemedy("use 2 or more")
	}
	column := f.Column(RowColumn)
	if column == nil || column.Kind != frame.Number {
		return nil, fault.New(fault.ColumnMissing, "the rows to cross-validate have no column %s", RowColumn).WithRemedy("read it with the split's other columns")
	}
	dealt := make([]int32, f.Rows)
	sizes := make([]int, k)
	for i, row := range column.Numbers {
		if !(row >= 0 && row < 1<<53 && row == math.Trunc(row)) {
			return nil, fault.New(fault.Internal, "row %d has %s = %v", i, RowColumn, row)
		}
		dealt[i] = int32(mix(uint64(row)+mix(uint64(seed))) % uint64(k))
		sizes[dealt[i]]++
	}
	folds := make([]Fold, k)
	for h := range folds {
		if sizes[h] == 0 || sizes[h] == f.Rows {
			return nil, fault.New(fault.DatasetEmpty, "fold %d of %d has no rows to hold or to learn from: %d rows in all", h+1, k, f.Rows).
				WithRemedy("collect more rows, use fewer folds, or a key that more rows differ in")
		}
		folds[h] = Fold{Train: make([]int32, 0, f.Rows-sizes[h]), Held: make([]int32, 0, sizes[h])}
		for i, d := range dealt {
			if int(d) == h {
				folds[h].Held = append(folds[h].Held, int32(i))
			} else {
				folds[h].Train = append(folds[h].Train, int32(i))
			}
		}
	}
	return folds, nil
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of
// the result depends on every bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
