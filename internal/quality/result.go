package quality

import (
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// MaxExamples is how many failing rows are shown for a rule.
const MaxExamples = 20

// Result is the outcome of all rules over one dataset.
type Result struct {
	Rows        int64        `json:"rows"`        // looked at, those dropped not among them
	Valid       int64        `json:"valid"`       // rows that go on
	Quarantined int64        `json:"quarantined"` // rows that do not
	Dropped     int64        `json:"dropped"`     // repeats left out by a repair
	Changed     bool         `json:"changed"`     // rows go on from Outputs.Valid, not from the file as it was
	Columns     []string     `json:"columns"`     // names of the values in examples
	Rules       []RuleResult `json:"rules"`       // in the order given
}

// RuleResult is the outcome of one rule.
type RuleResult struct {
	Rule      string            `json:"rule"`  // for people: "delay in [-120, 1500]"
	Check     string            `json:"check"` // its name in the pipeline file: "range"
	Severity  pipeline.Severity `json:"severity"`
	Columns   []string          `json:"columns,omitempty"` // the columns it speaks of
	Passed    bool              `json:"passed"`
	Failed    int64             `json:"failed"`              // rows that break it (max_null_share: missing ones; type: all)
	Share     float64           `json:"share"`               // Failed of all rows
	Known     int64             `json:"known,omitempty"`     // rows that min_share is of
	Corrected int64             `json:"corrected,omitempty"` // rows changed, or dropped as repeats
	Figure    *float64          `json:"figure,omitempty"`    // what a check of a whole column measured
	Observed  string            `json:"observed"`            // for people: "12 of 3000 rows"
	Examples  []Example         `json:"examples,omitempty"`
}

// Example is one failing row.
type Example struct {
	Row    int64     `json:"row"`              // position in the dataset, from 0
	Values []*string `json:"values,omitempty"` // as text, cut at 200 characters; null is NULL
}

// stops reports whether the rule's failure ends the run: what a repair did not
// mend has no other severity to fall back on.
func (r *RuleResult) stops() bool {
	return r.Severity == pipeline.Stop || r.Severity == pipeline.Correct
}

// Violation returns the fault that ends the run, or nil: DataContractViolation
// for failed rules of severity stop, DatasetEmpty if quarantine left no row.
func (r *Result) Violation() error {
	var said []string
	var failed []RuleResult
	stopped := false
	for _, rule := range r.Rules {
		// When quarantine left nothing, the rules that caught the rows are the cause.
		caught := rule.Severity == pipeline.Quarantine && r.Rows > 0 && r.Valid == 0
		if rule.Passed || !rule.stops() && !caught {
			continue
		}
		stopped = stopped || rule.stops()
		text := rule.Rule + ": " + rule.Observed
		if len(rule.Examples) > 0 {
			text += fmt.Sprintf(", first at row %d", rule.Examples[0].Row)
		}
		said = append(said, text)
		places := make([]Example, min(3, len(rule.Examples)))
		for i := range places {
			places[i].Row = rule.Examples[i].Row // an error travels; data does not
		}
		rule.Examples = places
		failed = append(failed, rule)
	}
	const most = 10
	rules := strings.Join(said[:min(most, len(said))], "; ")
	if len(said) > most {
		rules += fmt.Sprintf("; and %d more", len(said)-most)
	}
	if stopped {
		return fault.New(fault.DataContractViolation, "%s of validation failed (%s)", count(len(failed), "rule"), rules).
			WithRemedy("repair the data, or change the rule's bounds or on_fail; the validation artifact shows example rows").WithDetails(failed[:min(most, len(failed))])
	}
	if r.Rows > 0 && r.Valid == 0 {
		return fault.New(fault.DatasetEmpty, "all %d rows were quarantined (%s)", r.Rows, rules).
			WithRemedy("look at the quarantined rows: each names the rules that caught it")
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
