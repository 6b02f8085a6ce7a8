package bundle

import (
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
)

// Explain writes f.Rows × Outputs × (inputs + 1) values into out: for each row and
// output what each input of the signature added, in its order, and last the expected
// value. They add up to the model's raw score: the value, or the log-odds, or the
// logits, before the link. A feature that is made of several inputs is shared among
// them equally.
//
// Errors: RequestInvalid if the model cannot be explained: a foreign one is a graph
// that only answers, and an ensemble has no raw score that its members' add up to;
// else those of Predict.
func (p *Predictor) Explain(f *frame.Frame, out []float64) error {
	explainer, ok := p.model.(model.Explainer)
	if !ok {
		return fault.New(fault.RequestInvalid, "the model %q does not say what each column adds to its answers", p.model.Kind()).
			WithRemedy("ask without explain, or deploy a linear model or boosted trees")
	}
	width := len(p.signature.Inputs) + 1
	if len(out) != f.Rows*p.outputs*width {
		return fault.New(fault.Internal, "a buffer of %d values for %d rows of %d outputs of %d columns", len(out), f.Rows, p.outputs, width)
	}
	scratch := p.scratches.Get().(*feature.Scratch)
	defer p.scratches.Put(scratch)
	x, err := p.features.ApplyInto(f, scratch)
	if err != nil {
		return err
	}
	features := len(x.Features) + 1
	raw := make([]float64, f.Rows*p.outputs*features)
	explainer.Explain(x, raw)
	sources := p.features.Sources()
	clear(out)
	for i := range f.Rows * p.outputs {
		from, into := raw[i*features:(i+1)*features], out[i*width:(i+1)*width]
		into[width-1] = from[features-1]
		for j, v := range from[:features-1] {
			for _, input := range sources[j] {
				into[input] += v / float64(len(sources[j]))
			}
		}
	}
	return nil
}
