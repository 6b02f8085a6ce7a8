package parity

import (
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/onnx"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
)

// printable is the only row of f as a record, infinities and all.
func printable(f *frame.Frame) map[string]any {
	record := make(map[string]any, len(f.Columns))
	for i := range f.Columns {
		switch c := &f.Columns[i]; {
		case c.Missing(0):
			record[c.Name] = nil
		case c.Kind == frame.Text:
			record[c.Name] = c.Dict[c.Codes[0]]
		case c.Kind == frame.Time:
			record[c.Name] = c.Times[0]
		case math.IsInf(c.Numbers[0], 0):
			record[c.Name] = fmt.Sprint(c.Numbers[0])
		default:
			record[c.Name] = c.Numbers[0]
		}
	}
	return record
}

// spread is the columns of a feature of one row.
func spread(f *frame.Feature) []float64 {
	if !f.Block() {
		return f.Numbers[:1]
	}
	out := make([]float64, f.Width())
	if code := f.Codes[0]; code >= 0 {
		out[code] = 1
	}
	return out
}

// feature names the first feature of the disagreeing row that differs between
// the two, or says nothing: it explains a failure and must not hide it behind
// another.
func (c *checker) feature() string {
	graph, err := onnx.ExposeFeatures(c.graph)
	if err != nil {
		return ""
	}
	session, err := onnxruntime.Load(graph)
	if err != nil {
		return ""
	}
	defer session.Close()
	got, err := session.Run(c.at)
	if err != nil {
		return ""
	}
	x, err := c.predictor.Features().Apply(c.at)
	if err != nil || x.Width() != len(got.Predictions) {
		return ""
	}
	names, j := x.Names(), 0
	for i := range x.Features {
		f := &x.Features[i]
		for _, native := range spread(f) {
			if !bundle.Close(native, got.Predictions[j], c.tolerance) {
				c.chain = i
				return fmt.Sprintf("feature %q is %v natively and %v in ONNX Runtime", names[j], native, got.Predictions[j])
			}
			j++
		}
	}
	return ""
}
