package intake

import (
	"context"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/signing"
)

const (
	goldenRows = 20
	// MaxRows bounds the sample of rows.
	MaxRows = 100_000
)

// Graph makes a bundle of a foreign ONNX graph: name is the model's, rows a sample of
// what it will be asked, of at least one row.
//
// Errors: BundleInvalid says why the graph is refused; ColumnMissing and TypeMismatch
// where the rows do not fit the declaration; DatasetEmpty; ResourceExhausted beyond a
// bound; ConfigInvalid without ONNX Runtime.
func Graph(ctx context.Context, name string, onnx []byte, d Declaration, rows *frame.Frame) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	switch {
	case rows.Rows == 0:
		return nil, fault.New(fault.DatasetEmpty, "there are no rows to examine the model with").WithRemedy("give --rows a file of rows like those it will be asked")
	case rows.Rows > MaxRows:
		return nil, fault.New(fault.ResourceExhausted, "%d sample rows are more than %d", rows.Rows, MaxRows).WithRemedy("give fewer: a few hundred that differ say as much")
	case len(onnx) > external.MaxModel:
		return nil, fault.New(fault.ResourceExhausted, "the ONNX model has %d bytes; the bound is %d", len(onnx), external.MaxModel).WithRemedy("import a smaller one")
	}
	for _, in := range d.Inputs {
		if c := rows.Column(in.Name); c != nil && c.Kind.String() != in.Type {
			return nil, fault.New(fault.TypeMismatch, "column %q is a %s in the sample rows, and a %s as the signature file says", in.Name, c.Kind, in.Type).
				WithRemedy("declare what the graph reads, and give rows of that type")
		}
	}
	target := d.target()
	features := feature.Raw(d.inputs())
	c := bundle.Contents{Name: name, Features: features, Target: target, Lineage: bundle.Lineage{Imported: &bundle.Imported{SHA256: artifact.DigestOf(onnx), Framework: d.Framework}}}
	var err error
	if c.Signature, err = bundle.SignatureOf(rows, features, target); err != nil {
		return nil, err
	}
	answers, err := foreign.Examine(ctx, onnx, features.Inputs, target.Classes, rows, foreign.Limits{})
	if err != nil {
		return nil, err
	}
	c.Model = &model.Foreign{
		Name: "imported", Framework: d.Framework, Values: max(1, len(target.Classes)),
		SHA256: artifact.DigestOf(onnx), Size: int64(len(onnx)), ONNX: onnx,
	}
	predictor, err := bundle.NewPredictor(features, target, c.Model, c.Signature)
	if err != nil {
		return nil, err
	}
	if c.Baseline, err = bundle.BaselineOf(rows, c.Signature, target, answers); err != nil {
		return nil, err
	}
	if c.Golden, err = bundle.Golden(predictor, rows, goldenRows); err != nil {
		return nil, err
	}
	c.Card = bundle.Card{
		Model: c.Model, Name: name, Kind: "imported", Rows: map[string]int{"sample": rows.Rows}, Signature: c.Signature, Lineage: c.Lineage,
		Limits: []string{"trained elsewhere, with " + external.Clip(d.Framework) + ": nothing is known here of the rows it learnt from, nor how good it is"},
	}.Markdown()
	return bundle.Build(c)
}

// Bundle verifies a bundle from outside, and that it answers as it did when it was
// packaged. Errors are BundleInvalid, and SignatureInvalid where trust asks for a
// signature.
func Bundle(ctx context.Context, data []byte, trust signing.Trust) (*bundle.Bundle, error) {
	b, err := bundle.OpenTrusted(data, trust)
	if err != nil {
		return nil, err
	}
	if theirs, ok := b.Model.(*model.Foreign); ok {
		records := make([]map[string]any, len(b.Golden))
		for i, g := range b.Golden {
			records[i] = g.Record
		}
		if len(records) == 0 {
			return nil, fault.New(fault.BundleInvalid, "the bundle holds a model that was trained elsewhere and no golden rows to examine it with").WithRemedy("import its ONNX file with a signature and rows")
		}
		rows, err := bundle.FrameFromRecords(b.Signature, records)
		if err != nil {
			return nil, fault.Wrap(err, fault.BundleInvalid, "the golden rows of the bundle are no requests")
		}
		if _, err := foreign.Examine(ctx, theirs.ONNX, b.Features.Inputs, b.Target.Classes, rows, foreign.Limits{}); err != nil {
			return nil, err
		}
	}
	p, err := b.Predictor()
	if err != nil {
		return nil, err
	}
	return b, b.VerifyGolden(p)
}
