package window

import (
	"fmt"
	"io"
	"strings"

	"github.com/esteira-ml/esteira/internal/drift"
)

// Write renders the page of the model version of most rows; before are the windows
// before this one, in order of time.
func (m *Measures) Write(w io.Writer, before []drift.Past) error {
	r := drift.Report{
		Endpoint: m.Endpoint, Model: "nobody", From: m.Begins.UnixMicro(), To: m.Ends.UnixMicro(), Service: &m.Service,
		History: append(before[:len(before):len(before)], m.Figures().Past(m.Begins, m.Answered)),
		Footer:  fmt.Sprintf("%d requests, %d answered, %d with a label: %s.", m.Requests, m.Answered, m.Labelled, strings.ReplaceAll(m.State, "_", " ")),
	}
	if m.State == Failed {
		r.Notes = []string{"The window could not be computed: " + m.Reason}
	}
	for i := range m.Models {
		r.Versions = append(r.Versions, m.Models[i].version())
	}
	if len(m.Models) > 0 {
		main := m.Models[0]
		r.Model, r.Baseline, r.Previous, r.Performance, r.Labelled, r.Together, r.Notes = main.Model, main.Baseline, main.Previous, main.Performance, main.Labelled, main.Together, main.Notes
		if main.Concept != nil {
			r.Changes = main.Concept.Changes
		}
		for _, s := range main.Slices {
			r.Slices = append(r.Slices, drift.Scored{Name: s.Name, Rows: int64(s.Rows), Scores: s.Scores, Reason: s.Reason})
		}
		for _, q := range main.Quality {
			r.Quality = append(r.Quality, drift.Check{Rule: q.Column + " is as it was in training", Observed: q.words(), Passed: q.Bad == 0 && q.Problem == ""})
		}
		for _, rule := range main.Contract {
			r.Quality = append(r.Quality, drift.Check{Rule: rule.Rule, Observed: rule.Observed, Passed: rule.Passed})
		}
		if c := main.Calibration; c != nil {
			c.calibrated(&r)
		}
	}
	return r.Write(w)
}

// version is the model version as a row of the table of those that answered.
func (m *ModelMeasure) version() drift.Scored {
	s := drift.Scored{Name: m.Model, Rows: m.Rows, Reason: m.Problem, Scores: map[string]drift.Estimate{}}
	for _, p := range m.Performance {
		if p.Measured != nil {
			s.Scores[p.Metric] = *p.Measured
		}
	}
	if s.Reason == "" && len(s.Scores) == 0 {
		s.Reason = strings.Join(m.Notes, "; ")
	}
	return s
}

func (q *ColumnQuality) words() string {
	if q.Problem != "" {
		return q.Problem
	}
	return fmt.Sprintf("missing beyond training %.2f %%, out of range %.2f %%, unknown %.2f %%", 100*q.Missing, 100*q.OutOfRange, 100*q.Unknown)
}
