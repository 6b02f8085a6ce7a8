package feature

import (
	"math"
	"math/rand/v2"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// labels are the targets of the training rows.
type labels struct {
	task   pipeline.Task
	values []float64 // numbers, or indices of classes
	count  int       // of classes; 0 for a regression
}

func labelsOf(t *Target, y []float64) *labels {
	return &labels{task: t.Task, values: y, count: len(t.Classes)}
}

// classes is the number of outputs of a target encoder.
func (fit *fitting) classes() int {
	if fit.labels != nil && fit.labels.task == pipeline.Multiclass {
		return fit.labels.count
	}
	return 1
}

// of returns the number to average: the target itself, or for one of several
// classes 1 where the row has it.
func (l *labels) of(class int) []float64 {
	if l.task != pipeline.Multiclass {
		return l.values
	}
	y := make([]float64, len(l.values))
	for i, v := range l.values {
		if int(v) == class {
			y[i] = 1
		}
	}
	return y
}

// target fits the encodings on all rows: what Apply uses.
func (fit *fitting) target(e pipeline.TargetEncode, p planned, chain *Chain, categories []string) (Step, error) {
	if fit.labels == nil {
		return Step{}, fault.New(fault.Internal, "feature %q: target_encode is fitted without the target", p.column)
	}
	if fit.labels.task == pipeline.Regression && infinite(fit.labels.values) >= 0 {
		return Step{}, overflowError(p.name)
	}
	codes := fit.codes(p.column, chain, categories)
	y := fit.labels.of(p.class)
	encodings, overall := encodings(codes, y, len(categories)+1, e.Smoothing, nil, 0)
	state := &ValuesState{Of: "target", Categories: categories, Values: encodings[1:], Missing: encodings[0], Other: overall, Unknown: refusing(e.Unknown)}
	if !isFinite(encodings...) || !isFinite(overall) {
		return Step{}, overflowError(p.name)
	}
	return Step{Values: state}, nil
}

// codes gives each training row the place of its text among categories, from 1,
// and 0 where it is missing.
func (fit *fitting) codes(column string, chain *Chain, categories []string) []int32 {
	c := fit.frame.Column(column)
	at := make(map[string]int32, len(categories))
	for i, text := range categories {
		at[text] = int32(i + 1)
	}
	imputed := func(text string) string {
		if text == "" && len(chain.Steps) > 0 && chain.Steps[0].Impute != nil {
			return *chain.Steps[0].Impute.Text
		}
		return text
	}
	table := make([]int32, len(c.Dict))
	for i, text := range c.Dict {
		table[i] = at[imputed(text)]
	}
	missing := at[imputed("")]
	codes := make([]int32, len(c.Codes))
	for i, code := range c.Codes {
		if codes[i] = missing; code != frame.MissingCode {
			codes[i] = table[code]
		}
	}
	return codes
}

// encodings returns the smoothed mean of y of each of n categories and the mean
// of all, leaving out the rows of one fold (none if folds is nil). A category
// without rows has the mean of all. Formulas of scikit-learn's TargetEncoder:
// with a weight m, (Σy + m·mean)/(count + m); without one, λ·mean_c + (1-λ)·mean
// with λ = V·n/(V·n + v), V the variance of y and v that within the category
// (Micci-Barreca 2001, equations 5 to 7).
func encodings(codes []int32, y []float64, n int, smoothing *float64, folds []uint8, left uint8) (values []float64, overall float64) {
	sums, counts := make([]float64, n), make([]float64, n)
	total, rows := 0.0, 0.0
	each := func(f func(code int32, y float64)) {
		for i, c := range codes {
			if folds == nil || folds[i] != left {
				f(c, y[i])
			}
		}
	}
	each(func(_ int32, v float64) { total += v; rows++ })
	if rows == 0 {
		return sums, 0
	}
	overall = total / rows
	each(func(c int32, v float64) { sums[c] += v - overall; counts[c]++ }) // centred: digits are not lost
	values = make([]float64, n)
	if smoothing != nil {
		for c := range values {
			values[c] = overall
			if counts[c] > 0 {
				values[c] = overall + sums[c]/(counts[c]+*smoothing)
			}
		}
		return values, overall
	}
	variance, within := 0.0, make([]float64, n)
	each(func(c int32, v float64) {
		variance += (v - overall) * (v - overall)
		d := v - overall - sums[c]/counts[c]
		within[c] += d * d
	})
	variance /= rows
	for c := range values {
		values[c] = overall
		if counts[c] == 0 {
			continue
		}
		if lambda := variance * counts[c] / (variance*counts[c] + within[c]/counts[c]); lambda == lambda {
			values[c] = overall + lambda*sums[c]/counts[c]
		}
	}
	return values, overall
}

// crossFit replaces the encoded values of the training rows by encodings fitted
// on the rows of the other folds.
func (fit *fitting) crossFit(p planned, chain Chain, values []float64) {
	var e pipeline.TargetEncode
	for _, t := range p.steps {
		if t.TargetEncode != nil {
			e = *t.TargetEncode
		}
	}
	categories := chain.encoder().Values.Categories
	codes := fit.codes(p.column, &chain, categories)
	y := fit.labels.of(p.class)
	folds := fit.labels.folds(e.Folds, e.Seed)
	for fold := range uint8(e.Folds) {
		held, _ := encodings(codes, y, len(categories)+1, e.Smoothing, folds, fold)
		for i, f := range folds {
			if f == fold {
				values[i] = held[codes[i]]
			}
		}
	}
}

// folds deals the rows to folds at random, class by class where there are
// classes, from the seed and the order of the rows alone.
func (l *labels) folds(n int, seed int64) []uint8 {
	order := rand.New(rand.NewPCG(uint64(seed), 0x7461726765740000)).Perm(len(l.values))
	dealt := make([]uint8, len(l.values))
	next := make([]int, max(1, l.count))
	for _, row := range order {
		class := 0
		if l.count > 0 {
			class = int(math.Max(0, math.Min(l.values[row], float64(l.count-1))))
		}
		dealt[row] = uint8(next[class] % n)
		next[class]++
	}
	return dealt
}
