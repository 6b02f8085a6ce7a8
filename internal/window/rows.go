package window

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
)

// frame makes columns of records as they were sent. A value that is absent or of a
// wrong type is missing, and counted as wrong in its column.
func (m *collected) frame(records []map[string]any) *frame.Frame {
	if f, err := bundle.FrameFromRecords(m.sig, records); err == nil {
		return f
	}
	f := &frame.Frame{Rows: len(records)}
	for _, in := range m.sig.Inputs {
		one := bundle.Signature{Inputs: []bundle.Input{in}}
		values := make([]map[string]any, len(records))
		for i, record := range records {
			value, there := record[in.Name]
			values[i] = map[string]any{in.Name: value}
			if !there {
				m.wrong[in.Name]++
			} else if _, err := bundle.FrameFromRecords(one, values[i:i+1]); err != nil {
				m.wrong[in.Name]++
				values[i][in.Name] = nil
			}
		}
		// Each value was read alone: together they cannot fail.
		if column, err := bundle.FrameFromRecords(one, values); err == nil {
			f.Columns = append(f.Columns, column.Columns...)
		}
	}
	return f
}

// extend adds the rows of another column of the same kind.
func extend(to, from *frame.Column) {
	to.Numbers = append(to.Numbers, from.Numbers...)
	to.Times = append(to.Times, from.Times...)
	if len(from.Codes) == 0 {
		return
	}
	at := make(map[string]int32, len(to.Dict))
	for i, text := range to.Dict {
		at[text] = int32(i)
	}
	to.Dict, to.Codes = slices.Clone(to.Dict), slices.Grow(to.Codes, len(from.Codes))
	for _, code := range from.Codes {
		if code == frame.MissingCode {
			to.Codes = append(to.Codes, code)
			continue
		}
		text := from.Dict[code]
		mapped, ok := at[text]
		if !ok {
			mapped = int32(len(to.Dict))
			at[text] = mapped
			to.Dict = append(to.Dict, text)
		}
		to.Codes = append(to.Codes, mapped)
	}
}
