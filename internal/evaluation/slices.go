package evaluation

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// maxSlices is the most slices told of one entry, the largest ones.
const maxSlices = 60

// Condition is one column's value that the rows of a slice share.
type Condition struct {
	Column string `json:"column"`
	Value  string `json:"value"` // a value, or the range of a fifth of the rows
}

// Slice is how the chosen model did on a part of the test rows.
type Slice struct {
	Where     []Condition        `json:"where"`
	Rows      int                `json:"rows"`
	Scores    map[string]float64 `json:"scores"`
	Undefined string             `json:"undefined,omitempty"` // why the problem's metric has no value
	Interval  *Interval          `json:"interval,omitempty"`  // of the problem's metric
	Whole     *Difference        `json:"whole,omitempty"`     // of the problem's metric, from all test rows
	P         float64            `json:"p,omitempty"`         // of a found slice: corrected for all that were looked at
}

// Name says which rows: "coast = Seattle, origin_state = WA".
func (s Slice) Name() string {
	parts := make([]string, len(s.Where))
	for i, c := range s.Where {
		parts[i] = c.Column + " = " + c.Value
	}
	return strings.Join(parts, ", ")
}

// Slices are the parts of the test rows that were looked at.
type Slices struct {
	MinRows  int      `json:"min_rows"` // smaller parts are not spoken of
	Declared []Slice  `json:"declared,omitempty"`
	Small    int      `json:"small,omitempty"` // declared ones with too few rows
	Found    []Slice  `json:"found,omitempty"` // worse than the rest, beyond chance
	Searched Searched `json:"searched"`
}

// Searched says what was looked at to find slices.
type Searched struct {
	Rows    int `json:"rows"`    // of the test rows, evenly spaced
	Columns int `json:"columns"` // of the model's inputs
	Slices  int `json:"slices"`  // values, fifths and pairs of them with enough rows
}

// slicer cuts the test rows of the chosen model.
type slicer struct {
	metric string
	model  *measured
	frame  *frame.Frame
	draws  resampling
	whole  replicates // of the model on all rows
	rows   int        // the least of a slice
	cut    [][]int32  // rows of each declared slice that is told
}

// take is the sample of some rows.
func (p *prepared) take(rows []int32) (*prepared, error) {
	k := max(1, p.Classes)
	s := Sample{Task: p.Task, Classes: p.Classes, Decision: p.Decision, Y: make([]float64, len(rows)), P: make([]float64, len(rows)*k)}
	if p.Weights != nil {
		s.Weights = make([]float64, len(rows))
	}
	for i, row := range rows {
		s.Y[i] = p.Y[row]
		copy(s.P[i*k:(i+1)*k], p.P[int(row)*k:(int(row)+1)*k])
		if p.Weights != nil {
			s.Weights[i] = p.Weights[row]
		}
	}
	return prepare(s)
}

// slice measures the model on some rows. A part whose rows all weigh nothing is
// told as undefined.
func (s *slicer) slice(ctx context.Context, where []Condition, rows []int32) (Slice, replicates, error) {
	out := Slice{Where: where, Rows: len(rows)}
	part, err := s.model.take(rows)
	if fault.KindOf(err) == fault.DatasetEmpty {
		out.Undefined = "its rows weigh nothing"
		return out, nil, nil
	}
	if err != nil {
		return out, nil, err
	}
	scores, err := part.point()
	if err != nil {
		return out, nil, err
	}
	out.Scores, out.Undefined = scores.Values, scores.Undefined[s.metric]
	value, ok := scores.Values[s.metric]
	if !ok {
		return out, nil, nil
	}
	drawn, err := s.draws.replicate(ctx, rows, part)
	if err != nil {
		return out, nil, err
	}
	out.Interval = drawn[0].interval(s.metric)
	if whole, ok := s.model.Scores[s.metric]; ok {
		out.Whole = &Difference{Value: value - whole, Interval: drawn[0].minus(s.whole, s.metric)}
	}
	return out, drawn[0], nil
}

// declared measures the slices the file names, each entry's largest first.
func (s *slicer) declared(ctx context.Context, entries [][]string, out *Slices) error {
	for _, columns := range entries {
		g, err := s.group(columns)
		if err != nil {
			return err
		}
		members := g.members()
		order := make([]int, 0, len(members))
		for i, rows := range members {
			switch {
			case len(rows) >= s.rows:
				order = append(order, i)
			case len(rows) > 0:
				out.Small++
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(members[b]), len(members[a])) })
		for _, i := range order[:min(len(order), maxSlices)] {
			one, _, err := s.slice(ctx, conditions(columns, g.names[i]), members[i])
			if err != nil {
				return err
			}
			out.Declared, s.cut = append(out.Declared, one), append(s.cut, members[i])
		}
	}
	return nil
}

func conditions(columns []string, name string) []Condition {
	values := strings.Split(name, crossed)
	out := make([]Condition, len(columns))
	for i, c := range columns {
		out[i] = Condition{Column: c, Value: values[i]}
	}
	return out
}

func (s *slicer) group(columns []string) (grouping, error) {
	var g grouping
	for i, name := range columns {
		column := s.frame.Column(name)
		if column == nil {
			return g, fault.New(fault.ColumnMissing, "the test rows have no column %q to slice by", name).WithRemedy("select it in dataset.sql, or mend evaluate.slices")
		}
		if one := group(column, s.frame.Rows); i == 0 {
			g = one
		} else {
			g = g.cross(one)
		}
	}
	return g, nil
}
