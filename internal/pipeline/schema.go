package pipeline

import "github.com/esteira-ml/esteira/internal/frame"

// Column is one column of a dataset as found.
type Column struct {
	Name string     `json:"name"`
	Kind frame.Kind `json:"-"`
	Type string     `json:"type"` // "number", "text" or "time", the name of Kind
	SQL  string     `json:"sql"`  // the engine's own type, "BIGINT"
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
