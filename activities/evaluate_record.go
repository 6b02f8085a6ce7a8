package activities

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func (a *Activities) putEvaluation(ctx context.Context, p EvaluateParams, judged *evaluation.Evaluation, res *EvaluateResult) (err error) {
	if res.Evaluation, err = a.Store.PutJSON(ctx, judged); err != nil {
		return err
	}
	if res.Scores, err = a.Store.PutJSON(ctx, metricsOf(judged)); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := judged.HTML(&page, p.Run.Pipeline); err != nil {
		return err
	}
	if res.Report, err = a.Store.PutBytes(ctx, page.Bytes(), artifact.MediaTypeHTML); err != nil {
		return err
	}
	metric := p.Pipeline.Problem.Metric
	res.Chosen, res.Reason, res.Rejected = p.Models[judged.ChosenIndex], judged.Reason, judged.Rejection()
	res.Score, res.Solved = judged.Test.Scores[metric], judged.Solved
	res.Figure = fmt.Sprintf("%s: %s %s on test (baseline %s)", res.Chosen.Trial.Kind, metric, number(res.Score), number(judged.Baseline.Scores[metric]))
	return nil
}

// metricsOf is what the bundle says of the model: of it alone, whoever is champion
// and whoever looked before, so that equal models are equal bundles.
func metricsOf(e *evaluation.Evaluation) bundle.Metrics {
	m := bundle.Metrics{
		Metric: e.Problem.Metric, Validation: e.Validation[e.ChosenIndex].Scores, Test: e.Test.Scores, Baseline: e.Baseline.Scores,
		Intervals: map[string]bundle.Interval{}, Limits: e.Limits(),
	}
	for name, i := range e.Test.Intervals {
		m.Intervals[name] = bundle.Interval(i)
	}
	if e.Costs != nil {
		m.Threshold = &bundle.Threshold{Probability: e.Costs.Model.Threshold, PerRow: e.Costs.Model.PerRow, AsServed: e.Costs.Answered.PerRow}
	}
	const most = 30 // of each sort: a card is read, not searched
	add := func(list []evaluation.Slice, weak bool) {
		for _, s := range list[:min(len(list), most)] {
			if v, ok := s.Scores[e.Problem.Metric]; ok {
				m.Slices = append(m.Slices, bundle.Slice{Name: s.Name(), Rows: s.Rows, Value: v, Interval: (*bundle.Interval)(s.Interval), Weak: weak})
			}
		}
	}
	add(e.Slices.Found, true)
	add(e.Slices.Declared, false)
	return m
}

func (a *Activities) recordEvaluation(ctx context.Context, run string, e *evaluation.Evaluation) error {
	if err := a.DB.RecordMetrics(ctx, run, metricRows(e)); err != nil {
		return err
	}
	gates := make([]metadata.Gate, len(e.Gates))
	for i, g := range e.Gates {
		gates[i] = metadata.Gate{Metric: g.Gate.Metric, Condition: g.Condition, Value: g.Value, Bound: g.Required, Passed: g.Passed, Reason: g.Reason}
	}
	return a.DB.RecordGates(ctx, run, gates)
}

// metricRows are the scores of every model on the rows it was judged on.
func metricRows(e *evaluation.Evaluation) []metadata.Metric {
	var rows []metadata.Metric
	add := func(model, part string, r evaluation.Result) {
		for _, metric := range slices.Sorted(maps.Keys(r.Scores)) {
			rows = append(rows, metadata.Metric{Model: model, Split: part, Metric: metric, Value: r.Scores[metric]})
		}
	}
	for _, r := range e.Validation {
		add(r.Name, "validation", r)
	}
	add(e.Test.Name, "test", e.Test)
	if e.Baseline.Name != e.Test.Name {
		add(e.Baseline.Name, "test", e.Baseline)
	}
	if e.Champion != nil {
		add("champion", "test", *e.Champion)
	}
	return rows
}
