package foreign

import (
	"math"
	"runtime"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
)

// sumTolerance is how far from 1 probabilities may add up: they may be float32.
const sumTolerance = 1e-3

// Graph answers raw columns in ONNX Runtime, on one thread. It is safe for
// concurrent use; the memory of one that nobody has any more is freed.
type Graph struct {
	session *onnxruntime.Session
	classes int
}

// Open loads a graph that Vet accepts; classes is 0 for a regression. Errors:
// ConfigInvalid without ONNX Runtime, BundleInvalid if it refuses the graph.
func Open(onnx []byte, classes int) (*Graph, error) {
	session, err := onnxruntime.Load(onnx)
	if fault.KindOf(err) == fault.ParityFailed {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the ONNX model cannot be loaded")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "a model that was trained elsewhere is answered in ONNX Runtime").
			WithRemedy("run make setup, or set %s to its library", onnxruntime.LibraryVariable)
	}
	g := &Graph{session: session, classes: classes}
	runtime.AddCleanup(g, func(s *onnxruntime.Session) { _ = s.Close() }, session)
	return g, nil
}

// Predict writes f.Rows × max(1, classes) values, row by row, into out.
// Probabilities are brought to add up to 1 in float64.
//
// Errors: ColumnMissing and TypeMismatch; RequestInvalid for a row without a
// possible answer; Internal if out is not of that length.
func (g *Graph) Predict(f *frame.Frame, out []float64) error {
	if len(out) != f.Rows*max(1, g.classes) {
		return fault.New(fault.Internal, "a buffer of %d values for %d rows of %d classes", len(out), f.Rows, g.classes)
	}
	got, err := g.session.Run(f)
	runtime.KeepAlive(g)
	if fault.KindOf(err) == fault.ParityFailed {
		return fault.Wrap(err, fault.RequestInvalid, "the model cannot answer").WithRemedy("send values nearer to those seen in training")
	}
	if err != nil {
		return err
	}
	if len(got.Predictions) != len(out) {
		return fault.New(fault.BundleInvalid, "the ONNX model answers %d values to %d rows, not %d", len(got.Predictions), f.Rows, len(out))
	}
	copy(out, got.Predictions)
	return g.complete(out)
}

// complete refuses answers that are none, and brings probabilities to add up to 1.
func (g *Graph) complete(out []float64) error {
	width := max(1, g.classes)
	refuse := func(row int, what string, args ...any) error {
		return fault.New(fault.RequestInvalid, "the answer to row %d "+what, append([]any{row}, args...)...).WithRemedy("send values nearer to those seen in training")
	}
	for from := 0; from < len(out); from += width {
		answer, sum := out[from:from+width], 0.0
		for _, v := range answer {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return refuse(from/width, "is not a finite number")
			}
			sum += v
		}
		if g.classes == 0 {
			continue
		}
		for _, v := range answer {
			if v < -sumTolerance || v > 1+sumTolerance {
				return refuse(from/width, "holds %v, which is no probability", v)
			}
		}
		if math.Abs(sum-1) > sumTolerance {
			return refuse(from/width, "has probabilities that add up to %v, not 1", sum)
		}
		sum = 0
		for k := range answer {
			answer[k] = max(answer[k], 0)
			sum += answer[k]
		}
		for k := range answer {
			answer[k] /= sum
		}
	}
	return nil
}
