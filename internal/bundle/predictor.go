package bundle

import (
	"math"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// blockRows is how many rows are spread into features at a time, so that
// answering three million rows needs the memory of this many.
const blockRows = 1 << 16

// Predictor answers with the native model. It is immutable but for its buffers
// and safe for concurrent use.
type Predictor struct {
	features  *feature.Fitted
	target    *feature.Target
	model     model.Model
	signature Signature
	outputs   int
	scratches sync.Pool // of *feature.Scratch
}

// NewPredictor joins the parts of a model that fit each other: the features
// make the columns the model reads, and its outputs are those of the target.
// Errors are BundleInvalid.
func NewPredictor(f *feature.Fitted, t *feature.Target, m model.Model, sig Signature) (*Predictor, error) {
	p := &Predictor{features: f, target: t, model: m, signature: sig, outputs: m.Outputs()}
	p.scratches.New = func() any { return f.NewScratch() }
	if want := max(1, len(t.Classes)); p.outputs != want {
		return nil, fault.New(fault.BundleInvalid, "the model has %d outputs and the target %d", p.outputs, want)
	}
	if len(sig.Inputs) != len(f.Inputs) {
		return nil, fault.New(fault.BundleInvalid, "the signature has %d inputs and the features read %d", len(sig.Inputs), len(f.Inputs))
	}
	for i, in := range f.Inputs {
		if sig.Inputs[i].Name != in.Name || sig.Inputs[i].Kind != in.Kind {
			return nil, fault.New(fault.BundleInvalid, "input %d is %q (%s) in the signature and %q (%s) in the features", i, sig.Inputs[i].Name, sig.Inputs[i].Kind, in.Name, in.Kind)
		}
	}
	return p, p.fits(m)
}

// fits refuses a model that reads other columns than the features make.
func (p *Predictor) fits(m model.Model) error {
	var reads []string
	switch m := m.(type) {
	case *model.Constant:
		return nil
	case *model.Linear:
		reads = m.Names
	case *model.Boosted:
		reads = m.Names()
	case *model.Ensemble:
		for _, member := range m.Members {
			if err := p.fits(member.Model); err != nil {
				return err
			}
		}
		return nil
	}
	x, err := p.features.Apply(&frame.Frame{Columns: emptyColumns(p.features)})
	if err != nil {
		return fault.Wrap(err, fault.BundleInvalid, "the features cannot be applied to their own inputs")
	}
	if names := x.Names(); !slices.Equal(names, reads) {
		return fault.New(fault.BundleInvalid, "the model reads %d columns that are not the %d the features make", len(reads), len(names))
	}
	return nil
}

// emptyColumns returns the inputs of f without a row.
func emptyColumns(f *feature.Fitted) []frame.Column {
	columns := make([]frame.Column, len(f.Inputs))
	for i, in := range f.Inputs {
		columns[i] = frame.Column{Name: in.Name}
		switch in.Kind {
		case frame.Text.String():
			columns[i].Kind = frame.Text
		case frame.Time.String():
			columns[i].Kind = frame.Time
		}
	}
	return columns
}

// Predict writes f.Rows × Outputs values, row by row, into out: the value, or the
// probabilities in the order of Classes.
//
// Errors: those of feature's Apply (ColumnMissing, TypeMismatch, FeatureInvalid
// for an infinite value); RequestInvalid for a row whose answer is not finite;
// Internal if out is not of that length.
func (p *Predictor) Predict(f *frame.Frame, out []float64) error {
	if len(out) != f.Rows*p.outputs {
		return fault.New(fault.Internal, "a buffer of %d values for %d rows of %d outputs", len(out), f.Rows, p.outputs)
	}
	scratch := p.scratches.Get().(*feature.Scratch)
	defer p.scratches.Put(scratch)
	if f.Rows <= blockRows {
		return p.block(f, 0, scratch, out)
	}
	part := &frame.Frame{Columns: slices.Clone(f.Columns)}
	for from := 0; from < f.Rows; from += blockRows {
		to := min(from+blockRows, f.Rows)
		part.Rows = to - from
		for i := range f.Columns {
			c, d := &f.Columns[i], &part.Columns[i]
			switch c.Kind {
			case frame.Text:
				d.Codes = c.Codes[from:to]
			case frame.Time:
				d.Times = c.Times[from:to]
			default:
				d.Numbers = c.Numbers[from:to]
			}
		}
		if err := p.block(part, from, scratch, out[from*p.outputs:to*p.outputs]); err != nil {
			return err
		}
	}
	return nil
}

// block answers the rows of f; the first is row from of the whole.
func (p *Predictor) block(f *frame.Frame, from int, scratch *feature.Scratch, out []float64) error {
	x, err := p.features.ApplyInto(f, scratch)
	if err != nil {
		return err
	}
	p.model.Predict(x, out)
	for i, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fault.New(fault.RequestInvalid, "the answer to row %d is not a finite number", from+i/p.outputs).
				WithRemedy("send values nearer to those seen in training")
		}
	}
	return nil
}

// Label returns the class of one row's probabilities: the most probable, the
// first of equals; "" for a regression.
func (p *Predictor) Label(probabilities []float64) string {
	if p.target.Task == pipeline.Regression {
		return ""
	}
	return p.target.Classes[best(probabilities)]
}

// Outputs returns the number of values predicted for a row.
func (p *Predictor) Outputs() int { return p.outputs }

// Task returns the kind of question.
func (p *Predictor) Task() pipeline.Task { return p.target.Task }

// Classes returns what the outputs stand for, nil for a regression.
func (p *Predictor) Classes() []string { return p.target.Classes }

// Signature returns the columns of a request and of an answer.
func (p *Predictor) Signature() Signature { return p.signature }

// Features returns the fitted features, not to be changed.
func (p *Predictor) Features() *feature.Fitted { return p.features }
