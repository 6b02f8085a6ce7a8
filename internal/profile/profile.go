package profile

import (
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Version is the version of the artifact's form.
const Version = 2

// Profile is the artifact. Figures that do not exist (the mean of no values) are
// null.
type Profile struct {
	Version  int           `json:"version"`
	Rows     int64         `json:"rows"`
	Target   string        `json:"target,omitempty"`
	Task     pipeline.Task `json:"task,omitempty"`
	Columns  []Column      `json:"columns"`  // in the dataset's order
	Warnings []Warning     `json:"warnings"` // what matters most first

	DuplicateRows int64     `json:"duplicate_rows"`           // that repeat an earlier one in every column
	RepeatedKeys  *int64    `json:"repeated_keys,omitempty"`  // rows that repeat an earlier one in the key; null without one
	Missingness   []Pattern `json:"missingness,omitempty"`    // which columns are missing together, the most frequent first
	MissingnessOf int       `json:"missingness_of,omitempty"` // how many columns that tells of, those with the most missing; 0: of all
	Matrix        *Matrix   `json:"matrix,omitempty"`         // association of columns with each other, over a sample
	Previous      string    `json:"previous,omitempty"`       // the run whose profile drift is against
}

// Column is what one column holds. A value is missing if it is NULL or NaN;
// infinite values are counted and left out of every other figure.
type Column struct {
	Name         string       `json:"name"`
	Type         string       `json:"type"` // "number", "text" or "time"; whole numbers beyond 2⁵³, of which float64 tells few apart, are text
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
	Information  *Information `json:"information,omitempty"` // about the target, over the sample
	Power        *Power       `json:"power,omitempty"`       // to predict the target, over the sample
	AfterEvent   int64        `json:"after_event,omitempty"` // times: rows in which it is later than the event time
	Bins         *Bins        `json:"bins,omitempty"`        // numbers and times: what a later profile is compared with
	Drift        *float64     `json:"drift,omitempty"`       // Jensen-Shannon distance from the previous profile, missing values included; 0 to 1
}

// Number describes finite numbers.
type Number struct {
	Min       float64    `json:"min"`
	Max       float64    `json:"max"`
	Mean      float64    `json:"mean"`
	SD        *float64   `json:"sd"` // sample standard deviation (ddof 1); null for one value
	Zeros     int64      `json:"zeros"`
	Negative  int64      `json:"negative"`
	Skew      *float64   `json:"skew,omitempty"`     // adjusted Fisher-Pearson coefficient; null for a constant
	Outliers  *Outliers  `json:"outliers,omitempty"` // null if the fences are beyond the range of numbers
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
	Coverage  *Coverage      `json:"coverage,omitempty"`
}

// Coverage says how moments fill their span.
type Coverage struct {
	Days     int64   `json:"days"`      // that have at least one row
	SpanDays int64   `json:"span_days"` // from the first to the last
	GapHours float64 `json:"gap_hours"` // longest time without a row
	GapFrom  string  `json:"gap_from,omitempty"`
	GapTo    string  `json:"gap_to,omitempty"`

	gap float64
}

// TimeQuantile is Quantile for times.
type TimeQuantile struct {
	P     float64 `json:"p"`
	Value string  `json:"value"`
}

// Text describes texts by their lengths in characters.
type Text struct {
	MinLength  int64   `json:"min_length"`
	MaxLength  int64   `json:"max_length"`
	MeanLength float64 `json:"mean_length"` // over all rows
	Empty      int64   `json:"empty"`       // rows with nothing but spaces
	Padded     int64   `json:"padded"`      // rows with spaces before or behind
	Numeric    int64   `json:"numeric"`     // rows that read as a number
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
	Kind   string  `json:"kind"`             // stable: "leakage_suspect", "constant", …
	Level  string  `json:"level"`            // "bad" or "warn"
	Column string  `json:"column,omitempty"` // none: the table
	Text   string  `json:"text"`
	Weight float64 `json:"weight"` // how much it matters, the list's order; 0 to 100
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
