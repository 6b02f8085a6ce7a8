package evaluation

import (
	"math"

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
//
// Errors: DatasetEmpty without rows; TrainingFailed for a prediction or a score
// that is not finite; Internal for lengths or classes that do not fit.
func Score(task pipeline.Task, y, predictions []float64, classes int) (*Scores, error) {
	outputs := max(1, classes)
	switch {
	case len(y) == 0:
		return nil, fault.New(fault.DatasetEmpty, "no rows to evaluate on").WithRemedy("give split.validation and split.test a larger share")
	case len(predictions) != len(y)*outputs || (task == pipeline.Regression) != (classes == 0) || task == pipeline.Binary && classes != 2:
		return nil, fault.New(fault.Internal, "%d predictions of %d classes for %d rows of a %s problem", len(predictions), classes, len(y), task)
	}
	for i, p := range predictions {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return nil, fault.New(fault.TrainingFailed, "the prediction for row %d is not finite", i/outputs).WithRemedy("look for extreme values in that row; clip or log1p the features")
		}
	}
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) || classes > 0 && (v < 0 || v >= float64(classes) || v != math.Trunc(v)) {
			return nil, fault.New(fault.Internal, "target %v in row %d of a %s problem of %d classes", v, i, task, classes)
		}
	}
	s := &Scores{Values: map[string]float64{}}
	switch task {
	case pipeline.Regression:
		regression(s, y, predictions)
	case pipeline.Binary:
		binary(s, y, predictions)
	default:
		multiclass(s, y, predictions, classes)
	}
	for name, v := range s.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fault.New(fault.TrainingFailed, "%s is not finite", name).WithRemedy("look for extreme values of the target and the predictions")
		}
	}
	return s, nil
}

// sum adds f(0) … f(n-1) with compensation (Neumaier 1974), in order.
func sum(n int, f func(int) float64) float64 {
	s, lost := 0.0, 0.0
	for i := range n {
		v := f(i)
		t := s + v
		if math.Abs(s) >= math.Abs(v) {
			lost += (s - t) + v
		} else {
			lost += (v - t) + s
		}
		s = t
	}
	return s + lost
}

func average(n int, f func(int) float64) float64 { return sum(n, f) / float64(n) }
