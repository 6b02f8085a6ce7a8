package drift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/tree"
)

// EstimatorVersion is that of the JSON form of an estimator.
const EstimatorVersion = 1

// Estimator is what performance is estimated with where labels are not yet there,
// learned once from labelled rows that the model has not learned from. Of classes
// it is a map of each one's probability, of a regression two models of the loss.
type Estimator struct {
	Version     int        `json:"version"`
	Rows        int        `json:"rows"` // learned from
	Calibration []Isotonic `json:"calibration,omitempty"`
	ECE         *float64   `json:"ece,omitempty"` // of the answers as they are, by Judged; nil: a regression, or an older bundle
	Loss        *LossModel `json:"loss,omitempty"`
}

// LossModel is direct loss estimation: shallow boosted trees that predict the
// absolute and the squared error of an answer from the row's raw numbers and texts
// and the answer itself, as NannyML's DLE does with LightGBM.
type LossModel struct {
	Columns  []Encoder      `json:"columns"`
	Absolute *tree.Ensemble `json:"absolute"`
	Squared  *tree.Ensemble `json:"squared"`

	// The mean and the deviation of both errors over the rows learned from.
	Expected  [2]float64 `json:"expected"`
	Deviation [2]float64 `json:"deviation"`
}

const (
	leastLearned = 500
	mostLearned  = 50_000
	lossRounds   = 60

	// answerFeature is the name of the answer among the features of loss models.
	answerFeature = "(prediction)"
)

// FitCalibration learns an Estimator of classes from rows × classes probabilities
// and the class of each row. A class is left as it is unless its map lowers
// the calibration error on the half of the rows that it was not fitted on. Nil,
// and no error, for fewer than 500 rows. Error: Internal for lengths that do not
// fit.
func FitCalibration(predicted, y []float64, classes int) (*Estimator, error) {
	if classes < 2 || len(predicted) != len(y)*classes {
		return nil, fault.New(fault.Internal, "%d probabilities of %d classes for %d rows", len(predicted), classes, len(y))
	}
	if len(y) < leastLearned {
		return nil, nil
	}
	e := &Estimator{Version: EstimatorVersion, Rows: len(y), Calibration: make([]Isotonic, classes)}
	parallel(classes, func(k int) {
		p, is := make([]float64, len(y)), make([]float64, len(y))
		for i, class := range y {
			p[i] = predicted[i*classes+k]
			if int(class) == k {
				is[i] = 1
			}
		}
		if improves(p, is) {
			e.Calibration[k] = FitIsotonic(p, is)
		}
	})
	ece, _ := CalibrationError(Judged(predicted, y, classes))
	e.ECE = &ece
	return e, nil
}

// improves reports whether a map fitted on every other row lowers the calibration
// error on the rest.
func improves(p, is []float64) bool {
	var halves [2]struct{ p, is []float64 }
	for i := range p {
		h := &halves[i%2]
		h.p, h.is = append(h.p, p[i]), append(h.is, is[i])
	}
	m := FitIsotonic(halves[0].p, halves[0].is)
	mapped := make([]float64, len(halves[1].p))
	for i, v := range halves[1].p {
		mapped[i] = m.At(v)
	}
	before, _ := CalibrationError(halves[1].p, halves[1].is)
	after, _ := CalibrationError(mapped, halves[1].is)
	return after < before
}

// Calibrated maps rows × classes probabilities, so that those of a row add up to 1.
func (e *Estimator) Calibrated(predicted []float64) []float64 {
	k := len(e.Calibration)
	out := make([]float64, len(predicted))
	for at := 0; at+k <= len(predicted); at += k {
		total := 0.0
		for c := range k {
			out[at+c] = e.Calibration[c].At(predicted[at+c])
			total += out[at+c]
		}
		for c := range k {
			if out[at+c] /= total; total == 0 {
				out[at+c] = predicted[at+c]
			}
		}
	}
	return out
}

// FitLoss learns an Estimator of a regression from the raw rows f, the answers to
// them and their true values. At most 50,000 rows are drawn. Nil, and no error, for
// fewer than 500 rows. Errors: Internal for lengths that do not fit, those of
// tree.Fit.
func FitLoss(ctx context.Context, f *frame.Frame, predicted, y []float64, seed int64) (*Estimator, error) {
	if len(predicted) != f.Rows || len(y) != f.Rows {
		return nil, fault.New(fault.Internal, "%d answers and %d true values for %d rows", len(predicted), len(y), f.Rows)
	}
	if f.Rows < leastLearned {
		return nil, nil
	}
	with := &frame.Frame{Rows: f.Rows, Columns: append(append([]frame.Column(nil), f.Columns...),
		frame.Column{Name: answerFeature, Numbers: predicted}, frame.Column{Name: "(value)", Numbers: y})}
	with = drawn(with, mostLearned, seed)
	rows := &frame.Frame{Rows: with.Rows, Columns: with.Columns[:len(f.Columns)]}
	m := &LossModel{}
	if rows.Columns != nil {
		m.Columns, _ = encodersOf(rows)
	}
	x := m.matrix(rows, with.Columns[len(f.Columns)].Numbers)
	var errs [2][]float64
	for i, p := range with.Columns[len(f.Columns)].Numbers {
		d := math.Abs(p - with.Columns[len(f.Columns)+1].Numbers[i])
		errs[0], errs[1] = append(errs[0], d), append(errs[1], d*d)
	}
	settings := small(tree.Squared, lossRounds, seed)
	bins, err := tree.NewBins(ctx, x, settings.MaxBins)
	if err != nil {
		return nil, err
	}
	for i, into := range []**tree.Ensemble{&m.Absolute, &m.Squared} {
		m.Expected[i], m.Deviation[i] = sum(errs[i])/float64(x.Rows), math.Sqrt(variance(errs[i]))
		if *into, _, err = tree.Fit(ctx, tree.Table{X: x, Y: errs[i]}, nil, bins, settings, nil, nil); err != nil {
			return nil, err
		}
	}
	return &Estimator{Version: EstimatorVersion, Rows: x.Rows, Loss: m}, nil
}

func (m *LossModel) matrix(f *frame.Frame, predicted []float64) *frame.Matrix {
	x := matrixOf(m.Columns, f)
	answers := Encoder{Name: answerFeature, Kind: frame.Number.String()}
	x.Features = append(x.Features, answers.encode(&frame.Column{Numbers: predicted}, f.Rows))
	return x
}

// Metrics estimates mae, mse and rmse of the answers to the raw rows f, with
// intervals by how much the errors of the rows learned from vary. Errors:
// DatasetEmpty without rows, Internal for lengths that do not fit.
func (m *LossModel) Metrics(f *frame.Frame, predicted []float64) (map[string]Estimate, error) {
	switch {
	case len(predicted) != f.Rows:
		return nil, fault.New(fault.Internal, "%d answers to %d rows", len(predicted), f.Rows)
	case f.Rows == 0:
		return nil, fault.New(fault.DatasetEmpty, "no answers to estimate performance from")
	}
	x := m.matrix(f, predicted)
	out, losses := map[string]Estimate{}, make([]float64, f.Rows)
	for i, of := range []struct {
		name  string
		trees *tree.Ensemble
	}{{"mae", m.Absolute}, {"mse", m.Squared}} {
		of.trees.Predict(x, losses)
		var total compensated
		for _, l := range losses {
			total.add(max(l, 0))
		}
		mean, half := total.value()/float64(f.Rows), 1.959964*m.Deviation[i]/math.Sqrt(float64(f.Rows))
		out[of.name] = Estimate{mean, max(0, mean-half), mean + half}
	}
	mse := out["mse"]
	out["rmse"] = Estimate{math.Sqrt(mse.Value), math.Sqrt(mse.Low), math.Sqrt(mse.High)}
	return out, nil
}

// Validate refuses an estimator that could not be used for that many classes (0: a
// regression), and makes others ready.
func (e *Estimator) Validate(classes int) error {
	switch {
	case e.Version != EstimatorVersion:
		return fmt.Errorf("it has version %d and this build reads %d", e.Version, EstimatorVersion)
	case len(e.Calibration) != classes || (e.Loss == nil) != (classes > 0) || e.Rows < leastLearned:
		return fmt.Errorf("it is not one of %d classes", classes)
	}
	if e.ECE != nil && !(classes > 0 && *e.ECE >= 0 && *e.ECE <= 1) {
		return errors.New("its calibration error is none")
	}
	for i := range e.Calibration {
		if err := e.Calibration[i].validate(); err != nil {
			return err
		}
	}
	if m := e.Loss; m != nil {
		for _, c := range m.Columns {
			if c.Kind != frame.Number.String() && (c.Kind != frame.Text.String() || len(c.Categories) == 0) {
				return errors.New("a column of the loss model is neither numbers nor texts")
			}
		}
		for _, trees := range []*tree.Ensemble{m.Absolute, m.Squared} {
			if err := validTrees(trees, m.Columns, answerFeature); err != nil {
				return err
			}
		}
		if !(m.Deviation[0] >= 0 && m.Deviation[1] >= 0) {
			return errors.New("the errors of the loss model do not vary by a number")
		}
	}
	return nil
}

// maxEstimator bounds an encoded estimator.
const maxEstimator = 16 << 20

// Encode writes the canonical JSON of an estimator.
func (e *Estimator) Encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode an estimator of performance")
	}
	return append(data, '\n'), nil
}

// DecodeEstimator reads what Encode wrote for that many classes. It trusts nothing.
// Errors are BundleInvalid.
func DecodeEstimator(data []byte, classes int) (*Estimator, error) {
	e := &Estimator{}
	if err := decode(data, maxEstimator, e); err != nil {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the estimator of performance cannot be read")
	}
	if err := e.Validate(classes); err != nil {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the estimator of performance is not valid")
	}
	return e, nil
}
