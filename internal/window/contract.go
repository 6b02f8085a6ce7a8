package window

import (
	"fmt"
	"slices"

	"github.com/esteira-ml/esteira/internal/alert"
)

// RuleMeasure is what a rule of the pipeline file came to on the rows of a window.
type RuleMeasure struct {
	Rule     string   `json:"rule"` // for people: "delay in [-120, 1500]"
	Columns  []string `json:"columns,omitempty"`
	Passed   bool     `json:"passed"`
	Failed   int64    `json:"failed"` // rows that break it
	Share    float64  `json:"share"`  // of the rows held against it
	Observed string   `json:"observed"`
}

// contract holds the rows kept against the rules of the model's pipeline file.
func (m *collected) contract(o Options, into *ModelMeasure) error {
	if o.Contract == nil || m.sample.len() == 0 {
		return nil
	}
	rules, why, err := o.Contract(m.Model, m.drawn.Rows)
	if err != nil {
		return err
	}
	into.Contract = slices.DeleteFunc(rules, func(r RuleMeasure) bool {
		return len(o.Features) > 0 && !slices.ContainsFunc(r.Columns, func(c string) bool { return slices.Contains(o.Features, c) })
	})
	switch {
	case why != "":
		into.Notes = append(into.Notes, why)
	case len(into.Contract) > 0 && int64(m.sample.len()) < m.read():
		into.Notes = append(into.Notes, fmt.Sprintf("the rules of the pipeline file are held against %d rows drawn of all", m.sample.len()))
	}
	return nil
}

// rules judges the share of rows that break each rule of the pipeline file.
func (j *judge) rules() (out []alert.Finding) {
	for _, r := range j.main.Contract {
		if j.Feature != "" && !slices.Contains(r.Columns, j.Feature) {
			continue
		}
		f := j.finding("rule "+r.Rule, "share")
		f.Against = "the pipeline file"
		if j.main.Rows < int64(j.MinRows) {
			f.Message = fmt.Sprintf("insufficient data: %d rows, fewer than %d", j.main.Rows, j.MinRows)
		} else {
			f.Value = alert.Number(r.Share)
			f = judged(f, !r.Passed && r.Share > *j.Max, "%.3g %% of the rows break the rule: %s (%s); the bound is %.3g %%", 100*r.Share, r.Rule, r.Observed, 100**j.Max)
		}
		out = append(out, f)
	}
	return out
}
