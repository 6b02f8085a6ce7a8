package evaluation

import (
	"cmp"
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
	Name      string   // as people read it: "logistic"
	Settings  string   // its hyperparameters and options: "C=0.1 penalty=l1"
	Kind      string   // "baseline" marks the baseline
	Inputs    []string // raw columns it reads
	Size      int64    // bytes of its features, target and model
	Predictor Predictor
}

// Options are what Evaluate reads. Contenders hold exactly one baseline.
type Options struct {
	Problem    pipeline.Problem
	Evaluate   pipeline.Evaluate // nil Gates: DefaultGates
	EventTime  string            // column, "" if there is none
	Seed       int64             // of resamples and permutations
	Contenders []Contender
	Champion   *Contender // nil: nothing is live
	Validation *frame.Frame
	Test       *frame.Frame

	// Look records, before the test rows are read, that the contender of that index
	// is judged on them. Nil: looks are not counted.
	Look func(ctx context.Context, chosen int) (Look, error)
}

// Result is how one model did on some rows.
type Result struct {
	Name      string              `json:"name"`
	Settings  string              `json:"settings,omitempty"`
	Kind      string              `json:"kind"`
	Rows      int                 `json:"rows"`
	Scores    map[string]float64  `json:"scores"`
	Intervals map[string]Interval `json:"intervals,omitempty"` // of the test rows
	Undefined map[string]string   `json:"undefined,omitempty"` // why a metric has no value
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
	Look         *Look            `json:"look,omitempty"`
	Threshold    *Decision        `json:"threshold,omitempty"` // binary with costs: of the chosen model
	Test         Result           `json:"test"`                // the chosen model, on the test rows
	Baseline     Result           `json:"baseline"`            // on the test rows
	Champion     *Result          `json:"champion,omitempty"`
	ChampionNote string           `json:"champion_note,omitempty"` // why the live model was not compared
	Draws        int              `json:"draws"`                   // resamples behind every interval
	// OverBaseline and OverChampion are the differences of every metric, the chosen
	// model's minus the other's, on the same test rows.
	OverBaseline map[string]Difference `json:"over_baseline"`
	OverChampion map[string]Difference `json:"over_champion,omitempty"`
	Gates        []GateResult          `json:"gates"`
	Decision     string                `json:"decision"`         // Accepted if every gate passed, else Rejected
	Solved       *bool                 `json:"solved,omitempty"` // whether the problem's threshold is met on the test rows
	Diagnostics  *Diagnostics          `json:"diagnostics"`      // of the chosen model, on the test rows
	Costs        *Costs                `json:"costs,omitempty"`  // of the errors on the test rows, where problem.costs has what each costs
	Slices       *Slices               `json:"slices,omitempty"`
	Fairness     []Fairness            `json:"fairness,omitempty"`
	OverTime     *OverTime             `json:"over_time,omitempty"`
	Usage        *Usage                `json:"usage,omitempty"`
}

// Rejection says which gates said no and by how much, "" if all passed.
func (e *Evaluation) Rejection() string { return rejection(e.Gates) }

// Evaluate chooses the contender with the best score on the validation rows,
// then looks at the test rows once: the chosen model, the baseline and the
// champion, under the same resamples. The baseline is never chosen unless it is
// alone; whether the chosen one is better is for the gates to say. Thresholds are
// chosen on the validation rows.
//
// A champion that cannot answer these rows (the dataset lost a column it needs,
// or the classes changed) is left out with a note. Its threshold is chosen on the
// validation rows too, of which it may have been trained on some.
func Evaluate(ctx context.Context, o Options) (*Evaluation, error) {
	e := &Evaluation{Problem: o.Problem}
	decisions := make([]*Decision, len(o.Contenders))
	baseline := -1
	for i, c := range o.Contenders {
		if c.Kind == "baseline" {
			baseline = i
		}
		m, err := measure(ctx, o.Problem, c, o.Validation, nil)
		if err != nil {
			return nil, err
		}
		decisions[i] = decide(o.Problem.Costs, m.prepared)
		e.Validation = append(e.Validation, m.Result)
	}
	if baseline < 0 {
		return nil, fault.New(fault.Internal, "no baseline among %d contenders", len(o.Contenders))
	}
	if err := e.choose(baseline); err != nil {
		return nil, err
	}
	if o.Look != nil {
		look, err := o.Look(ctx, e.ChosenIndex)
		if err != nil {
			return nil, err
		}
		e.Look = &look
	}
	j := &judgement{options: o, chosen: o.Contenders[e.ChosenIndex]}
	var err error
	if j.model, err = measure(ctx, o.Problem, j.chosen, o.Test, decisions[e.ChosenIndex]); err != nil {
		return nil, err
	}
	if j.baseline, err = measure(ctx, o.Problem, o.Contenders[baseline], o.Test, decisions[baseline]); err != nil {
		return nil, err
	}
	if err := e.meet(ctx, j); err != nil {
		return nil, err
	}
	return e, e.judge(ctx, j)
}

// judgement is what is known while the chosen model is judged on the test rows.
type judgement struct {
	options         Options
	chosen          Contender
	model, baseline *measured
	champion        *measured // nil: none, or not comparable
	slicer          *slicer
}

// judge fills in everything about the test rows.
func (e *Evaluation) judge(ctx context.Context, j *judgement) error {
	o := j.options
	draws := resamplingOf(o.Test.Rows, o.Seed)
	samples := []*prepared{j.model.prepared, j.baseline.prepared}
	if j.champion != nil {
		samples = append(samples, j.champion.prepared)
	}
	drawn, err := draws.replicate(ctx, nil, samples...)
	if err != nil {
		return err
	}
	j.model.Intervals, j.baseline.Intervals = drawn[0].intervals(), drawn[1].intervals()
	e.Test, e.Baseline, e.Draws, e.Threshold = j.model.Result, j.baseline.Result, draws.draws, j.model.Decision
	e.OverBaseline = differences(e.Test, e.Baseline, drawn[0], drawn[1])
	if j.champion != nil {
		j.champion.Intervals = drawn[2].intervals()
		e.Champion = &j.champion.Result
		e.OverChampion = differences(e.Test, *e.Champion, drawn[0], drawn[2])
	}
	e.Diagnostics = diagnose(j.model)
	if d := j.model.Decision; d != nil {
		e.Costs = &Costs{Answered: j.model.cost(asServed), Model: j.model.cost(d.Threshold), Baseline: j.baseline.cost(j.baseline.Decision.Threshold)}
		if j.champion != nil {
			e.Costs.Champion = new(j.champion.cost(j.champion.Decision.Threshold))
		}
	}
	j.slicer = &slicer{
		metric: o.Problem.Metric, model: j.model, frame: o.Test, draws: draws, whole: drawn[0],
		rows: cmp.Or(o.Evaluate.MinSliceRows, pipeline.DefaultMinSliceRows),
	}
	if err := e.look(ctx, j); err != nil {
		return err
	}
	return e.ask(ctx, j)
}

// look cuts the test rows: slices, groups, periods; and asks the model what it
// uses.
func (e *Evaluation) look(ctx context.Context, j *judgement) (err error) {
	o := j.options
	e.Slices = &Slices{MinRows: j.slicer.rows}
	entries := make([][]string, len(o.Evaluate.Slices))
	for i, s := range o.Evaluate.Slices {
		entries[i] = s
	}
	if err = j.slicer.declared(ctx, entries, e.Slices); err != nil {
		return err
	}
	// How it is over time is told by periods, which look like slices that will never
	// be asked again.
	inputs := slices.DeleteFunc(slices.Clone(j.chosen.Inputs), func(name string) bool { return name == o.EventTime })
	if err = j.slicer.search(ctx, inputs, e.Slices); err != nil {
		return err
	}
	for _, column := range o.Evaluate.Fairness {
		f, err := fairness(j.model.prepared, o.Test, column, j.slicer.rows)
		if err != nil {
			return err
		}
		e.Fairness = append(e.Fairness, *f)
	}
	if e.OverTime, err = j.slicer.overTime(ctx, o.EventTime); err != nil {
		return err
	}
	e.Usage, err = usage(ctx, o, j.chosen, j.model)
	return err
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
func (e *Evaluation) meet(ctx context.Context, j *judgement) error {
	o := j.options
	if o.Champion == nil {
		e.ChampionNote = "nothing is live yet"
		return nil
	}
	var decision *Decision
	var champion *measured
	var err error
	if o.Problem.Costs != nil {
		if champion, err = measure(ctx, o.Problem, *o.Champion, o.Validation, nil); err == nil {
			decision = decide(o.Problem.Costs, champion.prepared)
		}
	}
	if err == nil {
		champion, err = measure(ctx, o.Problem, *o.Champion, o.Test, decision)
	}
	switch fault.KindOf(err) {
	case fault.ColumnMissing, fault.TypeMismatch, fault.FeatureInvalid, fault.TargetInvalid, fault.RequestInvalid:
		e.ChampionNote = fmt.Sprintf("%s cannot answer these rows: %v", o.Champion.Name, err)
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.Equal(champion.classes, j.model.classes) {
		e.ChampionNote = o.Champion.Name + " predicts other classes, or another positive one"
		return nil
	}
	j.champion = champion
	return nil
}

// measured is a Result with what it was computed from.
type measured struct {
	Result
	*prepared
	classes []string
}

func measure(ctx context.Context, problem pipeline.Problem, c Contender, f *frame.Frame, d *Decision) (*measured, error) {
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
	weights, err := weightsOf(problem, f)
	if err != nil {
		return nil, err
	}
	predictions := make([]float64, f.Rows*c.Predictor.Outputs())
	if err := c.Predictor.Predict(f, predictions); err != nil {
		return nil, err
	}
	p, err := prepare(Sample{Task: problem.Task, Classes: len(target.Classes), Y: y, P: predictions, Weights: weights, Decision: d})
	if err != nil {
		return nil, err
	}
	s, err := p.point()
	if err != nil {
		return nil, err
	}
	return &measured{Result: Result{Name: c.Name, Settings: c.Settings, Kind: c.Kind, Rows: f.Rows, Scores: s.Values, Undefined: s.Undefined}, prepared: p, classes: target.Classes}, nil
}

// weightsOf reads problem.weight, nil if there is none.
func weightsOf(problem pipeline.Problem, f *frame.Frame) ([]float64, error) {
	if problem.Weight == "" {
		return nil, nil
	}
	column := f.Column(problem.Weight)
	switch {
	case column == nil:
		return nil, fault.New(fault.ColumnMissing, "the rows to evaluate on have no column %q, their weight", problem.Weight).WithRemedy("select it in dataset.sql")
	case column.Kind != frame.Number:
		return nil, fault.New(fault.TypeMismatch, "the weight %q is a %s", problem.Weight, column.Kind).WithRemedy("cast it to DOUBLE in dataset.sql")
	}
	return column.Numbers, nil
}
