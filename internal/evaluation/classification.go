package evaluation

// Confusion weighs rows by actual and predicted class: counts where the problem
// weighs no rows.
type Confusion struct {
	Rows [][]float64 `json:"rows"` // [actual][predicted]
}

// confuse counts with the answers of hard.
func confuse(y []float64, hard []int32, w []float64, classes int) *Confusion {
	c := &Confusion{Rows: make([][]float64, classes)}
	for k := range c.Rows {
		c.Rows[k] = make([]float64, classes)
	}
	for i, actual := range y {
		c.Rows[int(actual)][hard[i]] += w[i]
	}
	return c
}

// Class is how one class was predicted, against all others.
type Class struct {
	Name      string  `json:"name"`
	Precision float64 `json:"precision"` // 0 if it was never predicted
	Recall    float64 `json:"recall"`    // 0 if it does not occur
	F1        float64 `json:"f1"`
	Support   float64 `json:"support"`   // weight of the rows of the class
	Predicted float64 `json:"predicted"` // weight of the rows predicted as the class
}

// classesOf tells of each class; a matrix of a thousand classes is not made.
func classesOf(y []float64, hard []int32, w []float64, names []string) []Class {
	of := make([]counts, len(names))
	for i, actual := range y {
		if a := int(actual); a == int(hard[i]) {
			of[a].tp += w[i]
		} else {
			of[a].fn += w[i]
			of[hard[i]].fp += w[i]
		}
	}
	out := make([]Class, len(names))
	for k, c := range of {
		out[k] = Class{Name: names[k], Precision: c.precision(), Recall: c.recall(), F1: c.f1(), Support: c.tp + c.fn, Predicted: c.tp + c.fp}
	}
	return out
}
