package evaluation

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Scores are metrics by name, and the reasons of those that the rows cannot
// define.
type Scores struct {
	Values    map[string]float64 `json:"values"`
	Undefined map[string]string  `json:"undefined,omitempty"`
}

func (s *Scores) undefined(reason string, metrics ...string) {
	if s.Undefined == nil {
		s.Undefined = map[string]string{}
	}
	for _, m := range metrics {
		s.Undefined[m] = reason
	}
}

// Compute returns every metric of the task that is defined: y holds the value or
// the class index of each row, predictions the value of each row, or its
// probabilities, classes of them, row by row.
func Compute(task pipeline.Task, y, predictions []float64, classes int) (map[string]float64, error) {
	s, err := Score(task, y, predictions, classes)
	if err != nil {
		return nil, err
	}
	return s.Values, nil
}

// Score is Compute with the reasons of the metrics left out.
func Score(task pipeline.Task, y, predictions []float64, classes int) (*Scores, error) {
	return ScoreWeighted(task, y, predictions, nil, classes)
}

// ScoreWeighted is Score where rows count as much as their weights say, one a
// row; nil is 1 each, and a row of weight 0 is as if it were not there.
//
// Errors: DatasetEmpty without rows, or if all weigh nothing; TrainingFailed for
// a prediction or a score that is not finite; TypeMismatch for a weight that is
// negative or not finite; Internal for lengths or classes that do not fit.
func ScoreWeighted(task pipeline.Task, y, predictions, weights []float64, classes int) (*Scores, error) {
	return Sample{Task: task, Classes: classes, Y: y, P: predictions, Weights: weights}.score()
}

// Sample is the rows that one model's metrics are computed from.
type Sample struct {
	Task    pipeline.Task
	Classes int       // 0 for a regression
	Y       []float64 // value or class index of each row
	P       []float64 // value of each row, or Classes probabilities a row
	Weights []float64 // nil: 1 each

	// Decision, for binary, adds cost and the metrics "…_at_threshold".
	Decision *Decision
}

func (s Sample) score() (*Scores, error) {
	p, err := prepare(s)
	if err != nil {
		return nil, err
	}
	return p.point()
}

// prepared is a sample whose sorting and logarithms are done, so that it can be
// scored under many weightings: that of the problem, and those of a bootstrap.
type prepared struct {
	Sample
	weights []float64 // never nil

	errors            []float64 // regression: |y - p|
	center            float64   // regression: a value of y near its mean
	loss              []float64 // classes: log loss of each row
	hard              []int32   // classes: the most probable, the first of equals
	order             []int32   // regression: by errors; binary: by falling probability
	above             []bool    // binary: order[i] has another probability than order[i-1]
	ranks             []int32   // multiclass: classes more probable than the actual one
	bins              []uint16  // regression, binary: of many rows, the bin of like rank each is in
	binRows, binCount int
	orders            [][]int32 // multiclass: of each class, by falling probability; nil if they are too many
}

func prepare(s Sample) (*prepared, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p := &prepared{Sample: s, weights: s.Weights}
	if p.weights == nil {
		p.weights = make([]float64, len(s.Y))
		for i := range p.weights {
			p.weights[i] = 1
		}
	}
	switch s.Task {
	case pipeline.Regression:
		p.prepareRegression()
	case pipeline.Binary:
		p.prepareBinary()
	default:
		p.prepareMulticlass()
	}
	return p, nil
}

func (s Sample) check() error {
	outputs := max(1, s.Classes)
	switch {
	case len(s.Y) == 0:
		return fault.New(fault.DatasetEmpty, "no rows to evaluate on").WithRemedy("give split.validation and split.test a larger share")
	case len(s.P) != len(s.Y)*outputs || (s.Task == pipeline.Regression) != (s.Classes == 0) || s.Task == pipeline.Binary && s.Classes != 2,
		s.Weights != nil && len(s.Weights) != len(s.Y):
		return fault.New(fault.Internal, "%d predictions of %d classes and %d weights for %d rows of a %s problem", len(s.P), s.Classes, len(s.Weights), len(s.Y), s.Task)
	}
	for i, p := range s.P {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return fault.New(fault.TrainingFailed, "the prediction for row %d is not finite", i/outputs).WithRemedy("look for extreme values in that row; clip or log1p the features")
		}
	}
	for i, v := range s.Y {
		if math.IsNaN(v) || math.IsInf(v, 0) || s.Classes > 0 && (v < 0 || v >= float64(s.Classes) || v != math.Trunc(v)) {
			return fault.New(fault.Internal, "target %v in row %d of a %s problem of %d classes", v, i, s.Task, s.Classes)
		}
	}
	return checkWeights(s.Weights)
}

func checkWeights(weights []float64) error {
	total := 0.0
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fault.New(fault.TypeMismatch, "row %d has weight %v", i, w).WithRemedy("a weight is a number of 0 or more: mend it in dataset.sql")
		}
		total += w
	}
	if weights != nil && total == 0 {
		return fault.New(fault.DatasetEmpty, "every row to evaluate on has weight 0").WithRemedy("look at problem.weight, or give split.validation and split.test other rows")
	}
	return nil
}

// point is the scores under the weights of the problem.
func (p *prepared) point() (*Scores, error) {
	s := p.under(p.weights, true)
	for name, v := range s.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fault.New(fault.TrainingFailed, "%s is not finite", name).WithRemedy("look for extreme values of the target and the predictions")
		}
	}
	return s, nil
}

// under computes the metrics under weights w, one a row. Unless whole, as in the
// draws of a bootstrap, metrics by rank are computed from bins of like rank, and those that
// would take unreasonable time are left out.
func (p *prepared) under(w []float64, whole bool) *Scores {
	s := &Scores{Values: make(map[string]float64, 24)}
	switch p.Task {
	case pipeline.Regression:
		p.regression(s, w, whole)
	case pipeline.Binary:
		p.binary(s, w, whole)
	default:
		p.multiclass(s, w, whole)
	}
	return s
}

// maxRankBins is how many bins of like rank a draw of many rows is summed in: the
// rank of a row within its bin moves an area by less than a part in ten thousand,
// far within the interval it is for.
const maxRankBins = 8192

func (p *prepared) binned() bool { return p.bins != nil }

// bin deals the rows to bins of equal rows in p.order; ties, where above marks
// their ends, stay together. Few rows need no bins.
func (p *prepared) bin(above []bool) {
	n := len(p.order)
	if n <= maxRankBins {
		return
	}
	p.bins, p.binRows = make([]uint16, n), (n+maxRankBins-1)/maxRankBins
	bin, end := 0, p.binRows
	for k, i := range p.order {
		if k >= end && (above == nil || above[k]) {
			bin, end = bin+1, k+p.binRows
		}
		p.bins[i] = uint16(bin)
	}
	p.binCount = bin + 1
}

// sortRows orders rows by a key, equal ones by their place.
func sortRows(rows []int32, key func(int32) float64) {
	slices.SortFunc(rows, func(a, b int32) int {
		if x, y := key(a), key(b); x < y {
			return -1
		} else if x > y {
			return 1
		}
		return int(a) - int(b)
	})
}

// blockRows is how many terms are added before they join the total: the error of
// a sum then grows with the number of blocks, not of rows.
const blockRows = 512

// total adds f(i) for every row that weighs something, block by block.
func total(w []float64, f func(i int) float64) float64 {
	sum := 0.0
	for from := 0; from < len(w); from += blockRows {
		part := 0.0
		for i, v := range w[from:min(from+blockRows, len(w))] {
			if v > 0 {
				part += v * f(from+i)
			}
		}
		sum += part
	}
	return sum
}

func sumOf(w []float64) float64 { return total(w, func(int) float64 { return 1 }) }

func average(n int, f func(int) float64) float64 {
	sum := 0.0
	for from := 0; from < n; from += blockRows {
		part := 0.0
		for i := from; i < min(from+blockRows, n); i++ {
			part += f(i)
		}
		sum += part
	}
	return sum / float64(n)
}
