package pipeline

import (
	"errors"
	"fmt"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
)

// MaxTrials bounds the trials of one search, and MaxFits these times the folds: a
// search of more is a mistake in the file more often than a wish, and the scores
// of MaxFits fits are what a workflow hands on when it continues as new.
const (
	MaxTrials = 1000
	MaxFits   = 4000
)

func (d *decoder) checkTrain(p *Pipeline) {
	t := p.Train
	if t.Folds < 2 || t.Folds > 20 {
		d.add("train.folds", "write 2 to 20", "%d folds cannot be made", t.Folds)
	}
	d.checkWithin("train.repeats", t.Repeats, 1, 20)
	if t.Repeats > 1 && p.Split.Method == "time" {
		d.add("train.repeats", "remove it", "rows split by time can be dealt to folds in one way only")
	}
	if t.Nested != 0 {
		d.checkWithin("train.nested", t.Nested, 2, 10)
	}
	if d.given("train.candidates") && len(t.Candidates) == 0 && !d.faulty["train.candidates"] {
		d.add("train.candidates", "name at least one, or remove the key", "is empty")
	}
	d.checkSearch(t.Search)
	ours := 0
	for _, c := range t.Candidates {
		if c.Kind != ExternalKind {
			ours++
		}
	}
	switch {
	case t.Ensemble == "":
	case len(t.Candidates) < 2:
		d.add("train.ensemble", "add a candidate of another kind, or remove it", "there is only one candidate to make it of")
	case ours < 2:
		d.add("train.ensemble", "add a candidate of another kind, or remove it", "models trained elsewhere read other features and cannot join, and there are no two of the others")
	}
	for i, c := range t.Candidates {
		path := fmt.Sprintf("train.candidates[%d]", i)
		if c.Kind == ExternalKind {
			d.checkExternal(path, c, t.Candidates[:i], t.Search.Method)
			if p.Package.PMML {
				d.add("package.pmml", "remove it, or train here", "a model trained elsewhere is an ONNX graph and has no form in PMML")
			}
			continue
		}
		if c.External != nil {
			d.add(path+".external", "remove it, or write kind: external", "%s is trained here", c.Kind)
		}
		d.checkCandidate(path, c, p.Problem.Task, t.Search.Method)
	}
	trials := t.Trials()
	switch fits := trials * t.Rounds(); {
	case trials > MaxTrials && t.Search.Method == GridSearch:
		d.add("train.candidates", fmt.Sprintf("keep the grids to %d combinations, or write search: {method: tpe}", MaxTrials-1), "the grids have %d combinations", trials-1)
	case trials <= MaxTrials && fits > MaxFits:
		d.add("train.folds", fmt.Sprintf("use fewer folds, repeats or trials: %d fits at most", MaxFits), "%d trials on %d folds are %d fits", trials, t.Rounds(), fits)
	}
}

func (d *decoder) checkSearch(s Search) {
	if s.Method == GridSearch {
		for _, key := range []string{"trials", "batch", "factor"} {
			if d.given("train.search." + key) {
				d.add("train.search."+key, "remove it, or name another method", "grid tries every point")
			}
		}
	} else {
		d.checkWithin("train.search.trials", s.Trials, 1, MaxTrials-1)
	}
	if s.Method == TPESearch {
		d.checkWithin("train.search.batch", s.Batch, 1, 100)
	}
	if s.Method == Halving || s.Method == Hyperband {
		d.checkWithin("train.search.factor", s.Factor, 2, 10)
	}
	if s.Time != "" {
		if t, err := ParseDuration(s.Time); err != nil || t <= 0 {
			d.add("train.search.time", "write a duration such as 30m", "%q is not a duration", clip(s.Time))
		}
	}
}

// checkWithin notes a whole number outside of its inclusive range.
func (d *decoder) checkWithin(path string, n, low, high int) {
	if n < low || n > high {
		d.add(path, fmt.Sprintf("write %d to %d", low, high), "must be a whole number from %d to %d, not %d", low, high, n)
	}
}

func (d *decoder) checkCandidate(path string, c Candidate, task Task, method string) {
	learner, err := model.For(c.Kind)
	if err != nil {
		return
	}
	var wrong *fault.Error
	if err := learner.Check(task.LeastClasses(), model.Settings{Options: c.Options}); task != "" && errors.As(err, &wrong) {
		d.add(path+".kind", wrong.Remedy, "%s", wrong.Message)
	}
	known := map[string]model.Parameter{}
	for _, p := range learner.Parameters() {
		known[p.Name] = p
	}
	for _, name := range sortedKeys(c.Grid) {
		at, values := join(path+".grid", name), c.Grid[name]
		parameter, ok := d.checkParameter(at, c.Kind, name, known)
		if !ok {
			continue
		}
		if len(values) == 0 {
			d.add(at, "write at least one value", "is empty")
		}
		for i, v := range values {
			if !parameter.Accepts(v) {
				d.add(fmt.Sprintf("%s[%d]", at, i), "change the value", "%s must be %s, not %v", name, parameter.Range(), v)
			}
			if slices.Contains(values[:i], v) {
				d.add(fmt.Sprintf("%s[%d]", at, i), "keep one of the two", "%v stands twice", v)
			}
		}
	}
	for _, name := range sortedKeys(c.Space) {
		at := join(path+".space", name)
		parameter, ok := d.checkParameter(at, c.Kind, name, known)
		if !ok {
			continue
		}
		if _, twice := c.Grid[name]; twice {
			d.add(at, "keep one of the two", "%s stands in grid, too", name)
		}
		if c.Space[name].Whole {
			d.add(at+".whole", "remove it", "%s knows itself whether it is whole", name)
		}
		d.checkInterval(at, c.Space[name], parameter)
	}
	if len(c.Space) > 0 && method == GridSearch {
		d.add(path+".space", "list values in grid, or name another train.search.method", "a grid has no intervals")
	}
}

func (d *decoder) checkParameter(at, kind, name string, known map[string]model.Parameter) (model.Parameter, bool) {
	parameter, ok := known[name]
	switch names := sortedKeys(known); {
	case !ok && len(names) == 0:
		d.add(at, "remove it", "%s has no parameters", kind)
	case !ok:
		d.add(at, instead(name, names), "%s has no parameter %q", kind, clip(name))
	}
	return parameter, ok
}

func (d *decoder) checkInterval(at string, in Interval, parameter model.Parameter) {
	for end, v := range map[string]float64{"low": in.Low, "high": in.High} {
		if v < parameter.Low || v > parameter.High {
			d.add(join(at, end), "change the value", "%s must be %s, not %v", parameter.Name, parameter.Range(), v)
		}
	}
	switch {
	case d.anyFaultyBeneath(at):
	case in.Low >= in.High:
		d.add(at, "write low below high, or list values in grid", "low %v is not below high %v", in.Low, in.High)
	case in.Log && in.Low <= 0:
		d.add(join(at, "low"), "write a low above 0, or remove log", "has no logarithm")
	}
}
