package evaluation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// ask asks every gate, in order, and decides.
func (e *Evaluation) ask(ctx context.Context, j *judgement) error {
	gates := j.options.Evaluate.Gates
	if gates == nil {
		gates = DefaultGates(e.Problem)
	}
	e.Gates, e.Decision = []GateResult{}, Accepted
	for _, g := range gates {
		r, err := e.answer(ctx, j, g)
		if err != nil {
			return err
		}
		if !r.Passed {
			e.Decision = Rejected
		}
		e.Gates = append(e.Gates, r)
	}
	if score, ok := e.Test.Scores[e.Problem.Metric]; ok && e.Problem.Threshold != nil {
		solved := !pipeline.Better(e.Problem.Metric, *e.Problem.Threshold, score)
		e.Solved = &solved
	}
	return nil
}

func (e *Evaluation) answer(ctx context.Context, j *judgement, g pipeline.Gate) (GateResult, error) {
	switch {
	case g.MaxSizeKB != nil:
		r := GateResult{Gate: g, Value: float64(j.chosen.Size) / 1000, Required: *g.MaxSizeKB}
		r.compare(true, false, "")
		return r, nil
	case g.MaxLatencyUS != nil:
		took, err := latency(ctx, j.chosen.Predictor, j.options.Test)
		if err != nil {
			return GateResult{}, err
		}
		r := GateResult{Gate: g, Value: took.of(g.Percentile), Required: *g.MaxLatencyUS}
		r.compare(true, false, fmt.Sprintf(" (of %d answers to one row)", took.answers))
		return r, nil
	case g.Fairness != "":
		return e.askGap(g), nil
	case g.Slice != nil:
		return j.askSlice(ctx, e, g)
	case g.EverySlice:
		return j.askEvery(e, g)
	}
	r := judge(g, e.Test.Scores, e.Baseline.Scores, scoresOf(e.Champion))
	over := e.OverBaseline
	if g.Against == "champion" {
		over = e.OverChampion
	}
	if d, ok := over[g.Metric]; ok && g.Against != "" {
		r.Difference = &d
		if g.Within != "" && d.Interval != nil {
			r.within(pipeline.LowerIsBetter(g.Metric))
		}
	}
	if why := e.Test.Undefined[g.Metric]; why != "" && !r.Passed {
		r.Reason += ": " + why
	}
	if g.Against == "champion" && e.Champion == nil {
		r.Reason = "no champion to compare with: " + e.ChampionNote
	}
	return r, nil
}

func scoresOf(r *Result) map[string]float64 {
	if r == nil {
		return nil
	}
	return r.Scores
}

// askGap bounds the gap between groups. A column of fewer than two groups that
// define it has none: the gate fails, for nothing was shown.
func (e *Evaluation) askGap(g pipeline.Gate) GateResult {
	at := slices.IndexFunc(e.Fairness, func(f Fairness) bool { return f.Column == g.Fairness })
	scores := map[string]float64{}
	if at >= 0 {
		scores = e.Fairness[at].Gaps
	}
	r := judge(g, scores, nil, nil)
	if _, known := scores[g.Metric]; !known {
		r.Reason = fmt.Sprintf("%s between the groups of %s is undefined: fewer than two groups have the rows for it", g.Metric, g.Fairness)
	}
	r.prefix(g.Fairness)
	return r
}

// prefix says which rows a gate speaks of.
func (r *GateResult) prefix(rows string) {
	r.Condition, r.Reason = rows+": "+r.Condition, rows+": "+r.Reason
}

// askSlice judges the rows that have the values the gate names. Without enough of
// them the gate fails: nothing was shown.
func (j *judgement) askSlice(ctx context.Context, e *Evaluation, g pipeline.Gate) (GateResult, error) {
	rows, where, err := j.rowsOf(g.Slice)
	if err != nil {
		return GateResult{}, err
	}
	name := Slice{Where: where}.Name()
	if len(rows) < j.slicer.rows {
		r := GateResult{Gate: g, Condition: g.Metric, Reason: fmt.Sprintf("%d test rows are too few to judge, %d are needed", len(rows), j.slicer.rows)}
		r.prefix(name)
		return r, nil
	}
	one, _, err := j.slicer.slice(ctx, where, rows)
	if err != nil {
		return GateResult{}, err
	}
	r, err := j.judgeSlice(e, g, one, rows)
	r.prefix(name)
	return r, err
}

func (j *judgement) rowsOf(values map[string]string) (rows []int32, where []Condition, err error) {
	for i := range j.options.Test.Rows {
		rows = append(rows, int32(i))
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		column := j.options.Test.Column(name)
		if column == nil {
			return nil, nil, fault.New(fault.ColumnMissing, "the test rows have no column %q that a gate speaks of", name).WithRemedy("select it in dataset.sql, or mend evaluate.gates")
		}
		where = append(where, Condition{Column: name, Value: values[name]})
		rows = slices.DeleteFunc(rows, func(i int32) bool { return valueText(column, int(i)) != values[name] })
	}
	return rows, where, nil
}

func (j *judgement) judgeSlice(e *Evaluation, g pipeline.Gate, one Slice, rows []int32) (GateResult, error) {
	var references map[string]float64
	switch g.Against {
	case "overall":
		references = e.Test.Scores
	case "baseline", "champion":
		other := j.baseline
		if g.Against == "champion" {
			other = j.champion
		}
		if other == nil {
			break
		}
		part, err := other.take(rows)
		if err != nil {
			return GateResult{}, err
		}
		scores, err := part.point()
		if err != nil {
			return GateResult{}, err
		}
		references = scores.Values
	}
	r := judge(g, one.Scores, references, references)
	if g.Against == "champion" && j.champion == nil {
		r.Reason = "no champion to compare with: " + e.ChampionNote
	}
	if g.Against == "overall" && g.Metric == e.Problem.Metric && one.Whole != nil {
		r.Difference = one.Whole
		if g.Within != "" && one.Whole.Interval != nil {
			r.within(pipeline.LowerIsBetter(g.Metric))
		}
	}
	if one.Undefined != "" && !r.Passed {
		r.Reason += ": " + one.Undefined
	}
	return r, nil
}

// askEvery judges every declared slice. All that fail are told, up to five; a gate
// without any slice to judge fails.
func (j *judgement) askEvery(e *Evaluation, g pipeline.Gate) (GateResult, error) {
	if len(e.Slices.Declared) == 0 {
		return GateResult{Gate: g, Condition: "every slice: " + g.Metric, Reason: fmt.Sprintf("no slice has %d test rows", j.slicer.rows)}, nil
	}
	var worst *GateResult
	var name string
	var failed []string
	for i, one := range e.Slices.Declared {
		r, err := j.judgeSlice(e, g, one, j.slicer.cut[i])
		if err != nil {
			return GateResult{}, err
		}
		if !r.Passed {
			failed = append(failed, one.Name()+": "+r.Reason)
		}
		if worst == nil || worst.Passed && !r.Passed || worst.Passed == r.Passed && pipeline.Better(g.Metric, worst.Value, r.Value) {
			worst, name = &r, one.Name()
		}
	}
	r := *worst
	r.Condition = "every slice: " + r.Condition
	if r.Passed {
		r.Reason = fmt.Sprintf("all %d slices pass; the worst is %s: %s", len(e.Slices.Declared), name, r.Reason)
		return r, nil
	}
	const told = 5
	r.Reason = fmt.Sprintf("%d of %d slices fail: %s", len(failed), len(e.Slices.Declared), strings.Join(failed[:min(told, len(failed))], "; "))
	if len(failed) > told {
		r.Reason += fmt.Sprintf("; and %d more", len(failed)-told)
	}
	return r, nil
}
