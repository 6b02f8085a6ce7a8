package tuning

import (
	"context"
	"slices"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
)

// Prepared are rows ready to be learnt from: features fitted on them, the target,
// and rows held out, if any. It is what all trials on the same rows share, what
// they compute of the rows alone (bins, moments) included; it is safe for
// concurrent use.
type Prepared struct {
	Features *feature.Fitted
	Target   *feature.Target
	problem  pipeline.Problem
	data     model.Data
}

// Columns lists what a fit reads of a table: the plan's columns, the target, the
// weight and what the folds are dealt by, each once.
func Columns(plan []pipeline.Feature, problem pipeline.Problem) []string {
	var columns []string
	for _, f := range plan {
		columns = append(columns, f.Columns...)
	}
	columns = append(columns, problem.Target, split.RowColumn)
	if problem.Weight != "" {
		columns = append(columns, problem.Weight)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// Prepare fits the features of a plan on the rows train of f, and applies them to
// the rows held, which may be none. The classes of the target are those of all
// rows of f: they belong to the problem, not to the fold.
//
// Errors: TrainingFailed where the target is the same in all rows to learn from;
// those of feature's FitTarget and FitApply.
func Prepare(plan []pipeline.Feature, problem pipeline.Problem, f *frame.Frame, train, held []int32) (*Prepared, error) {
	rows, err := targetOf(problem, f)
	if err != nil {
		return nil, err
	}
	seen := pick(rows.y, train)
	if len(seen) > 0 && problem.Task == pipeline.Regression && slices.Min(seen) == slices.Max(seen) {
		return nil, fault.New(fault.TrainingFailed, "target %q is %v in every training row of a fold", problem.Target, seen[0]).WithRemedy("use fewer folds, or collect more rows")
	}
	p, err := prepare(plan, problem, rows.target, f.Take(train), seen, pick(rows.weights, train))
	if err != nil || len(held) == 0 {
		return p, err
	}
	return p, p.hold(f.Take(held), pick(rows.y, held), pick(rows.weights, held))
}

// PrepareAll is Prepare with all rows of f to learn from, and those of held, a
// table of the same columns or nil, to watch.
func PrepareAll(plan []pipeline.Feature, problem pipeline.Problem, f, held *frame.Frame) (*Prepared, error) {
	rows, err := targetOf(problem, f)
	if err != nil {
		return nil, err
	}
	p, err := prepare(plan, problem, rows.target, f, rows.y, rows.weights)
	if err != nil || held == nil {
		return p, err
	}
	y, err := rows.target.Values(held.Column(problem.Target))
	if err != nil {
		return nil, err
	}
	weights, err := WeightsOf(problem, held)
	if err != nil {
		return nil, err
	}
	return p, p.hold(held, y, weights)
}

func prepare(plan []pipeline.Feature, problem pipeline.Problem, target *feature.Target, f *frame.Frame, y, weights []float64) (*Prepared, error) {
	features, x, err := feature.FitApply(plan, f, feature.Supervised(target, y))
	if err != nil {
		return nil, err
	}
	return &Prepared{
		Features: features, Target: target, problem: problem,
		data: model.Data{X: x, Y: y, Weights: weights, Classes: len(target.Classes), Memo: &model.Memo{}},
	}, nil
}

func (p *Prepared) hold(f *frame.Frame, y, weights []float64) error {
	x, err := p.Features.Apply(f)
	if err != nil {
		return err
	}
	p.data.Held = &model.Data{X: x, Y: y, Weights: weights, Classes: p.data.Classes}
	return nil
}

// Bytes is about how much memory the rows take.
func (p *Prepared) Bytes() int64 {
	return 2 * p.data.Bytes() // bins and other things learners keep of them
}

// Memory is model.Footprint of a trial's fit on these rows; 0 for a trial whose learner
// is not ours.
func (p *Prepared) Memory(trial Trial) int64 {
	learner, err := model.For(trial.Kind)
	if err != nil {
		return 0
	}
	return model.Footprint(learner, p.data, model.Settings{Params: trial.Params, Options: trial.Options})
}

// Rows are how many are learnt from, and how many are held out.
func (p *Prepared) Rows() (train, held int) {
	if p.data.Held != nil {
		held = p.data.Held.X.Rows
	}
	return p.data.X.Rows, held
}

// Held are the rows held out, with what they are labelled by; nil if there are none.
func (p *Prepared) Held() *model.Data { return p.data.Held }

// Fit fits a trial; watch, which may be nil, follows it.
func (p *Prepared) Fit(ctx context.Context, trial Trial, seed int64, watch *model.Watch) (*Fit, error) {
	learner, err := model.For(trial.Kind)
	if err != nil {
		return nil, err
	}
	data := p.data
	data.Watch = watch
	settings := model.Settings{Params: trial.Params, Options: trial.Options, Seed: seed}
	if err := model.Affordable(learner, data, settings); err != nil {
		return nil, err
	}
	m, report, err := learner.Fit(ctx, data, settings)
	if err != nil {
		return nil, err
	}
	return &Fit{Features: p.Features, Target: p.Target, Model: m, Report: report}, nil
}

// Predict returns what a model answers for the rows held out, row by row.
func (p *Prepared) Predict(m model.Model) []float64 {
	held := p.data.Held.X
	out := make([]float64, held.Rows*m.Outputs())
	m.Predict(held, out)
	return out
}

// Score is how a model does on the rows held out: every metric of the task that
// they define, the problem's among them.
func (p *Prepared) Score(m model.Model) (map[string]float64, error) {
	held := p.data.Held
	return Score(p.problem, held.Y, p.Predict(m), held.Weights, p.data.Classes)
}

// Score is Score of answers that are there already, to rows labelled y: values, or
// indices of classes; weights are those of the rows, nil for 1 each.
func Score(problem pipeline.Problem, y, predictions, weights []float64, classes int) (map[string]float64, error) {
	scores, err := evaluation.ScoreWeighted(problem.Task, y, predictions, weights, classes)
	if err != nil {
		return nil, err
	}
	if why, missing := scores.Undefined[problem.Metric]; missing {
		return nil, fault.New(fault.TrainingFailed, "%s cannot be computed on a fold: %s", problem.Metric, why).
			WithRemedy("use fewer folds or another problem.metric, or collect more rows")
	}
	return scores.Values, nil
}

// labelled are the target and the weights of rows.
type labelled struct {
	target     *feature.Target
	y, weights []float64
}

func targetOf(problem pipeline.Problem, f *frame.Frame) (*labelled, error) {
	column := f.Column(problem.Target)
	if column == nil {
		return nil, fault.New(fault.ColumnMissing, "the training rows have no column %q, the target", problem.Target)
	}
	target, err := feature.FitTarget(problem, column)
	if err != nil {
		return nil, err
	}
	y, err := target.Values(column)
	if err != nil {
		return nil, err
	}
	weights, err := WeightsOf(problem, f)
	return &labelled{target, y, weights}, err
}

// WeightsOf is the column of the problem's weights, nil if it has none.
func WeightsOf(problem pipeline.Problem, f *frame.Frame) ([]float64, error) {
	if problem.Weight == "" {
		return nil, nil
	}
	column := f.Column(problem.Weight)
	if column == nil || column.Kind != frame.Number {
		return nil, fault.New(fault.ColumnMissing, "the rows have no column of numbers %q, their weight", problem.Weight)
	}
	return column.Numbers, nil
}

// pick returns the values of the given rows, nil of none.
func pick(values []float64, rows []int32) []float64 {
	if values == nil {
		return nil
	}
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}
