package window

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/evaluation"
)

// maxParts is the most parts that are told of one entry of evaluate.slices, the
// largest ones.
const maxParts = 20

// SliceMeasure is how the labelled answers to a part of the rows did.
type SliceMeasure struct {
	Name   string                    `json:"name"` // "coast = west"
	Rows   int                       `json:"rows"` // labelled
	Scores map[string]drift.Estimate `json:"scores,omitempty"`
	Reason string                    `json:"reason,omitempty"` // why there are none
}

// cutScores scores the parts of the labelled rows that the file names.
func (m *collected) cutScores(ctx context.Context, o Options, into *ModelMeasure) error {
	if m.truths.len() == 0 || len(o.Slices)+len(o.Where) == 0 {
		return nil
	}
	if n := m.truths.len(); int64(n) < m.totals.Rows {
		into.Notes = append(into.Notes, fmt.Sprintf("scores of parts are of %d labelled answers drawn of all", n))
	}
	has := func(columns []string) bool {
		for _, name := range columns {
			if m.truth.Rows.Column(name) == nil {
				into.Notes = append(into.Notes, fmt.Sprintf("no request has a column %q to cut scores by", name))
				return false
			}
		}
		return true
	}
	add := func(name string, rows []int32) error {
		one, err := m.part(ctx, o, name, rows)
		into.Slices = append(into.Slices, one)
		return err
	}
	for _, entry := range o.Slices {
		if !has(entry) {
			continue
		}
		told := 0
		for _, part := range evaluation.PartsOf(m.truth.Rows, entry) {
			if len(part.Rows) < o.MinRows || told == maxParts {
				break
			}
			told++
			if err := add(evaluation.Slice{Where: part.Where}.Name(), part.Rows); err != nil {
				return err
			}
		}
		if told == 0 {
			into.Notes = append(into.Notes, fmt.Sprintf("no part by %s has %d labelled answers", strings.Join(entry, ", "), o.MinRows))
		}
	}
	for _, where := range o.Where {
		name := sliceName(where)
		if has(slices.Sorted(maps.Keys(where))) && !slices.ContainsFunc(into.Slices, func(s SliceMeasure) bool { return s.Name == name }) {
			if err := add(name, evaluation.RowsWhere(m.truth.Rows, where)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *collected) part(ctx context.Context, o Options, name string, rows []int32) (SliceMeasure, error) {
	s := SliceMeasure{Name: name, Rows: len(rows)}
	if len(rows) < o.MinRows {
		s.Reason = fmt.Sprintf("insufficient data: %d labelled answers, fewer than %d", len(rows), o.MinRows)
		return s, nil
	}
	k := max(1, len(m.Bundle.Target.Classes))
	sample := evaluation.Sample{Task: m.Bundle.Target.Task, Classes: len(m.Bundle.Target.Classes)}
	for _, i := range rows {
		sample.Y, sample.P = append(sample.Y, m.truth.Y[i]), append(sample.P, m.truth.Answers[int(i)*k:(int(i)+1)*k]...)
	}
	scores, intervals, err := evaluation.ScoreIntervals(ctx, sample, 1)
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	if err != nil {
		s.Reason = err.Error()
		return s, nil
	}
	s.Scores = map[string]drift.Estimate{}
	for metric, value := range scores.Values {
		e := drift.Estimate{Value: value, Low: value, High: value}
		if i, ok := intervals[metric]; ok {
			e.Low, e.High = i.Low, i.High
		}
		s.Scores[metric] = e
	}
	return s, nil
}

// sliceName names a part as evaluation does: "coast = west, day = 1".
func sliceName(where map[string]string) string {
	var s evaluation.Slice
	for _, column := range slices.Sorted(maps.Keys(where)) {
		s.Where = append(s.Where, evaluation.Condition{Column: column, Value: where[column]})
	}
	return s.Name()
}
