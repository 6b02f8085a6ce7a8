package feature

import "github.com/esteira-ml/esteira/internal/pipeline"

// Target is the fitted target: how a column of the dataset becomes the numbers a
// learner reads, and what the outputs of a model stand for.
type Target struct {
	Column  string        `json:"column"`
	Kind    string        `json:"kind"` // "number" or "text", of the column
	Task    pipeline.Task `json:"task"`
	Classes []string      `json:"classes,omitempty"` // sorted (numbers by value); binary: [negative, positive]
}
