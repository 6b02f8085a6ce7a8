package drift

import (
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// SummaryVersion is that of the JSON form of a summary.
const SummaryVersion = 1

// Summary is what is kept of the requests that one model version answered in some
// time: counts, exact sums, least and greatest values, and the texts of least hash.
// Each of those is the same however the requests are dealt to summaries and in
// whatever order these are merged, and so are the bytes.
type Summary struct {
	Version  int      `json:"version"`
	Layout   string   `json:"layout"` // its digest
	Rows     int64    `json:"rows"`   // answered
	Features []Column `json:"features"`
	Outputs  []Column `json:"outputs"`
	Service  Service  `json:"service"`
}

// Column is what is kept of one column.
type Column struct {
	Name     string   `json:"name"`
	Rows     int64    `json:"rows"`
	Missing  int64    `json:"missing"`
	Infinite int64    `json:"infinite,omitempty"` // numbers
	Bins     []int64  `json:"bins"`               // numbers and times: len(Edges)+1; texts: one a category
	Least    *float64 `json:"least,omitempty"`    // finite
	Greatest *float64 `json:"greatest,omitempty"`
	Sum      *Exact   `json:"sum,omitempty"` // of the finite values
	Squares  *Exact   `json:"squares,omitempty"`
	Rare     int64    `json:"rare,omitempty"`     // with a text that the layout knows and does not list
	Unlisted *Tally   `json:"unlisted,omitempty"` // with others
	Problem  string   `json:"problem,omitempty"`  // why rows could not be counted
}

// New returns the summary of no requests: what changes nothing where it is merged.
func New(l *Layout) *Summary {
	s := &Summary{Version: SummaryVersion, Layout: l.Digest(), Features: make([]Column, len(l.Features)), Outputs: make([]Column, len(l.Outputs))}
	for _, side := range []struct {
		fields []Field
		into   []Column
	}{{l.Features, s.Features}, {l.Outputs, s.Outputs}} {
		for i := range side.fields {
			f := &side.fields[i]
			side.into[i] = Column{Name: f.Name, Bins: make([]int64, f.bins())}
			if !f.text() {
				side.into[i].Sum, side.into[i].Squares = &Exact{}, &Exact{}
			}
		}
	}
	return s
}

// Summarize counts rows: features and outputs hold the columns of the layout by
// name, in any order, others are left alone. A column that is absent or of another
// kind is that column's Problem. The result does not depend on the number of
// threads.
//
// Errors: Internal if the two differ in rows; ResourceExhausted for more than 2^31
// rows, of which summaries are made apart and merged.
func Summarize(l *Layout, features, outputs *frame.Frame) (*Summary, error) {
	if features.Rows != outputs.Rows {
		return nil, fault.New(fault.Internal, "%d rows of features and %d of outputs are summarised together", features.Rows, outputs.Rows)
	}
	if features.Rows > maxTerms {
		return nil, fault.New(fault.ResourceExhausted, "%d rows are summarised at once; the bound is %d", features.Rows, maxTerms).WithRemedy("summarise parts and merge them")
	}
	s := New(l)
	s.Rows = int64(features.Rows)
	n := len(l.Features)
	parallel(n+len(l.Outputs), func(i int) {
		field, into, from := (*Field)(nil), (*Column)(nil), features
		if i < n {
			field, into = &l.Features[i], &s.Features[i]
		} else {
			field, into, from = &l.Outputs[i-n], &s.Outputs[i-n], outputs
		}
		into.fill(field, from.Column(field.Name))
	})
	return s, nil
}

// Column returns the feature or output of that name, or nil.
func (s *Summary) Column(name string) *Column {
	for _, side := range [][]Column{s.Features, s.Outputs} {
		for i := range side {
			if side[i].Name == name {
				return &side[i]
			}
		}
	}
	return nil
}

// Merge returns the summary of the requests of all, which are of one layout. It is
// associative and commutative to the byte. Error: Internal for another layout.
func Merge(l *Layout, all ...*Summary) (*Summary, error) {
	out := New(l)
	for _, s := range all {
		if s.Layout != out.Layout || len(s.Features) != len(out.Features) || len(s.Outputs) != len(out.Outputs) {
			return nil, fault.New(fault.Internal, "a summary of layout %s is merged with those of %s", s.Layout, out.Layout)
		}
		out.Rows += s.Rows
		for i := range s.Features {
			out.Features[i].merge(&s.Features[i])
		}
		for i := range s.Outputs {
			out.Outputs[i].merge(&s.Outputs[i])
		}
		out.Service.Merge(&s.Service)
	}
	return out, nil
}
