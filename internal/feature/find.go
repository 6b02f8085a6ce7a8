package feature

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// find returns the column of that name and kind, looking first where it was last
// time.
func (s *Scratch) find(last *int, name string, want frame.Kind, f *frame.Frame) (*frame.Column, error) {
	at := *last
	if at >= len(f.Columns) || f.Columns[at].Name != name {
		at = slices.IndexFunc(f.Columns, func(c frame.Column) bool { return c.Name == name })
		if at < 0 {
			return nil, columnMissing(name, frameNames(f))
		}
		*last = at
	}
	column := &f.Columns[at]
	rows := len(column.Numbers)
	switch column.Kind {
	case frame.Text:
		rows = len(column.Codes)
	case frame.Time:
		rows = len(column.Times)
	}
	if column.Kind != want {
		return nil, fault.New(fault.TypeMismatch, "column %q is a %s where the model was trained on a %s", name, column.Kind, want).
			WithRemedy("send %q as a %s", name, want).WithDetails(Place{Column: name})
	}
	if rows != f.Rows {
		return nil, fault.New(fault.Internal, "column %q has %d values in a frame of %d rows", name, rows, f.Rows)
	}
	return column, nil
}

// findAll finds the columns of formula i.
func (s *Scratch) findAll(i int, f *frame.Frame) error {
	for j, name := range s.fitted.Chains[i].Columns {
		at := s.at[i] + j
		column, err := s.find(&at, name, frame.Number, f)
		if err != nil {
			return err
		}
		if j == 0 {
			s.at[i] = at
		}
		s.formulas[i].columns[j] = column.Numbers
	}
	return nil
}
