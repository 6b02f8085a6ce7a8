package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

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
