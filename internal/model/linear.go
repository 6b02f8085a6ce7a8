package model

// Link is how the linear predictor becomes a prediction.
type Link string

// The links.
const (
	Identity Link = "identity" // one output: the value
	Logistic Link = "logistic" // one row of coefficients, two outputs: [1-p, p]
	Softmax  Link = "softmax"  // one row of coefficients and one output per class
)

// Linear is a generalised linear model: Link(Intercepts[k] + Coefficients[k]·x)
// over the spread columns x of the matrix (frame.Matrix.Names).
type Linear struct {
	Learner      string      `json:"learner"` // "ols" or "logistic"
	Link         Link        `json:"link"`
	Intercepts   []float64   `json:"intercepts"`
	Coefficients [][]float64 `json:"coefficients"` // [len(Intercepts)][len(Names)]
	Names        []string    `json:"names"`        // of the spread columns
}

// Constant predicts the same for every row: the baseline. Values is the mean of
// the target (regression), or the frequency of each class: as probabilities,
// so that the class it favours is the majority and its log loss is the entropy
// of the target.
type Constant struct {
	Values []float64 `json:"values"`
}
