package pipeline

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// ReservedPrefix starts the names of the columns the product itself adds to a
// table; a dataset may not use it, and nothing learns from them.
const ReservedPrefix = "__esteira_"

// Column is one column of a dataset as found.
type Column struct {
	Name string     `json:"name"`
	Kind frame.Kind `json:"-"`
	Type string     `json:"type"` // "number", "text" or "time", the name of Kind
	SQL  string     `json:"sql"`  // the engine's own type, "BIGINT"
}

// Identifying lists the columns that say which row it is and when it was known.
// Learning from them unasked would be learning rows by heart.
func (d Dataset) Identifying() []string {
	names := slices.Clone(d.Key)
	if d.EventTime != "" {
		names = append(names, d.EventTime)
	}
	return names
}

// Schema is the columns of a dataset, in order.
type Schema []Column

// Column returns the column of that name, or nil.
func (s Schema) Column(name string) *Column {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	return nil
}
