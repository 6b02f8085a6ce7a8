package serving

import (
	"context"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Predictor answers rows: Outputs values a row, into the caller's buffer. It is
// safe for concurrent use. *bundle.Predictor is one.
type Predictor interface {
	Predict(f *frame.Frame, out []float64) error
	Outputs() int
}

// Explainer is a Predictor that says what each input added to the raw score of an
// answer: rows × Outputs × (inputs + 1) values, the expected score last.
// *bundle.Predictor is one, though not for every model.
type Explainer interface {
	Predictor
	Explain(f *frame.Frame, out []float64) error
}

// Model is a bundle in memory.
type Model struct {
	Signature bundle.Signature
	Predictor Predictor
	// Golden are rows with the answers that the bundle promises for them.
	Golden []Golden
}

// Golden is one row as a JSON record and its Outputs values.
type Golden struct {
	Record  []byte
	Answers []float64
}

// Loader reads and verifies a bundle.
type Loader interface {
	Load(ctx context.Context, ref artifact.Ref) (*Model, error)
}

// classes returns the class names, or nil for regression.
func classes(sig *bundle.Signature) []string {
	for _, o := range sig.Outputs {
		if o.Name == "probabilities" {
			return o.Classes
		}
	}
	return nil
}

// checkModel refuses a model that requests could not be answered with.
func checkModel(m *Model) error {
	want := max(1, len(classes(&m.Signature)))
	if m.Predictor.Outputs() != want {
		return fault.New(fault.BundleInvalid, "the model answers %d values a row, its signature says %d", m.Predictor.Outputs(), want)
	}
	if len(m.Signature.Inputs) == 0 {
		return fault.New(fault.BundleInvalid, "the signature has no inputs")
	}
	if len(m.Golden) == 0 {
		return fault.New(fault.BundleInvalid, "the bundle has no golden rows to be warmed up with")
	}
	return nil
}
