package profile

import (
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Version is the version of the artifact's form.
const Version = 1

// Profile is the artifact. Figures that do not exist (the mean of no values) are
// null.
type Profile struct {
	Version  int           `json:"version"`
	Rows     int64         `json:"rows"`
	Target   string        `json:"target,omitempty"`
	Task     pipeline.Task `json:"task,omitempty"`
	Columns  []Column      `json:"columns"`  // in the dataset's order
	Warnings []Warning     `json:"warnings"` // what matters most first
}

// Column is what one column holds. A value is missing if it is NULL or NaN;
// infinite values are counted and left out of every other figure.
type Column struct {
	Name         string       `json:"name"`
	Type         string       `json:"type"` // "number", "text" or "time"
	SQL          string       `json:"sql"`  // the engine's own type
	Count        int64        `json:"count"`
	Missing      int64        `json:"missing"`
	MissingShare float64      `json:"missing_share"` // of all rows
	Infinite     int64        `json:"infinite,omitempty"`
	Distinct     int64        `json:"distinct"` // exact, missing and infinite ones not among them
	Number       *Number      `json:"number,omitempty"`
	Time         *Time        `json:"time,omitempty"`
	Text         *Text        `json:"text,omitempty"`
	Histogram    *Histogram   `json:"histogram,omitempty"`
	Top          []Value      `json:"top,omitempty"` // the 20 most frequent values, ties by value; numbers and times only if they are all of them
	Association  *Association `json:"association,omitempty"`
}

// Number describes finite numbers.
type Number struct {
	Min       float64    `json:"min"`
	Max       float64    `json:"max"`
	Mean      float64    `json:"mean"`
	SD        *float64   `json:"sd"` // sample standard deviation (ddof 1); null for one value
	Zeros     int64      `json:"zeros"`
	Quantiles []Quantile `json:"quantiles"`
}

// Quantile is a value with the share P of values at or below it, interpolated
// linearly between neighbours (type 7 of Hyndman and Fan, as numpy's default).
type Quantile struct {
	P     float64 `json:"p"`
	Value float64 `json:"value"`
}

// Time describes moments, as RFC 3339, UTC.
type Time struct {
	Min       string         `json:"min"`
	Max       string         `json:"max"`
	Quantiles []TimeQuantile `json:"quantiles"` // the lower of two neighbours
}

// TimeQuantile is Quantile for times.
type TimeQuantile struct {
	P     float64 `json:"p"`
	Value string  `json:"value"`
}

// Text describes texts by their lengths in characters.
type Text struct {
	MinLength int64 `json:"min_length"`
	MaxLength int64 `json:"max_length"`
}

// Histogram counts values in Bins of equal width over [From, To], numbers as
// they are and times in microseconds since the epoch. The interval is that of
// all values unless a few lie far out: it ends at most one distance between the
// quantiles 0.01 and 0.99 beyond them, and the rest is in Below and Above.
type Histogram struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Bins  []int64 `json:"bins"`
	Below int64   `json:"below"`
	Above int64   `json:"above"`
}

// Value is a value, as text, with its count.
type Value struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Association says how much a column alone tells of the target, over the rows
// that have both.
type Association struct {
	// Measure is "pearson" (both numbers, −1 to 1), "correlation_ratio" (eta: a
	// number and classes, 0 to 1) or "cramers_v" (classes and classes, 0 to 1).
	Measure string  `json:"measure"`
	Value   float64 `json:"value"` // ten decimals
	Rows    int64   `json:"rows"`
}

// Warning is something a person should look at.
type Warning struct {
	Kind   string `json:"kind"`  // stable: "leakage_suspect", "constant", …
	Level  string `json:"level"` // "bad" or "warn"
	Column string `json:"column"`
	Text   string `json:"text"`
}

// Column returns the column of that name, or nil.
func (p *Profile) Column(name string) *Column {
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	return nil
}
