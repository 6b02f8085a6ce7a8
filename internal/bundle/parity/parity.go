package parity

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
)

// batchRows is how many rows are compared between two looks at the context.
const batchRows = 4096

// Result is what was compared.
type Result struct {
	Rows            int     `json:"rows"`             // compared, adversarial ones included
	Adversarial     int     `json:"adversarial"`      // of them, made from held-out rows
	Refused         int     `json:"refused"`          // left out: the native model refuses them, or the runtime's C interface cannot hold them
	MaxAbs          float64 `json:"max_abs"`          // greatest |native - ONNX|
	MaxRel          float64 `json:"max_rel"`          // greatest |native - ONNX| / max(1, |native|)
	LabelMismatches int     `json:"label_mismatches"` // labels that differ where probabilities do not tie
}

// Disagreement is the first row on which the two differ: the details of a
// ParityFailed error.
type Disagreement struct {
	Row         int            `json:"row"`               // of the held-out rows
	Changed     string         `json:"changed,omitempty"` // how the row was made adversarial
	Record      map[string]any `json:"record"`
	Native      []float64      `json:"native"`
	ONNX        []float64      `json:"onnx"`
	NativeLabel string         `json:"native_label,omitempty"`
	ONNXLabel   string         `json:"onnx_label,omitempty"`
	Feature     string         `json:"feature,omitempty"`  // the first feature that differs, with both values; empty if none does
	Operator    string         `json:"operator,omitempty"` // what makes the first value that differs, natively and in the graph
}

// Check runs the graph in ONNX Runtime, on one thread, over the rows of f and
// adversarial rows made from them, and compares every answer with p's: numbers
// to |a-b| ≤ tolerance × max(1, |a|) (bundle.Close), labels exactly, unless the
// best two classes are within tolerance of each other.
//
// Errors: ParityFailed, with a Disagreement, if an answer differs, or if the
// runtime refuses the graph; ConfigInvalid without the runtime; ColumnMissing or
// TypeMismatch if f does not have the inputs; DatasetEmpty if f has no rows. The
// result is complete even if an answer differs.
func Check(ctx context.Context, p *bundle.Predictor, graph []byte, f *frame.Frame, tolerance float64) (Result, error) {
	if f.Rows == 0 {
		return Result{}, fault.New(fault.DatasetEmpty, "no held-out rows to compare the ONNX graph on")
	}
	session, err := onnxruntime.Load(graph)
	if err != nil {
		return Result{}, err
	}
	defer session.Close()
	c := &checker{ctx: ctx, predictor: p, session: session, graph: graph, tolerance: tolerance, chain: -1}
	if f, err = inputs(p, f); err != nil {
		return Result{}, err
	}
	rows := make([]int32, f.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	if err := c.compare(&made{frame: f, from: rows}); err != nil {
		return c.result, err
	}
	before := c.result.Rows
	if before == 0 {
		return c.result, fault.New(fault.ParityFailed, "none of %d held-out rows can be answered, so the ONNX graph cannot be compared", f.Rows)
	}
	if err := c.compare(adversaries(f)); err != nil {
		return c.result, err
	}
	c.result.Adversarial = c.result.Rows - before
	return c.result, c.verdict()
}

// inputs returns f with the columns of the signature alone.
func inputs(p *bundle.Predictor, f *frame.Frame) (*frame.Frame, error) {
	out := &frame.Frame{Rows: f.Rows}
	for _, in := range p.Signature().Inputs {
		c := f.Column(in.Name)
		if c == nil {
			return nil, fault.New(fault.ColumnMissing, "the held-out rows have no column %q, which the model reads", in.Name)
		}
		if c.Kind.String() != in.Kind {
			return nil, fault.New(fault.TypeMismatch, "column %q is a %s in the held-out rows and a %s in the model", in.Name, c.Kind, in.Kind)
		}
		out.Columns = append(out.Columns, *c)
	}
	return out, nil
}

type checker struct {
	ctx       context.Context
	predictor *bundle.Predictor
	session   *onnxruntime.Session
	graph     []byte
	tolerance float64
	result    Result
	first     *Disagreement
	at        *frame.Frame // the row of first
	chain     int          // of the first feature that differs, -1 if none does
}

func (c *checker) compare(m *made) error {
	for from := 0; from < m.frame.Rows; from += batchRows {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		rows := make([]int32, 0, batchRows)
		for i := from; i < min(from+batchRows, m.frame.Rows); i++ {
			rows = append(rows, int32(i))
		}
		if err := c.batch(m, rows); err != nil {
			return err
		}
	}
	return nil
}

// batch compares some rows; if one of them is refused, each by itself.
func (c *checker) batch(m *made, rows []int32) error {
	f := m.frame.Take(rows)
	k := c.predictor.Outputs()
	native := make([]float64, f.Rows*k)
	err := c.predictor.Predict(f, native)
	var got onnxruntime.Outputs
	if err == nil {
		got, err = c.session.Run(f)
	}
	if refused(err) {
		if len(rows) == 1 {
			c.result.Refused++
			return nil
		}
		for i := range rows {
			if err := c.batch(m, rows[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	if len(got.Predictions) != len(native) || got.Labels != nil && len(got.Labels) != f.Rows || (got.Labels == nil) != (c.predictor.Classes() == nil) {
		return fault.New(fault.ParityFailed, "the graph answers %d numbers and %d labels for %d rows of %d outputs", len(got.Predictions), len(got.Labels), f.Rows, k)
	}
	for i := range rows {
		label := ""
		if got.Labels != nil {
			label = got.Labels[i]
		}
		c.row(m, f, rows[i], i, native[i*k:(i+1)*k], got.Predictions[i*k:(i+1)*k], label)
	}
	return nil
}

// refused reports whether an error speaks of one row's values: an infinite
// feature or answer, or a text with a NUL byte. (Kinds of whole columns were
// compared before.)
func refused(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.FeatureInvalid || kind == fault.RequestInvalid || kind == fault.TypeMismatch
}

func (c *checker) row(m *made, f *frame.Frame, row int32, i int, native, got []float64, label string) {
	c.result.Rows++
	differs := false
	for j, a := range native {
		if d := math.Abs(a - got[j]); d > 0 { // equal infinities give NaN and are close
			c.result.MaxAbs = max(c.result.MaxAbs, d)
			c.result.MaxRel = max(c.result.MaxRel, d/max(1, math.Abs(a)))
		}
		differs = differs || !bundle.Close(a, got[j], c.tolerance)
	}
	want := c.predictor.Label(native)
	if want != label && !bundle.Tied(native, c.tolerance) {
		c.result.LabelMismatches++
		differs = true
	}
	if !differs || c.first != nil {
		return
	}
	c.at = f.Take([]int32{int32(i)})
	c.first = &Disagreement{
		Row: int(m.from[row]), Record: printable(c.at), Native: slices.Clone(native), ONNX: slices.Clone(got),
		NativeLabel: want, ONNXLabel: label,
	}
	if m.changed != nil {
		c.first.Changed = m.changed[row]
	}
}

func (c *checker) verdict() error {
	if c.first == nil {
		return nil
	}
	d := c.first
	d.Feature = c.feature()
	d.Operator = c.operator()
	where := fmt.Sprintf("held-out row %d", d.Row)
	if d.Changed != "" {
		where += " with " + d.Changed
	}
	answers := fmt.Sprintf("%v natively and %v in ONNX Runtime", d.Native, d.ONNX)
	if d.NativeLabel != d.ONNXLabel {
		answers = fmt.Sprintf("%q %v natively and %q %v in ONNX Runtime", d.NativeLabel, d.Native, d.ONNXLabel, d.ONNX)
	}
	cause := "the features agree, the model's own operators do not"
	if d.Feature != "" {
		cause = d.Feature
	}
	if d.Operator != "" {
		cause += ": " + d.Operator
	}
	finite(d.Native)
	finite(d.ONNX)
	return fault.New(fault.ParityFailed, "the ONNX graph disagrees with the model: %s, %v, is %s; %s", where, d.Record, answers, cause).
		WithRemedy("set package.onnx: false to go without it, and report this").WithDetails(d)
}

// finite makes values fit for JSON, which has no NaN and no infinities.
func finite(x []float64) {
	for i, v := range x {
		if math.IsNaN(v) {
			x[i] = 0
		}
		x[i] = min(max(x[i], -math.MaxFloat64), math.MaxFloat64)
	}
}
