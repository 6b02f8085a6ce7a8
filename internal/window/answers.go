package window

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// answers reads what was answered and what was true, of one target. As columns does, it
// leaves to encoding/json what is not plain.
type answers struct {
	target *feature.Target
	index  map[string]int // of a class
	cursor jsontext.Cursor
}

func newAnswers(target *feature.Target) *answers {
	a := &answers{target: target, index: make(map[string]int, len(target.Classes))}
	for k, class := range target.Classes {
		a.index[class] = k
	}
	return a
}

// outputs is how many values an answer has.
func (a *answers) outputs() int { return max(1, len(a.target.Classes)) }

// read reads an answer into out: the value, or the probability of each class; false: it
// is none.
func (a *answers) read(text []byte, out []float64) bool {
	return a.plain(text, out) || a.unmarshal(text, out)
}

// plain reads an answer as servers write it; false: others must say what it is.
func (a *answers) plain(text []byte, out []float64) bool {
	c := &a.cursor
	c.Reset(text)
	if c.Peek() != '{' {
		return false
	}
	c.At++
	found := false
	for first := true; ; first = false {
		more, err := c.Next(first, '}')
		if err != nil {
			return false
		}
		if !more {
			return found && c.End() == nil
		}
		name, err := c.Key()
		if err != nil {
			return false
		}
		switch prediction := string(name) == "prediction"; {
		case !found && prediction && len(a.index) == 0:
			out[0], found = a.number()
		case !found && !prediction && string(name) == "probabilities" && len(a.index) > 0:
			found = a.probabilities(out)
		case bytes.EqualFold(name, []byte("prediction")) || bytes.EqualFold(name, []byte("probabilities")):
			return false // encoding/json takes names of another case, and the last of two
		default:
			if _, err := c.Skip(0); err != nil {
				return false
			}
			continue
		}
		if !found {
			return false
		}
	}
}

func (a *answers) number() (float64, bool) {
	a.cursor.Peek() // at what stands behind spaces
	x, err := a.cursor.Float()
	return x, err == nil
}

func (a *answers) probabilities(out []float64) bool {
	c := &a.cursor
	if c.Peek() != '{' {
		return false
	}
	c.At++
	for k := range out {
		out[k] = math.NaN()
	}
	for first := true; ; first = false {
		more, err := c.Next(first, '}')
		if err != nil {
			return false
		}
		if !more {
			return !slices.ContainsFunc(out, math.IsNaN)
		}
		class, err := c.Key()
		if err != nil {
			return false
		}
		k, known := a.index[string(class)]
		p, ok := a.number()
		if !ok || !known || !math.IsNaN(out[k]) {
			return false
		}
		out[k] = p
	}
}

// unmarshal is read by encoding/json.
func (a *answers) unmarshal(text []byte, out []float64) bool {
	var o struct {
		Prediction    *float64           `json:"prediction"`
		Probabilities map[string]float64 `json:"probabilities"`
	}
	if json.Unmarshal(text, &o) != nil {
		return false
	}
	if len(a.target.Classes) == 0 {
		if o.Prediction == nil {
			return false
		}
		out[0] = *o.Prediction
		return true
	}
	for k, class := range a.target.Classes {
		p, ok := o.Probabilities[class]
		if !ok {
			return false
		}
		out[k] = p
	}
	return true
}

// label is the truth of an answer, NaN where it is nothing that the model can answer.
func (a *answers) label(value []byte) float64 {
	y := math.NaN()
	if len(a.target.Classes) == 0 {
		_ = json.Unmarshal(value, &y) // a text stays what it is: no number
		return y
	}
	var class string
	if json.Unmarshal(value, &class) == nil {
		if i, ok := a.index[class]; ok {
			return float64(i)
		}
	}
	return y
}
