package bundle

import (
	"math"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// blockRows is how many rows are spread into features at a time, so that
// answering three million rows needs the memory of this many.
const blockRows = 1 << 16

// Predictor answers with the native model, or with the ONNX graph of one that
// somebody else trained. It is immutable but for its buffers and safe for
// concurrent use.
type Predictor struct {
	features  *feature.Fitted
	target    *feature.Target
	model     model.Model
	signature Signature
	outputs   int
	graph     *foreign.Graph // nil for a native model
	scratches sync.Pool      // of *feature.Scratch
}

// NewPredictor joins the parts of a model that fit each other: the features
// make the columns the model reads, and its outputs are those of the target. A
// foreign model is loaded into ONNX Runtime, which nothing else needs. Errors are
// BundleInvalid, and ConfigInvalid without ONNX Runtime.
func NewPredictor(f *feature.Fitted, t *feature.Target, m model.Model, sig Signature) (*Predictor, error) {
	if err := fit(f, t, m, sig); err != nil {
		return nil, err
	}
	p := &Predictor{features: f, target: t, model: m, signature: sig, outputs: m.Outputs()}
	p.scratches.New = func() any { return f.NewScratch() }
	if theirs, ok := m.(*model.Foreign); ok {
		var err error
		if p.graph, err = foreign.Open(theirs.ONNX, len(t.Classes)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// fit refuses parts that do not fit each other. It runs nothing.
func fit(f *feature.Fitted, t *feature.Target, m model.Model, sig Signature) error {
	if want := max(1, len(t.Classes)); m.Outputs() != want {
		return fault.New(fault.BundleInvalid, "the model has %d outputs and the target %d", m.Outputs(), want)
	}
	if len(sig.Inputs) != len(f.Inputs) {
		return fault.New(fault.BundleInvalid, "the signature has %d inputs and the features read %d", len(sig.Inputs), len(f.Inputs))
	}
	for i, in := range f.Inputs {
		if sig.Inputs[i].Name != in.Name || sig.Inputs[i].Kind != in.Kind {
			return fault.New(fault.BundleInvalid, "input %d is %q (%s) in the signature and %q (%s) in the features", i, sig.Inputs[i].Name, sig.Inputs[i].Kind, in.Name, in.Kind)
		}
	}
	return reads(f, t, m)
}

// reads refuses a model that reads other columns than the features make.
func reads(f *feature.Fitted, t *feature.Target, m model.Model) error {
	var names []string
	switch m := m.(type) {
	case *model.Foreign:
		if len(f.Chains) > 0 || digest(m.ONNX) != m.SHA256 || int64(len(m.ONNX)) != m.Size {
			return fault.New(fault.BundleInvalid, "model %q is not the ONNX graph of %d bytes it says to be, or does not read raw columns", m.Name, m.Size)
		}
		return onnx.Vet(m.ONNX, onnx.Contract{Inputs: f.Inputs, Classes: len(t.Classes)})
	case *model.Ensemble:
		for _, member := range m.Members {
			if err := reads(f, t, member.Model); err != nil {
				return err
			}
		}
		return nil
	case *model.Linear:
		names = m.Names
	case *model.Boosted:
		names = m.Names()
	}
	if len(f.Chains) == 0 && len(f.Inputs) > 0 {
		return fault.New(fault.BundleInvalid, "the features make nothing of their %d inputs", len(f.Inputs))
	}
	if _, constant := m.(*model.Constant); constant {
		return nil
	}
	x, err := f.Apply(&frame.Frame{Columns: emptyColumns(f)})
	if err != nil {
		return fault.Wrap(err, fault.BundleInvalid, "the features cannot be applied to their own inputs")
	}
	if made := x.Names(); !slices.Equal(made, names) {
		return fault.New(fault.BundleInvalid, "the model reads %d columns that are not the %d the features make", len(names), len(made))
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
	if p.graph != nil {
		return p.graph.Predict(f, out)
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
	return p.target.Classes[MostProbable(probabilities)]
}

// tolerance is how far an answer may be from the same model's on another machine:
// a foreign graph may compute in float32.
func (p *Predictor) tolerance() float64 {
	if p.graph != nil {
		return foreignTolerance
	}
	return goldenTolerance
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

// Model returns the native model.
func (p *Predictor) Model() model.Model { return p.model }
