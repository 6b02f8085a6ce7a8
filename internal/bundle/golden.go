package bundle

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// goldenTolerance bounds what another processor may round otherwise: an arm64
// fuses multiplication and addition where an amd64 does not.
const goldenTolerance = 1e-9

// foreignTolerance is that of a foreign graph.
const foreignTolerance = 1e-5

// GoldenRow is one record with the answer the model gave when it was packaged.
type GoldenRow struct {
	Record  map[string]any `json:"record"`
	Outputs []float64      `json:"outputs"`
	Label   string         `json:"label,omitempty"`
}

// Record returns row i of the signature's columns as a JSON record that
// FrameFromRecords reads back the same, and false if it cannot: an infinite
// number has no form in JSON.
func Record(sig Signature, f *frame.Frame, i int) (map[string]any, bool) {
	record := make(map[string]any, len(sig.Inputs))
	for _, in := range sig.Inputs {
		c := f.Column(in.Name)
		switch {
		case c == nil:
			return nil, false
		case c.Missing(i):
			record[in.Name] = nil
		case c.Kind == frame.Text:
			record[in.Name] = c.Dict[c.Codes[i]]
		case c.Kind == frame.Time:
			record[in.Name] = timeValue(c.Times[i])
		case math.IsInf(c.Numbers[i], 0):
			return nil, false
		default:
			record[in.Name] = c.Numbers[i]
		}
	}
	return record, true
}

// Golden picks at most n rows of f, evenly spread, and answers them. Rows that
// JSON cannot hold are left out. Errors are Predict's.
func Golden(p *Predictor, f *frame.Frame, n int) ([]GoldenRow, error) {
	n = min(n, f.Rows)
	golden := make([]GoldenRow, 0, max(n, 0))
	out := make([]float64, p.outputs)
	for i := range n {
		row := i * f.Rows / n
		record, ok := Record(p.signature, f, row)
		if !ok {
			continue
		}
		one, err := FrameFromRecords(p.signature, []map[string]any{record})
		if err != nil {
			return nil, err
		}
		if err := p.Predict(one, out); err != nil {
			return nil, err
		}
		golden = append(golden, GoldenRow{Record: record, Outputs: append([]float64{}, out...), Label: p.Label(out)})
	}
	return golden, nil
}

// VerifyGolden answers the golden rows with p and compares: numbers to 1e-9
// relative, 1e-5 for a foreign model (see Close), labels exactly unless the best two classes are that close.
// The error is BundleInvalid and names the first row that differs.
func (b *Bundle) VerifyGolden(p *Predictor) error {
	out := make([]float64, p.outputs)
	for i, g := range b.Golden {
		f, err := FrameFromRecords(p.signature, []map[string]any{g.Record})
		if err != nil {
			return fault.Wrap(err, fault.BundleInvalid, "golden row %d is not a request", i)
		}
		if err := p.Predict(f, out); err != nil {
			return fault.Wrap(err, fault.BundleInvalid, "golden row %d cannot be answered", i)
		}
		if len(g.Outputs) != len(out) {
			return fault.New(fault.BundleInvalid, "golden row %d has %d outputs and the model %d", i, len(g.Outputs), len(out))
		}
		for k := range out {
			if !Close(g.Outputs[k], out[k], p.tolerance()) {
				return fault.New(fault.BundleInvalid, "golden row %d: output %d is %v and was %v when packaged", i, k, out[k], g.Outputs[k]).
					WithRemedy("package the model again with this build")
			}
		}
		if label := p.Label(out); label != g.Label && !Tied(out, p.tolerance()) {
			return fault.New(fault.BundleInvalid, "golden row %d: label %q was %q when packaged", i, label, g.Label)
		}
	}
	return nil
}

// Close reports whether |a-b| ≤ tolerance × max(1, |a|): relative for large
// values, absolute below 1, where a relative bound would ask more than float64
// sums can keep. Equal infinities are close, and so are two NaN.
func Close(a, b, tolerance float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	return math.Abs(a-b) <= tolerance*max(1, math.Abs(a)) && !math.IsInf(a, 0)
}

// Tied reports whether the greatest two of p are within tolerance, so that
// rounding alone decides which is the greatest.
func Tied(p []float64, tolerance float64) bool {
	if len(p) < 2 {
		return false
	}
	top := MostProbable(p)
	for i := range p {
		if i != top && p[top]-p[i] <= tolerance {
			return true
		}
	}
	return false
}
