package activities

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
)

// answerer turns frames of questions into frames of answers.
type answerer struct {
	predictor *bundle.Predictor
	outputs   []frame.Column   // of an answer, without rows
	explainer model.Explainer  // nil: nothing is explained
	out       []float64        // of one frame
	labels    map[string]int32 // classes by name
}

// newAnswerer refuses to explain what cannot be: a model without contributions, or
// one of more than two classes, whose contributions are many to each row.
func newAnswerer(p *bundle.Predictor, explain bool) (*answerer, error) {
	a := &answerer{predictor: p}
	if classes := p.Classes(); classes == nil {
		a.outputs = []frame.Column{{Name: predictionColumn}}
	} else {
		a.outputs = []frame.Column{{Name: labelColumn, Kind: frame.Text, Dict: classes}}
		a.labels = map[string]int32{}
		taken := map[string]bool{}
		for i, class := range classes {
			a.labels[class] = int32(i)
			a.outputs = append(a.outputs, frame.Column{Name: distinct(taken, probabilityPrefix+class)})
		}
	}
	if !explain {
		return a, nil
	}
	if a.explainer, _ = p.Model().(model.Explainer); a.explainer == nil || p.Outputs() > 2 {
		return nil, fault.New(fault.RequestInvalid, "the contributions to an answer of this model are not one number a feature").
			WithRemedy("leave --explain out: linear models and boosted trees of a regression or of two classes have them")
	}
	x, err := p.Features().Apply(a.questions(nil).Take(nil))
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{expectedColumn: true}
	for i := range x.Features {
		a.outputs = append(a.outputs, frame.Column{Name: distinct(taken, explainedPrefix+x.Features[i].Name)})
	}
	a.outputs = append(a.outputs, frame.Column{Name: expectedColumn})
	return a, nil
}

// distinct is a name that no other has, whatever their case: SQL does not tell those
// apart.
func distinct(taken map[string]bool, name string) string {
	free := name
	for i := 2; taken[strings.ToLower(free)]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	taken[strings.ToLower(free)] = true
	return free
}

// names are the columns of an answer.
func (a *answerer) names() []string {
	names := make([]string, len(a.outputs))
	for i, c := range a.outputs {
		names[i] = c.Name
	}
	return names
}

// frame is room for the answers to so many rows, missing as yet: the row's number,
// the reason why there is none, and the answer.
func (a *answerer) frame(rows int) *frame.Frame {
	f := &frame.Frame{Rows: rows, Columns: append([]frame.Column{{Name: rowColumn}, {Name: reasonColumn, Kind: frame.Text}}, a.outputs...)}
	for i := range f.Columns {
		switch c := &f.Columns[i]; c.Kind {
		case frame.Text:
			c.Codes = make([]int32, rows)
			for r := range c.Codes {
				c.Codes[r] = frame.MissingCode
			}
		default:
			c.Numbers = make([]float64, rows)
			for r := range c.Numbers {
				c.Numbers[r] = math.NaN()
			}
		}
	}
	return f
}

// questions are the columns of f that the model reads; of no frame, empty ones.
func (a *answerer) questions(f *frame.Frame) *frame.Frame {
	q := &frame.Frame{}
	if f != nil {
		q.Rows = f.Rows
	}
	for i, in := range a.predictor.Signature().Inputs {
		c := frame.Column{Name: in.Name}
		switch {
		case f != nil:
			c = f.Columns[i]
		case in.Kind == frame.Text.String():
			c.Kind = frame.Text
		case in.Kind == frame.Time.String():
			c.Kind = frame.Time
		}
		q.Columns = append(q.Columns, c)
	}
	return q
}

// answer answers the rows of f, which question.over gave.
func (a *answerer) answer(f *frame.Frame) (*frame.Frame, int64, error) {
	got := a.frame(f.Rows)
	asked := a.questions(f)
	copy(got.Columns[0].Numbers, f.Column(rowColumn).Numbers)
	reasons, wrong := &got.Columns[1], f.Column(reasonColumn)
	reasons.Dict = wrong.Dict
	copy(reasons.Codes, wrong.Codes)
	good := make([]int32, 0, f.Rows)
	for i, code := range wrong.Codes {
		if code == frame.MissingCode {
			good = append(good, int32(i))
		}
	}
	if len(good) < f.Rows {
		asked = asked.Take(good)
	}
	rejected := int64(f.Rows - len(good))
	more, err := a.predict(asked, good, got)
	return got, rejected + more, err
}

// predict answers rows of a frame, whose answers go to the given places. Where a row
// makes the whole refuse to be answered, halves are, until it is alone.
func (a *answerer) predict(f *frame.Frame, places []int32, got *frame.Frame) (rejected int64, err error) {
	if f.Rows == 0 {
		return 0, nil
	}
	width := a.predictor.Outputs()
	if cap(a.out) < f.Rows*width {
		a.out = make([]float64, f.Rows*width)
	}
	out := a.out[:f.Rows*width]
	err = a.predictor.Predict(f, out)
	switch kind := fault.KindOf(err); {
	case err == nil:
		a.place(out, places, got)
		return 0, a.explain(f, places, got)
	case kind != fault.RequestInvalid && kind != fault.FeatureInvalid:
		return 0, err
	case f.Rows == 1:
		reasons := &got.Columns[1]
		reasons.Codes[places[0]] = int32(len(reasons.Dict))
		reasons.Dict = append(reasons.Dict[:len(reasons.Dict):len(reasons.Dict)], alone(err))
		return 1, nil
	}
	rows := make([]int32, f.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	for _, half := range [][2]int{{0, f.Rows / 2}, {f.Rows / 2, f.Rows}} {
		n, err := a.predict(f.Take(rows[half[0]:half[1]]), places[half[0]:half[1]], got)
		if rejected += n; err != nil {
			return rejected, err
		}
	}
	return rejected, nil
}

// alone is why a row cannot be answered, without its number among those it was asked
// with.
func alone(err error) string {
	said := err.Error()
	var f *fault.Error
	if errors.As(err, &f) {
		said = f.Message
	}
	return strings.Replace(said, "the answer to row 0 is", "the answer is", 1)
}

func (a *answerer) place(out []float64, places []int32, got *frame.Frame) {
	width, first := a.predictor.Outputs(), 2
	if a.labels != nil {
		for i, at := range places {
			got.Columns[2].Codes[at] = a.labels[a.predictor.Label(out[i*width:(i+1)*width])]
		}
		first = 3
	}
	for k := range width {
		to := got.Columns[first+k].Numbers
		for i, at := range places {
			to[at] = out[i*width+k]
		}
	}
}

// explain puts what each feature added to the answer beside it: to the value, or to
// the log-odds of the second class.
func (a *answerer) explain(f *frame.Frame, places []int32, got *frame.Frame) error {
	if a.explainer == nil {
		return nil
	}
	x, err := a.predictor.Features().Apply(f)
	if err != nil {
		return err
	}
	width, outputs := len(x.Features)+1, a.predictor.Outputs()
	out := make([]float64, f.Rows*outputs*width)
	a.explainer.Explain(x, out)
	first := len(got.Columns) - width
	for i, at := range places {
		for j := range width {
			got.Columns[first+j].Numbers[at] = out[(i*outputs+outputs-1)*width+j]
		}
	}
	return nil
}
