package bundle

import (
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// BaselineVersion is that of baseline.json.
const BaselineVersion = 2

// Baseline is what training rows and the predictions over them looked like: what
// monitoring compares a window with. The layout says in which bins the rows of
// windows are counted (percentiles of the training rows, their 100 most frequent
// texts), and Reference is the summary of the training rows in it: a few KB a column.
type Baseline struct {
	Version   int            `json:"version"`
	Layout    drift.Layout   `json:"layout"`
	Reference *drift.Summary `json:"reference"`
}

// BaselineOf describes the training rows f and the predictions over them:
// f.Rows × outputs values, as Predictor.Predict writes them. Columns of f that
// are not inputs of sig are left out. The result does not depend on the number
// of threads.
//
// Errors: ColumnMissing; DatasetEmpty if f has no rows; Internal if predictions
// are not of that length.
func BaselineOf(f *frame.Frame, sig Signature, target *feature.Target, predictions []float64) (*Baseline, error) {
	if f.Rows == 0 {
		return nil, fault.New(fault.DatasetEmpty, "no rows to describe as a baseline")
	}
	inputs := &frame.Frame{Rows: f.Rows}
	for _, in := range sig.Inputs {
		c := f.Column(in.Name)
		if c == nil {
			return nil, fault.New(fault.ColumnMissing, "the training rows have no column %q, which the signature has", in.Name)
		}
		inputs.Columns = append(inputs.Columns, *c)
	}
	answers, err := AnswersOf(target, f.Rows, predictions)
	if err != nil {
		return nil, err
	}
	b := &Baseline{Version: BaselineVersion, Layout: *drift.LayoutOf(inputs, answers)}
	b.Reference, err = drift.Summarize(&b.Layout, inputs, answers)
	return b, err
}

// maxProbabilities bounds the classes whose probabilities are monitored one by one.
const maxProbabilities = 20

// AnswersOf are predictions, rows × outputs values, as columns to monitor:
// "prediction"; or "label" and, of at most 20 classes, "P(class)" each. Error:
// Internal if predictions are not of that length.
func AnswersOf(target *feature.Target, rows int, predictions []float64) (*frame.Frame, error) {
	k := max(1, len(target.Classes))
	if len(predictions) != rows*k {
		return nil, fault.New(fault.Internal, "%d predictions for %d rows of %d outputs", len(predictions), rows, k)
	}
	if target.Task == pipeline.Regression {
		return &frame.Frame{Rows: rows, Columns: []frame.Column{{Name: "prediction", Kind: frame.Number, Numbers: predictions}}}, nil
	}
	label := frame.Column{Name: "label", Kind: frame.Text, Dict: target.Classes, Codes: make([]int32, rows)}
	for row := range rows {
		label.Codes[row] = int32(MostProbable(predictions[row*k : (row+1)*k]))
	}
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{label}}
	for j := 0; j < k && k <= maxProbabilities; j++ {
		c := frame.Column{Name: "P(" + target.Classes[j] + ")", Kind: frame.Number, Numbers: make([]float64, rows)}
		for row := range rows {
			c.Numbers[row] = predictions[row*k+j]
		}
		f.Columns = append(f.Columns, c)
	}
	return f, nil
}

// MostProbable is the class that is answered: the index of the greatest probability,
// the first of equals.
func MostProbable(p []float64) int {
	at := 0
	for i := range p {
		if p[i] > p[at] {
			at = i
		}
	}
	return at
}

// check refuses a baseline that windows could not be compared with.
func (b *Baseline) check(sig Signature) error {
	switch {
	case b == nil || b.Reference == nil:
		return invalid("baseline.json holds no baseline")
	case b.Version != BaselineVersion:
		return fault.New(fault.BundleInvalid, "baseline.json has version %d and this build reads %d", b.Version, BaselineVersion).WithRemedy("package the model again")
	case len(b.Layout.Features) != len(sig.Inputs):
		return invalid("baseline.json describes %d columns and the signature %d", len(b.Layout.Features), len(sig.Inputs))
	}
	for i, in := range sig.Inputs {
		if f := &b.Layout.Features[i]; f.Name != in.Name || f.Kind != in.Kind {
			return invalid("column %d is %q (%s) in baseline.json and %q (%s) in the signature", i, clip(f.Name), clip(f.Kind), in.Name, in.Kind)
		}
	}
	if err := b.Reference.Validate(&b.Layout); err != nil {
		return fault.Wrap(err, fault.BundleInvalid, "baseline.json is not valid")
	}
	return nil
}
