package split

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Fold is one round of cross-validation: rows to learn from and rows held out,
// as indices into the frame, ascending.
type Fold struct {
	Train, Held []int32
}

// FoldsOf deals the rows of a part as its split was made: by Folds, which keeps
// groups together and deals each stratum by itself, since RowColumn does; by
// TimeFolds if the split was by time.
func FoldsOf(f *frame.Frame, k int, seed int64, spec pipeline.Split) ([]Fold, error) {
	if spec.Method != "time" {
		return Folds(f, k, seed)
	}
	gap := int64(0)
	if spec.Gap != "" {
		d, err := pipeline.ParseDuration(spec.Gap)
		if err != nil {
			return nil, fault.Wrap(err, fault.PipelineInvalid, "split.gap").WithRemedy("write a duration such as 24h or 7d")
		}
		gap = d.Microseconds()
	}
	return TimeFolds(f, k, gap)
}

// TimeFolds deals rows, in order of RowColumn, to k+1 blocks as equal as ties
// allow, and holds each but the first in turn, learning from all rows before it:
// scikit-learn's TimeSeriesSplit. Rows less than gap before a held block are left
// out. Rows of one moment are never apart.
//
// Faults: Folds'.
func TimeFolds(f *frame.Frame, k int, gap int64) ([]Fold, error) {
	column, err := rowColumn(f, k)
	if err != nil {
		return nil, err
	}
	moments := slices.Clone(column.Numbers)
	slices.Sort(moments)
	starts := make([]float64, k+1) // of the held blocks, and beyond the last
	for h := range k {
		if f.Rows > 0 {
			starts[h] = moments[min(f.Rows-1, (h+1)*f.Rows/(k+1))]
		}
	}
	starts[k] = math.Inf(1)
	folds := make([]Fold, k)
	for h := range folds {
		for i, at := range column.Numbers {
			switch {
			case at >= starts[h] && at < starts[h+1]:
				folds[h].Held = append(folds[h].Held, int32(i))
			case at < starts[h]-float64(gap):
				folds[h].Train = append(folds[h].Train, int32(i))
			}
		}
		if len(folds[h].Held) == 0 || len(folds[h].Train) == 0 {
			return nil, fault.New(fault.DatasetEmpty, "fold %d of %d, by time, has no rows to hold or to learn from: %d rows in all", h+1, k, f.Rows).
				WithRemedy("collect more rows, use fewer folds or a smaller gap, or an event time that more rows differ in")
		}
	}
	return folds, nil
}

func rowColumn(f *frame.Frame, k int) (*frame.Column, error) {
	if k < 2 {
		return nil, fault.New(fault.PipelineInvalid, "train.folds is %d", k).WithRemedy("use 2 or more")
	}
	column := f.Column(RowColumn)
	if column == nil || column.Kind != frame.Number {
		return nil, fault.New(fault.ColumnMissing, "the rows to cross-validate have no column %s", RowColumn).WithRemedy("read it with the split's other columns")
	}
	return column, nil
}

// Folds deals the rows of a part written by Apply (f must hold RowColumn) to k
// folds. Every row is held exactly once; rows with equal keys are held together;
// which fold holds a row depends on its key and the seed alone.
//
// Faults: PipelineInvalid (k below 2), ColumnMissing, DatasetEmpty (a fold that
// would hold no row).
func Folds(f *frame.Frame, k int, seed int64) ([]Fold, error) {
	column, err := rowColumn(f, k)
	if err != nil {
		return nil, err
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

// Sample returns the given share of rows, indices into f, which must hold
// RowColumn: the same rows whatever others there are, and those of a smaller share
// among those of a larger one. Rows of one group or moment stay together.
func Sample(f *frame.Frame, rows []int32, share float64) ([]int32, error) {
	if share >= 1 {
		return rows, nil
	}
	column, err := rowColumn(f, 2)
	if err != nil {
		return nil, err
	}
	out := make([]int32, 0, int(share*float64(len(rows)))+1)
	for _, i := range rows {
		if float64(mix(math.Float64bits(column.Numbers[i])^sampleSalt)>>11)/(1<<53) < share {
			out = append(out, i)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.DatasetEmpty, "no row is left of %d where a fit learns from %.3g of them", len(rows), share).
			WithRemedy("use another train.search.method: there are too few rows for halving")
	}
	return out, nil
}

// sampleSalt keeps the choice of Sample apart from that of Folds.
const sampleSalt = 0x5e37a1c9d2b46f80

// FoldsWithin is FoldsOf for some rows of f, nil for all; the folds' indices are
// those of f.
func FoldsWithin(f *frame.Frame, rows []int32, k int, seed int64, spec pipeline.Split) ([]Fold, error) {
	if rows == nil {
		return FoldsOf(f, k, seed, spec)
	}
	column, err := rowColumn(f, k)
	if err != nil {
		return nil, err
	}
	within := &frame.Frame{Rows: f.Rows, Columns: []frame.Column{*column}}
	folds, err := FoldsOf(within.Take(rows), k, seed, spec)
	for _, fold := range folds {
		for _, part := range [][]int32{fold.Train, fold.Held} {
			for i, at := range part {
				part[i] = rows[at]
			}
		}
	}
	return folds, err
}
