package model

import (
	"fmt"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Foreign describes a model that somebody else trained: an ONNX graph over raw
// columns, which is kept beside its native form.
type Foreign struct {
	Name      string `json:"name"`      // of the candidate: "xgboost"
	Framework string `json:"framework"` // as its trainer says: "xgboost 3.1.0"
	Values    int    `json:"outputs"`   // Outputs
	SHA256    string `json:"sha256"`    // of the graph
	Size      int64  `json:"size"`      // of the graph, in bytes

	ONNX []byte `json:"-"` // the graph; Decode leaves it out, and who decodes puts it in
}

var _ Model = (*Foreign)(nil)

// Kind returns the name of the candidate.
func (f *Foreign) Kind() string { return f.Name }

// Outputs returns 1, or the number of classes.
func (f *Foreign) Outputs() int { return f.Values }

// Predict answers nothing but NaN, which nobody takes for an answer: the graph reads
// raw columns, not a matrix. A bundle's Predictor runs it.
func (f *Foreign) Predict(_ *frame.Matrix, out []float64) {
	for i := range out {
		out[i] = math.NaN()
	}
}

func (f *Foreign) validate() error {
	switch {
	case f.Name == "" || len(f.Name) > 100 || len(f.Framework) > 1000:
		return fmt.Errorf("a foreign model with a name of %d bytes and a framework of %d", len(f.Name), len(f.Framework))
	case f.Values < 1 || f.Values > maxOutputs:
		return fmt.Errorf("a foreign model of %d outputs", f.Values)
	case len(f.SHA256) != 64 || strings.Trim(f.SHA256, "0123456789abcdef") != "" || f.Size <= 0:
		return fmt.Errorf("a foreign model of %d bytes without a digest", f.Size)
	}
	return nil
}
