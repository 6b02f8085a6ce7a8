package feature

import (
	"cmp"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// TargetRows are what FitTarget must know of the target's column, for rows that are
// seen some at a time: its memory does not grow with them.
type TargetRows struct {
	name    string
	kind    frame.Kind
	rows    int
	missing int
	endless int // infinite

	low, high float64
	numbers   map[float64]bool // up to one more than MaxClasses
	texts     map[string]bool
}

// Add takes the target of more rows.
func (r *TargetRows) Add(column *frame.Column) {
	r.count(column)
	if column.Kind == frame.Text {
		r.addTexts(column)
		return
	}
	if r.numbers == nil {
		r.numbers, r.low, r.high = map[float64]bool{}, math.Inf(1), math.Inf(-1)
	}
	last := math.NaN()
	for _, v := range column.Numbers {
		r.low, r.high = min(r.low, v), max(r.high, v)
		if v != last && len(r.numbers) <= MaxClasses {
			r.numbers[v] = true
		}
		last = v
	}
}

func (r *TargetRows) addTexts(column *frame.Column) {
	if r.texts == nil {
		r.texts = map[string]bool{}
	}
	seen := make([]bool, len(column.Dict))
	for _, code := range column.Codes {
		if code != frame.MissingCode && !seen[code] && len(r.texts) <= MaxClasses {
			seen[code], r.texts[column.Dict[code]] = true, true
		}
	}
}

// count looks for rows without a target.
func (r *TargetRows) count(column *frame.Column) {
	r.name, r.kind = column.Name, column.Kind
	r.rows += len(column.Numbers) + len(column.Codes)
	for i := range max(len(column.Numbers), len(column.Codes)) {
		switch {
		case column.Missing(i), column.Kind == frame.Text && column.Dict[column.Codes[i]] == "":
			r.missing++
		case column.Kind == frame.Number && math.IsInf(column.Numbers[i], 0):
			r.endless++
		}
	}
}

// Fit is FitTarget of all rows that were added.
func (r *TargetRows) Fit(problem pipeline.Problem) (*Target, error) {
	t := &Target{Column: cmp.Or(r.name, problem.Target), Kind: r.kind.String(), Task: problem.Task}
	if r.kind == frame.Time || r.kind == frame.Text && problem.Task == pipeline.Regression {
		return nil, t.invalid("is a %s, which %s cannot predict", r.kind, problem.Task).WithRemedy("derive a number or a class from it in dataset.sql, or change problem.task")
	}
	if r.rows == 0 {
		return nil, fault.New(fault.DatasetEmpty, "no rows to fit target %q on", t.Column).WithRemedy("check the split's shares and the dataset's row count")
	}
	if err := r.complete(t); err != nil {
		return nil, err
	}
	if problem.Task == pipeline.Regression {
		if r.low == r.high {
			return nil, t.invalid("is %v in every row", r.low).WithRemedy("choose a target that varies, or widen dataset.sql")
		}
		return t, nil
	}
	var err error
	if t.Classes, err = r.classes(t); err != nil {
		return nil, err
	}
	if problem.Task == pipeline.Binary {
		err = t.orient(problem.Positive)
	}
	return t, err
}

// complete refuses missing and infinite values.
func (r *TargetRows) complete(t *Target) error {
	if r.missing+r.endless == 0 {
		return nil
	}
	return t.invalid("is missing in %d rows and infinite in %d", r.missing, r.endless).
		WithRemedy("leave such rows out in dataset.sql, or quarantine them with the rules not_null and finite")
}

func (r *TargetRows) classes(t *Target) ([]string, error) {
	var classes []string
	for text := range r.texts {
		classes = append(classes, text)
	}
	slices.Sort(classes)
	numbers := make([]float64, 0, len(r.numbers))
	for v := range r.numbers {
		numbers = append(numbers, v)
	}
	slices.Sort(numbers)
	for _, v := range numbers {
		classes = append(classes, ClassName(v))
	}
	switch n := len(classes); {
	case n == 1:
		return nil, t.invalid("is %q in every row", classes[0]).WithRemedy("choose a target that varies, or widen dataset.sql")
	case n > MaxClasses:
		return nil, t.invalid("has more than %d classes", MaxClasses).WithRemedy("set problem.task to regression if it is a quantity, or merge classes in dataset.sql")
	case n > 2 && t.Task == pipeline.Binary:
		return nil, t.invalid("has %d classes (%s), where binary has 2", n, few(classes)).WithRemedy("set problem.task to multiclass, or merge classes in dataset.sql")
	}
	return classes, nil
}
