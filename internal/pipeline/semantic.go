package pipeline

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	namePattern       = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	identifierPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	bucketPattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// check notes what no pipeline can mean, section by section.
func (d *decoder) check(p *Pipeline) {
	if p.Name != "" && !namePattern.MatchString(p.Name) {
		d.add("name", "write lower-case letters, digits and dashes, a letter first, at most 63", "%q cannot name a pipeline", clip(p.Name))
	}
	if p.Deploy.Endpoint != p.Name && !namePattern.MatchString(p.Deploy.Endpoint) {
		d.add("deploy.endpoint", "write lower-case letters, digits and dashes, a letter first, at most 63", "%q cannot name an endpoint", clip(p.Deploy.Endpoint))
	}
	d.checkProblem(p)
	d.checkSources(p)
	for i, r := range p.Validation {
		d.checkRule(fmt.Sprintf("validation[%d]", i), r)
		d.checkRuleOf(fmt.Sprintf("validation[%d]", i), p, r)
	}
	d.checkSplit(p)
	d.checkFeatures(p)
	d.checkTrain(p)
	d.checkEvaluate(p)
	d.checkAudit(p.Deploy.Audit)
	d.checkRollout(&p.Deploy)
	d.checkMonitor(p)
	d.checkNotify(p)
	d.checkRetrain(p)
}

func (d *decoder) checkProblem(p *Pipeline) {
	if p.Problem.Task == "" {
		return
	}
	d.checkMetric("problem.metric", p.Problem.Metric, p.Problem.Task)
	if want := baselineOf(p.Problem.Task); p.Problem.Baseline != want {
		d.add("problem.baseline", "write "+want, "%q is not a baseline of a %s task", p.Problem.Baseline, p.Problem.Task)
	}
	if p.Problem.Positive != "" && p.Problem.Task != Binary {
		d.add("problem.positive", "remove it, or write task: binary", "only a binary task has a positive class")
	}
	if c := p.Problem.Costs; c != nil {
		if p.Problem.Task != Binary {
			d.add("problem.costs", "remove it, or write task: binary", "only a binary task has two kinds of error")
		}
		if c.FalsePositive < 0 {
			d.add("problem.costs.false_positive", "write 0 or more", "must not be negative")
		}
		if c.FalseNegative < 0 {
			d.add("problem.costs.false_negative", "write 0 or more", "must not be negative")
		}
	}
	if p.Problem.Weight != "" && p.Problem.Weight == p.Problem.Target {
		d.add("problem.weight", "name another column", "is the target")
	}
	if p.Dataset.EventTime != "" && p.Dataset.EventTime == p.Problem.Target {
		d.add("dataset.event_time", "name another column", "is the target")
	}
}

func (d *decoder) checkMetric(path, metric string, task Task) {
	known := metrics[task]
	if metric == "" || len(known) == 0 || slices.Contains(known, metric) {
		return
	}
	for _, other := range []Task{Regression, Binary, Multiclass} {
		if slices.Contains(metrics[other], metric) {
			d.add(path, "write "+oneOf(known), "%s is a metric of %s, and the task is %s", metric, other, task)
			return
		}
	}
	d.add(path, instead(metric, known), "unknown metric %q", clip(metric))
}

func (d *decoder) checkSources(p *Pipeline) {
	if d.given("sources") && len(p.Sources) == 0 && !d.faulty["sources"] {
		d.add("sources", "name at least one: flights: {path: flights.parquet}", "is empty")
	}
	names := sortedKeys(p.Sources)
	lower := map[string]string{}
	for _, name := range names {
		path := join("sources", name)
		if !identifierPattern.MatchString(name) {
			d.add(path, "write letters, digits and underscores, such as "+identifier(name), "%q cannot name a table", clip(name))
		}
		if twin, ok := lower[strings.ToLower(name)]; ok {
			d.add(path, "name them apart", "differs from source %s only in case, which SQL ignores", twin)
		}
		lower[strings.ToLower(name)] = name
		d.checkSource(path, p.Sources[name])
	}
	if len(names) > 1 && p.Dataset.SQL == "" {
		d.add("dataset.sql", "write one SELECT that joins "+oneOf(names), "is missing: there are %d sources", len(names))
	}
	if d.given("dataset.sql") && strings.TrimSpace(p.Dataset.SQL) == "" {
		d.add("dataset.sql", "write one SELECT", "is blank")
	}
	d.checkDistinct("dataset.key", p.Dataset.Key)
	if from := p.Dataset.RowsFrom; from != "" && !slices.Contains(names, from) {
		d.add("dataset.rows_from", "name one of the sources: "+oneOf(names), "there is no source %q", clip(from))
	}
	if p.Dataset.FanOut == "stop" && len(p.Dataset.Key) == 0 && p.Dataset.RowsFrom == "" {
		d.add("dataset.fan_out", "add key, the columns that tell the rows apart, or rows_from, the source of which each row is one", "cannot tell a multiplied row: nothing says what one row is")
	}
	d.checkTimeout("dataset.timeout", p.Dataset.Timeout)
}

// checkDistinct refuses blanks and doubles in a list of columns.
func (d *decoder) checkDistinct(path string, names []string) {
	if d.given(path) && len(names) == 0 {
		d.add(path, "name at least one column, or remove the key", "is empty")
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			d.add(fmt.Sprintf("%s[%d]", path, i), "keep one of the two", "%q stands twice", clip(name))
		}
	}
}

// identifier makes a name that may name a table of one that may not.
func identifier(name string) string {
	out := strings.Map(func(r rune) rune {
		if r < 128 && identifierPattern.MatchString("_"+string(r)) {
			return r
		}
		return '_'
	}, clip(name))
	if !identifierPattern.MatchString(out) {
		out = "source"
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
