package evaluation

import (
	"context"
	"fmt"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Predictor answers for raw columns. Outputs values a row: the number, or the
// probability of each of Classes.
type Predictor interface {
	Classes() []string
	Outputs() int
	Predict(f *frame.Frame, out []float64) error
	Task() pipeline.Task
}

// Contender is a model to be judged.
type Contender struct {
	Name      string // as people read it: "logistic C=0.1"
	Kind      string // "baseline" marks the baseline
	Predictor Predictor
}

// Options are what Evaluate reads. Contenders hold exactly one baseline.
type Options struct {
	Problem    pipeline.Problem
	Gates      []pipeline.Gate // empty: DefaultGates
	Contenders []Contender
	Champion   *Contender // nil: nothing is live
	Validation *frame.Frame
	Test       *frame.Frame
}

// Result is how one model did on some rows.
type Result struct {
	Name      string             `json:"name"`
	Kind      string             `json:"kind"`
	Rows      int                `json:"rows"`
	Scores    map[string]float64 `json:"scores"`
	Undefined map[string]string  `json:"undefined,omitempty"` // why a metric has no value
}

// Decisions.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)

// Evaluation is the verdict, an artifact of the run.
type Evaluation struct {
	Problem      pipeline.Problem `json:"problem"`
	Validation   []Result         `json:"validation"`   // every contender, in order
	ChosenIndex  int              `json:"chosen_index"` // among Validation
	Reason       string           `json:"reason"`       // why it was chosen
	Test         Result           `json:"test"`         // the chosen model, on the test rows
	Baseline     Result           `json:"baseline"`     // on the test rows
	Champion     *Result          `json:"champion,omitempty"`
	ChampionNote string           `json:"champion_note,omitempty"` // why the live model was not compared
	Gates        []GateResult     `json:"gates"`
	Decision     string           `json:"decision"`         // Accepted if every gate passed, else Rejected
	Solved       *bool            `json:"solved,omitempty"` // whether the problem's threshold is met on the test rows
	Diagnostics  *Diagnostics     `json:"diagnostics"`      // of the chosen model, on the test rows
	Costs        *Costs           `json:"costs,omitempty"`  // of the errors on the test rows, where problem.costs has what each costs
}

// Rejection says which gates said no and by how much, "" if all passed.
func (e *Evaluation) Rejection() string { return rejection(e.Gates) }

// Evaluate chooses the contender with the best score on the validation rows,
// then looks at the test rows once: the chosen model, the baseline and the
// champion. The baseline is never chosen unless it is alone; whether the chosen
// one is better is for the gates to say.
//
// A champion that cannot answer these rows (the dataset lost a column it needs,
// or the classes changed) is left out with a note.
func Evaluate(ctx context.Context, o Options) (*Evaluation, error) {
	e := &Evaluation{Problem: o.Problem}
	baseline := -1
	for i, c := range o.Contenders {
		if c.Kind == "baseline" {
			baseline = i
		}
		s, err := measure(ctx, o.Problem, c, o.Validation)
		if err != nil {
			return nil, err
		}
		e.Validation = append(e.Validation, s.Result)
	}
	if baseline < 0 {
		return nil, fault.New(fault.Internal, "no baseline among %d contenders", len(o.Contenders))
	}
	if err := e.choose(baseline); err != nil {
		return nil, err
	}
	chosen, err := measure(ctx, o.Problem, o.Contenders[e.ChosenIndex], o.Test)
	if err != nil {
		return nil, err
	}
	base, err := measure(ctx, o.Problem, o.Contenders[baseline], o.Test)
	if err != nil {
		return nil, err
	}
	e.Test, e.Baseline = chosen.Result, base.Result
	e.Diagnostics = diagnose(chosen.y, chosen.predictions, o.Contenders[e.ChosenIndex].Predictor.Classes())
	if o.Problem.Costs != nil && len(chosen.classes) == 2 {
		e.Costs = &Costs{Model: costOf(*o.Problem.Costs, chosen), Baseline: costOf(*o.Problem.Costs, base)}
	}
	if err := e.meet(ctx, o, chosen.classes); err != nil {
		return nil, err
	}
	e.judge(o.Gates)
	return e, nil
}

// choose takes the best on validation, the earlier of equals.
func (e *Evaluation) choose(baseline int) error {
	metric, best := e.Problem.Metric, -1
	for i, r := range e.Validation {
		score, ok := r.Scores[metric]
		if i == baseline && len(e.Validation) > 1 || !ok {
			continue
		}
		if best < 0 || pipeline.Better(metric, score, e.Validation[best].Scores[metric]) {
			best = i
		}
	}
	if best < 0 {
		return fault.New(fault.TrainingFailed, "no model has a %s on the validation rows: %s", metric, e.Validation[0].Undefined[metric]).
			WithRemedy("give split.validation more rows, or choose another metric")
	}
	e.ChosenIndex = best
	r, b := e.Validation[best], e.Validation[baseline]
	e.Reason = fmt.Sprintf("%s has the best %s of %d on the validation rows: %s", r.Name, metric, len(e.Validation), number(r.Scores[metric]))
	score, ok := b.Scores[metric]
	switch {
	case best == baseline:
		e.Reason = "the baseline is the only model"
	case ok && !pipeline.Better(metric, r.Scores[metric], score):
		e.Reason = fmt.Sprintf("%s has the best %s of the trained models on the validation rows, %s, but does not beat the baseline's %s", r.Name, metric, number(r.Scores[metric]), number(score))
	case ok:
		e.Reason += ", baseline " + number(score)
	}
	return nil
}

// meet measures the champion, if it can be.
func (e *Evaluation) meet(ctx context.Context, o Options, classes []string) error {
	if o.Champion == nil {
		e.ChampionNote = "nothing is live yet"
		return nil
	}
	champion, err := measure(ctx, o.Problem, *o.Champion, o.Test)
	switch fault.KindOf(err) {
	case fault.ColumnMissing, fault.TypeMismatch, fault.FeatureInvalid, fault.TargetInvalid, fault.RequestInvalid:
		e.ChampionNote = fmt.Sprintf("%s cannot answer these rows: %v", o.Champion.Name, err)
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.Equal(champion.classes, classes) {
		e.ChampionNote = o.Champion.Name + " predicts other classes, or another positive one"
		return nil
	}
	e.Champion = &champion.Result
	return nil
}

func (e *Evaluation) judge(gates []pipeline.Gate) {
	if len(gates) == 0 {
		gates = DefaultGates(e.Problem)
	}
	var champion map[string]float64
	if e.Champion != nil {
		champion = e.Champion.Scores
	}
	e.Gates, e.Decision = Judge(gates, e.Test.Scores, e.Baseline.Scores, champion), Accepted
	for i := range e.Gates {
		g := &e.Gates[i]
		if why := e.Test.Undefined[g.Gate.Metric]; why != "" && !g.Passed {
			g.Reason += ": " + why
		}
		if g.Gate.Against == "champion" && e.Champion == nil {
			g.Reason = "no champion to compare with: " + e.ChampionNote
		}
		if !g.Passed {
			e.Decision = Rejected
		}
	}
	if score, ok := e.Test.Scores[e.Problem.Metric]; ok && e.Problem.Threshold != nil {
		solved := !pipeline.Better(e.Problem.Metric, *e.Problem.Threshold, score)
		e.Solved = &solved
	}
}

// measured is a Result with what it was computed from.
type measured struct {
	Result
	y, predictions []float64
	classes        []string
}

func measure(ctx context.Context, problem pipeline.Problem, c Contender, f *frame.Frame) (*measured, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	column := f.Column(problem.Target)
	if column == nil {
		return nil, fault.New(fault.ColumnMissing, "the rows to evaluate on have no column %q, the target", problem.Target).WithRemedy("select it in dataset.sql")
	}
	if c.Predictor.Task() != problem.Task {
		return nil, fault.New(fault.TargetInvalid, "%s answers a %s problem, not %s", c.Name, c.Predictor.Task(), problem.Task)
	}
	target := feature.Target{Column: problem.Target, Kind: column.Kind.String(), Task: problem.Task, Classes: c.Predictor.Classes()}
	y, err := target.Values(column)
	if err != nil {
		return nil, err
	}
	m := &measured{Result: Result{Name: c.Name, Kind: c.Kind, Rows: f.Rows}, y: y, classes: target.Classes}
	m.predictions = make([]float64, f.Rows*c.Predictor.Outputs())
	if err := c.Predictor.Predict(f, m.predictions); err != nil {
		return nil, err
	}
	s, err := Score(problem.Task, y, m.predictions, len(target.Classes))
	if err != nil {
		return nil, err
	}
	m.Scores, m.Undefined = s.Values, s.Undefined
	return m, nil
}
