package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Metrics is what evaluation found, in the words of metrics.json. Each map is
// metric → value; a nil one was not measured.
type Metrics struct {
	Metric     string             `json:"metric"` // the one that chose the model
	Validation map[string]float64 `json:"validation,omitempty"`
	Test       map[string]float64 `json:"test,omitempty"`
	Baseline   map[string]float64 `json:"baseline,omitempty"` // of the baseline, on the test rows
	Champion   map[string]float64 `json:"champion,omitempty"` // of the live model, on the same test rows
	Gates      []Gate             `json:"gates,omitempty"`
	// Intervals are the middle 95 % of Test over resamples of the test rows.
	Intervals map[string]Interval `json:"intervals,omitempty"`
	Threshold *Threshold          `json:"threshold,omitempty"`
	Slices    []Slice             `json:"slices,omitempty"`
	Limits    []string            `json:"limits,omitempty"` // what the evaluation found not to hold
}

// Interval is a range of a metric.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Threshold informs those who act on the probability of a binary model: an answer
// that is positive from it on was cheapest on the validation rows. Endpoints
// answer with the more probable class.
type Threshold struct {
	Probability float64 `json:"probability"`
	PerRow      float64 `json:"cost_per_row"`        // on the test rows
	AsServed    float64 `json:"cost_per_row_served"` // of the more probable class
}

// Slice is how the model did on a part of the test rows.
type Slice struct {
	Name     string    `json:"name"` // "origin_state = TX"
	Rows     int       `json:"rows"`
	Value    float64   `json:"value"` // of Metric
	Interval *Interval `json:"interval,omitempty"`
	Weak     bool      `json:"weak,omitempty"` // found to be worse than the rest, beyond chance
}

// Gate is one condition and what became of it.
type Gate struct {
	Gate   string `json:"gate"` // "rmse better than baseline"
	Passed bool   `json:"passed"`
	Detail string `json:"detail,omitempty"` // "31.2 against 35.0: 10.9 % better"
}

// Lineage names by digest what a model came from. A digest is lower-case hex
// SHA-256.
type Lineage struct {
	Run      string            `json:"run,omitempty"` // Workflow ID of the run that made it
	Pipeline string            `json:"pipeline"`      // digest of the canonical pipeline
	Dataset  string            `json:"dataset"`
	Splits   map[string]string `json:"splits"` // train, validation, test → digest
	Sources  map[string]string `json:"sources,omitempty"`
	Code     string            `json:"code,omitempty"` // version of the build
	Imported *Imported         `json:"imported,omitempty"`
}

// Imported says from what a model that came in as a file was made. Who took it in and
// when is in the registry: equal files are equal bundles.
type Imported struct {
	SHA256    string `json:"sha256"` // of the ONNX file
	Framework string `json:"framework"`
}

// Card is what a model card says (Mitchell et al., "Model Cards for Model
// Reporting", 2019). Empty fields leave their line out.
type Card struct {
	Name    string
	Kind    string      // of the model: "ols", "logistic", "boosted_trees", "baseline"
	Model   model.Model // of ols its coefficients are shown, of trees their gains; nil: they are not
	Dropped []string    // columns the fit left out, constant or collinear
	Problem pipeline.Problem
	// ProblemDigest names the version of the problem the model answers.
	ProblemDigest string
	// ProblemVersion is its number, as "esteira runs show" tells it; 0 in a bundle: it
	// is a database's own, and would make equal bundles differ.
	ProblemVersion int
	// Solved says whether the problem's threshold is met on the test rows.
	Solved      *bool
	IntendedUse string
	Rows        map[string]int // split → rows
	Metrics     Metrics
	Signature   Signature
	Limits      []string // what is known not to work, beyond what holds for every model
	Lineage     Lineage
}

// Markdown writes the card; equal cards have equal bytes.
func (c Card) Markdown() string {
	w := &strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	item := func(name, value string) {
		if value != "" {
			line("- **%s:** %s", name, inline(value))
		}
	}
	line("# Model card: %s\n", inline(c.Name))
	line("## Problem\n")
	item("Statement", c.Problem.Statement)
	if c.ProblemVersion > 0 {
		item("Version", fmt.Sprintf("%d, %s", c.ProblemVersion, c.ProblemDigest))
	} else {
		item("Version", c.ProblemDigest)
	}
	item("Task", string(c.Problem.Task))
	item("Target", c.Problem.Target)
	item("Positive class", c.Problem.Positive)
	item("Metric", c.Problem.Metric)
	if t := c.Problem.Threshold; t != nil {
		met := ""
		if c.Solved != nil {
			met = map[bool]string{true: ", met on the test rows", false: ", not met on the test rows"}[*c.Solved]
		}
		item("Success threshold", figure(*t)+met)
	}
	if costs := c.Problem.Costs; costs != nil {
		item("Costs", fmt.Sprintf("%s a false positive, %s a false negative", figure(costs.FalsePositive), figure(costs.FalseNegative)))
	}
	item("Owner", c.Problem.Owner)
	item("Model", c.Kind)
	use := c.IntendedUse
	if use == "" {
		use = fmt.Sprintf("Answers the problem above for rows like those it was trained on: predicts %s from %d columns.", c.Problem.Target, len(c.Signature.Inputs))
	}
	line("\n## Intended use\n\n%s\n", inline(use))
	c.data(line)
	c.metrics(line)
	c.coefficients(line)
	c.gains(line)
	line("## Limits\n")
	for _, l := range append(slices.Concat(c.Limits, c.Metrics.Limits),
		"A category not seen in training is answered as such, and a missing value by its imputed one: the answer says less about such a row.",
		"Values outside the ranges above were not seen in training; the answer extrapolates.",
		"The figures hold while requests look like the training rows; monitoring compares them with the baseline statistics in this bundle.",
	) {
		line("- %s", inline(l))
	}
	line("\n## Lineage\n")
	item("Run", c.Lineage.Run)
	item("Pipeline", c.Lineage.Pipeline)
	if from := c.Lineage.Imported; from != nil {
		item("Imported ONNX file", from.SHA256)
	}
	item("Dataset", c.Lineage.Dataset)
	for _, name := range slices.Sorted(maps.Keys(c.Lineage.Splits)) {
		item("Split "+name, c.Lineage.Splits[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Lineage.Sources)) {
		item("Source "+name, c.Lineage.Sources[name])
	}
	item("Build", c.Lineage.Code)
	return w.String()
}

func (c Card) data(line func(string, ...any)) {
	line("## Data\n")
	for _, split := range []string{"train", "validation", "test"} {
		if n, ok := c.Rows[split]; ok {
			line("- %d rows in %s", n, split)
		}
	}
	line("\n| column | kind | missing allowed | seen in training |\n|---|---|---|---|")
	for _, in := range c.Signature.Inputs {
		line("| %s | %s | %s | %s |", inline(in.Name), in.Kind, yes(in.Nullable), inline(seen(in)))
	}
	line("")
}

func seen(in Input) string {
	switch {
	case in.Min != nil && in.Max != nil:
		return figure(*in.Min) + " to " + figure(*in.Max)
	case in.Earliest != "":
		return in.Earliest + " to " + in.Latest
	case len(in.Categories) > 0:
		const most = 6
		s := strings.Join(in.Categories[:min(most, len(in.Categories))], ", ")
		if more := len(in.Categories) + in.MoreCategories - most; more > 0 {
			s += fmt.Sprintf(" and %d more", more)
		}
		return s
	}
	return "no value"
}

func (c Card) metrics(line func(string, ...any)) {
	line("## Metrics\n")
	columns := []struct {
		name   string
		values map[string]float64
	}{{"validation", c.Metrics.Validation}, {"test", c.Metrics.Test}, {"baseline on test", c.Metrics.Baseline}, {"champion on test", c.Metrics.Champion}}
	names := map[string]bool{}
	header, rule := "| metric |", "|---|"
	for _, col := range columns {
		if col.values != nil {
			header, rule = header+" "+col.name+" |", rule+"---:|"
		}
		for name := range col.values {
			names[name] = true
		}
	}
	line("%s\n%s", header, rule)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row := "| " + inline(name) + " |"
		for _, col := range columns {
			if col.values == nil {
				continue
			}
			cell := "–"
			if v, ok := col.values[name]; ok {
				cell = figure(v)
				if i, ok := c.Metrics.Intervals[name]; ok && col.name == "test" {
					cell += " (" + i.String() + ")"
				}
			}
			row += " " + cell + " |"
		}
		line("%s", row)
	}
	if len(c.Metrics.Intervals) > 0 {
		line("\nIn brackets the middle 95 %% over resamples of the test rows.")
	}
	if c.Metrics.Champion == nil {
		line("\nThe comparison with what was live is in the evaluation of the run.")
	}
	if t := c.Metrics.Threshold; t != nil {
		line("\nEndpoints answer with the more probable class, which costs %s a row on the test rows. Answering positive from a probability of %s on, the threshold chosen on the validation rows, costs %s.", figure(t.AsServed), figure(t.Probability), figure(t.PerRow))
	}
	if len(c.Metrics.Slices) > 0 {
		line("\n### Slices of the test rows\n\n| rows where | rows | %s | 95 %% interval | |\n|---|---:|---:|---:|---|", inline(c.Metrics.Metric))
		for _, s := range c.Metrics.Slices {
			interval, weak := "–", ""
			if s.Interval != nil {
				interval = s.Interval.String()
			}
			if s.Weak {
				weak = "weak"
			}
			line("| %s | %d | %s | %s | %s |", inline(s.Name), s.Rows, figure(s.Value), interval, weak)
		}
	}
	if len(c.Metrics.Gates) > 0 {
		line("\n| gate | passed | detail |\n|---|---|---|")
		for _, g := range c.Metrics.Gates {
			line("| %s | %s | %s |", inline(g.Gate), yes(g.Passed), inline(g.Detail))
		}
	}
	line("")
}

func (i Interval) String() string { return figure(i.Low) + " to " + figure(i.High) }

func figure(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// inline keeps a text from outside within its line and cell.
func inline(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "|", "\\|", "<", "&lt;", "`", "'").Replace(s)
}
