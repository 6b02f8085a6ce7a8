package pipeline

import (
	"fmt"
	"slices"
)

// Bounds of what evaluate looks at.
const (
	maxSliceEntries = 20
	maxSliceColumns = 3
	maxGates        = 100
)

var fairnessMetrics = []string{"demographic_parity_difference", "equalized_odds_difference", "error_difference"}

func (d *decoder) checkEvaluate(p *Pipeline) {
	e := p.Evaluate
	if d.given("evaluate.min_slice_rows") && e.MinSliceRows < 2 {
		d.add("evaluate.min_slice_rows", "write 2 or more", "%d rows cannot be judged", e.MinSliceRows)
	}
	for _, list := range []struct {
		path string
		n    int
		most int
	}{{"evaluate.slices", len(e.Slices), maxSliceEntries}, {"evaluate.fairness", len(e.Fairness), maxSliceEntries}, {"evaluate.gates", len(e.Gates), maxGates}} {
		if list.n > list.most {
			d.add(list.path, fmt.Sprintf("keep at most %d", list.most), "has %d entries", list.n)
		}
	}
	for i, columns := range e.Slices {
		path := fmt.Sprintf("evaluate.slices[%d]", i)
		switch {
		case len(columns) == 0:
			d.add(path, "name a column", "is empty")
		case len(columns) > maxSliceColumns:
			d.add(path, fmt.Sprintf("name at most %d", maxSliceColumns), "cuts by %d columns at once", len(columns))
		}
		d.checkDistinct(path, columns)
		d.checkLooked(path, columns, p)
	}
	d.checkDistinct("evaluate.fairness", e.Fairness)
	d.checkLooked("evaluate.fairness", e.Fairness, p)
	for i, g := range e.Gates {
		d.checkGate(fmt.Sprintf("evaluate.gates[%d]", i), p, g)
	}
}

// checkLooked refuses to cut rows by what is to be predicted: every answer of one
// class is right or wrong together.
func (d *decoder) checkLooked(path string, columns []string, p *Pipeline) {
	for _, name := range columns {
		switch name {
		case "":
			d.add(path, "name a column of the dataset", "has a blank name")
		case p.Problem.Target:
			d.add(path, "name another column", "%q is the target", clip(name))
		}
	}
}

func (d *decoder) checkGate(path string, p *Pipeline, g Gate) {
	bounded := g.Min != nil || g.Max != nil
	limits := 0
	for _, set := range []bool{bounded, g.Against != "", g.MaxSizeKB != nil, g.MaxLatencyUS != nil} {
		if set {
			limits++
		}
	}
	d.checkGateMetric(path, p, g)
	switch {
	case limits == 0:
		d.add(path, "add min, max, against, max_size_kb or max_latency_us", "has no condition")
	case g.Against != "" && bounded:
		d.add(path, "write two gates", "has both a bound and against")
	case limits > 1:
		d.add(path, "write a gate for each", "has several conditions")
	case g.Against == "" && (d.given(path+".min_gain") || d.given(path+".min_gain_abs")):
		d.add(path+"."+d.first(path, "min_gain", "min_gain_abs"), "add against: baseline or champion", "has nothing to gain against")
	case g.Against == "" && g.Within != "":
		d.add(path+".within", "add against: champion", "has nothing to compare with")
	case g.MinGain != 0 && g.MinGainAbs != 0:
		d.add(path+".min_gain_abs", "keep one of the two", "is beside min_gain")
	case g.Within != "" && (g.MinGain != 0 || g.MinGainAbs != 0):
		d.add(path+".within", "write two gates", "is beside a gain")
	case g.Min != nil && g.Max != nil && *g.Min > *g.Max:
		d.add(path, "swap min and max", "min %v is more than max %v", *g.Min, *g.Max)
	}
	if g.MinGain <= -1 || g.MinGain > 100 {
		d.add(path+".min_gain", "write a share such as 0.01 for one per cent", "must be between -1 and 100, not %v", g.MinGain)
	}
	for _, limit := range []struct {
		name  string
		value *float64
	}{{"max_size_kb", g.MaxSizeKB}, {"max_latency_us", g.MaxLatencyUS}} {
		if limit.value != nil && !(*limit.value > 0) {
			d.add(path+"."+limit.name, "write more than 0", "no model meets %v", *limit.value)
		}
	}
	if g.Percentile != "" && g.MaxLatencyUS == nil {
		d.add(path+".percentile", "add max_latency_us", "is of max_latency_us alone")
	}
	d.checkGateRows(path, p, g)
}

// checkGateRows checks which rows a gate speaks of.
func (d *decoder) checkGateRows(path string, p *Pipeline, g Gate) {
	rows := 0
	for _, set := range []bool{g.Slice != nil, g.EverySlice, g.Fairness != ""} {
		if set {
			rows++
		}
	}
	switch sliced := g.Slice != nil || g.EverySlice; {
	case rows > 1:
		d.add(path, "write a gate for each", "has more than one of slice, every_slice and fairness")
	case rows > 0 && (g.MaxSizeKB != nil || g.MaxLatencyUS != nil):
		d.add(path, "write a gate for each", "size and time are the model's, not of some rows")
	case g.Slice != nil && len(g.Slice) == 0:
		d.add(path+".slice", "write {column: value}", "is empty")
	case len(g.Slice) > maxSliceColumns:
		d.add(path+".slice", fmt.Sprintf("name at most %d columns", maxSliceColumns), "names %d columns", len(g.Slice))
	case g.EverySlice && len(p.Evaluate.Slices) == 0:
		d.add(path+".every_slice", "add evaluate: {slices: [COLUMN]}", "there are no slices")
	case g.Against == "overall" && !sliced:
		d.add(path+".against", "add slice or every_slice", "the model on all rows is what it is compared with")
	case g.Within != "" && sliced && g.Against != "overall":
		d.add(path+".within", "write against: overall", "the interval of a slice is of its difference from all rows")
	case g.Fairness != "" && !slices.Contains(p.Evaluate.Fairness, g.Fairness):
		d.add(path+".fairness", "add it to evaluate.fairness", "%q is not compared", clip(g.Fairness))
	case g.Fairness != "" && g.Against != "":
		d.add(path+".against", "write max", "a gap is bounded, not compared")
	}
	d.checkLooked(path+".slice", sortedKeys(g.Slice), p)
}

func (d *decoder) checkGateMetric(path string, p *Pipeline, g Gate) {
	at := path + ".metric"
	task := p.Problem.Task
	switch {
	case g.MaxSizeKB != nil || g.MaxLatencyUS != nil:
		if unnamed := (Gate{MaxSizeKB: g.MaxSizeKB, MaxLatencyUS: g.MaxLatencyUS, Percentile: g.Percentile}); g.Metric != unnamed.named(p.Problem) {
			d.add(at, "remove it", "size and time are no metric of the test rows")
		}
	case g.Fairness != "":
		known := fairnessMetrics
		if task != Binary {
			known = fairnessMetrics[2:]
		}
		if !slices.Contains(known, g.Metric) {
			d.add(at, "write "+oneOf(known), "%q is no gap between groups of a %s task", clip(g.Metric), task)
		}
	case slices.Contains(fairnessMetrics, g.Metric):
		d.add(at, "add fairness: COLUMN", "%s is of groups", g.Metric)
	case slices.Contains(judged[task], g.Metric):
		if p.Problem.Costs == nil {
			d.add(at, "add problem: {costs: {false_positive: 1, false_negative: 1}}", "%s needs problem.costs", g.Metric)
		}
	default:
		d.checkMetric(at, g.Metric, task)
	}
}

// first is the first of names that the file gives.
func (d *decoder) first(path string, names ...string) string {
	for _, name := range names {
		if d.given(path + "." + name) {
			return name
		}
	}
	return names[0]
}
