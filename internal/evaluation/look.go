package evaluation

import "fmt"

// manyLooks is from how many looks on a page warns. The best of k models judged on
// the same n rows looks better than it is by about sqrt(2 ln k / n) deviations of
// a row's loss (Blum and Hardt, "The Ladder", 2015, and the references there):
// small at ten, and growing with every one.
const manyLooks = 10

// Look says how often these test rows have judged a model. Every judged model
// version counts once, however often its run is repeated.
type Look struct {
	Number int `json:"number"` // this model's place among those judged on these rows, from 1
}

func (l Look) sentence() string {
	s := fmt.Sprintf("This is look %d at these test rows", l.Number)
	if l.Number == 1 {
		return s + ": no other model was judged on them before."
	}
	return fmt.Sprintf("%s: %d other model versions were judged on them before.", s, l.Number-1)
}

// warning is "" while there were few looks.
func (l Look) warning() string {
	if l.Number < manyLooks {
		return ""
	}
	return fmt.Sprintf("%d models were judged on these rows. Choices made after seeing earlier results fit themselves to these rows, so the scores promise too much: collect new rows, or move the test split.", l.Number)
}

// Limits says in sentences what was found not to hold, for the model card.
func (e *Evaluation) Limits() []string {
	var out []string
	metric := e.Problem.Metric
	for _, s := range e.Slices.Found {
		out = append(out, fmt.Sprintf("It is weaker where %s: %s %s, against %s on all test rows.", s.Name(), metric, number(s.Scores[metric]), number(e.Test.Scores[metric])))
	}
	if e.OverTime != nil && e.OverTime.Warning != "" {
		out = append(out, "It ages: "+e.OverTime.Warning+".")
	}
	for _, f := range e.Fairness {
		for _, name := range []string{"demographic_parity_difference", "equalized_odds_difference", "error_difference"} {
			if v, ok := f.Gaps[name]; ok {
				out = append(out, fmt.Sprintf("Between the groups of %s the %s is %s.", f.Column, name, number(v)))
			}
		}
	}
	return out
}
