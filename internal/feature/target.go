package feature

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// MaxClasses is the most classes a multiclass target may have.
const MaxClasses = 1000

// Target is the fitted target: how a column of the dataset becomes the numbers a
// learner reads, and what the outputs of a model stand for.
type Target struct {
	Column  string        `json:"column"`
	Kind    string        `json:"kind"` // "number" or "text", of the column
	Task    pipeline.Task `json:"task"`
	Classes []string      `json:"classes,omitempty"` // sorted (numbers by value); binary: [negative, positive]
}

// FitTarget learns the target from all training rows, once a run: which classes
// exist is part of the problem, so folds share it.
//
// Classes of a number column are printed as "1" or "2.5"; booleans arrive as
// numbers, so they are "0" and "1". The positive class of a binary target is
// problem.Positive ("true" and "false" stand for 1 and 0), else "true", "1" or
// "yes" in any case, else the later in order.
//
// Errors: DatasetEmpty, and TargetInvalid for a target that is missing, not
// finite, constant, of one class, of more than 2 (binary) or MaxClasses
// classes, or a text or time where a number is needed.
func FitTarget(problem pipeline.Problem, column *frame.Column) (*Target, error) {
	var seen TargetRows
	seen.Add(column)
	return seen.Fit(problem)
}

// Values returns what a learner reads: the number itself, or the index of the
// class. Errors are TargetInvalid: missing, infinite, or a class that no training
// row has.
func (t *Target) Values(column *frame.Column) ([]float64, error) {
	if column.Kind.String() != t.Kind {
		return nil, t.invalid("is a %s where it was a %s in training", column.Kind, t.Kind).WithRemedy("give the target one type in dataset.sql")
	}
	var rows TargetRows
	rows.count(column)
	if err := rows.complete(t); err != nil {
		return nil, err
	}
	if t.Task == pipeline.Regression {
		return slices.Clone(column.Numbers), nil
	}
	index := make(map[string]float64, len(t.Classes))
	for i, c := range t.Classes {
		index[c] = float64(i)
	}
	unseen := func(class string) error {
		return t.invalid("has class %q in a row, which no training row has", class).WithRemedy("merge rare classes in dataset.sql, or split so that every class is trained on")
	}
	if column.Kind == frame.Text {
		out := make([]float64, len(column.Codes))
		for i, code := range column.Codes {
			v, ok := index[column.Dict[code]]
			if !ok {
				return nil, unseen(column.Dict[code])
			}
			out[i] = v
		}
		return out, nil
	}
	byNumber := make(map[float64]float64, len(t.Classes))
	out := make([]float64, len(column.Numbers))
	for i, number := range column.Numbers {
		v, ok := byNumber[number]
		if !ok {
			if v, ok = index[ClassName(number)]; !ok {
				return nil, unseen(ClassName(number))
			}
			byNumber[number] = v
		}
		out[i] = v
	}
	return out, nil
}

// orient puts the positive class last.
func (t *Target) orient(positive string) error {
	at := -1
	if positive != "" {
		if t.Kind == "number" {
			switch {
			case strings.EqualFold(positive, "true"):
				positive = "1"
			case strings.EqualFold(positive, "false"):
				positive = "0"
			default:
				if v, err := strconv.ParseFloat(positive, 64); err == nil {
					positive = ClassName(v)
				}
			}
		}
		if at = slices.Index(t.Classes, positive); at < 0 {
			return t.invalid("has no class %q; it has %s", positive, few(t.Classes)).WithRemedy("set problem.positive to one of them")
		}
	}
	for i, c := range t.Classes {
		if lower := strings.ToLower(c); at < 0 && (lower == "true" || lower == "1" || lower == "yes") {
			at = i
		}
	}
	if at == 0 {
		t.Classes[0], t.Classes[1] = t.Classes[1], t.Classes[0]
	}
	return nil
}

func (t *Target) invalid(message string, args ...any) *fault.Error {
	return fault.New(fault.TargetInvalid, "target %q %s", t.Column, fmt.Sprintf(message, args...))
}

// ClassName writes a class that is a number: "1", "2.5"; -0 is "0".
func ClassName(v float64) string {
	format := byte('f')
	if math.Abs(v) >= 1e15 {
		format = 'g'
	}
	return strconv.FormatFloat(v+0, format, -1, 64)
}

func few(classes []string) string {
	if len(classes) > 8 {
		return fmt.Sprintf("%s and %d more", strings.Join(classes[:8], ", "), len(classes)-8)
	}
	return strings.Join(classes, ", ")
}
