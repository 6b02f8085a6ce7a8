package window

import (
	"fmt"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
)

// Calibration is the expected calibration error of the labelled answers, by
// drift.Judged, and what chance makes of it where every probability is right.
type Calibration struct {
	Rows   int     `json:"rows"`
	Error  float64 `json:"error"`
	Chance float64 `json:"chance"`
	// Drift compares it with the rows that the bundle's estimator has learned from, which
	// the model has not; nil: the bundle has none, or an older one that did not keep it.
	Drift *drift.CalibrationDrift `json:"drift,omitempty"`
}

func (m *collected) calibrate(o Options, into *ModelMeasure) {
	classes := len(m.Bundle.Target.Classes)
	switch {
	case classes == 0:
		into.Uncalibrated = "calibration is not defined for a regression: it has no probabilities"
		return
	case m.totals.Rows < int64(o.MinRows) || m.totals.Rows == 0:
		into.Uncalibrated = fmt.Sprintf("insufficient data: calibration needs %d labelled answers; there are %d", o.MinRows, m.totals.Rows)
		return
	}
	p, outcome := drift.Judged(m.truth.Answers, m.truth.Y, classes)
	c := &Calibration{Rows: len(p)}
	c.Error, c.Chance = drift.CalibrationError(p, outcome)
	if e := m.Bundle.Estimator; e != nil && e.ECE != nil {
		c.Drift = drift.CompareCalibration(*e.ECE, e.Rows, p, outcome, drift.Options{MinRows: int64(o.MinRows)})
	}
	into.Calibration = c
}

func (j *judge) calibration() []alert.Finding {
	c := j.main.Calibration
	if c == nil {
		return j.unknown("", "ece", "%s", j.main.Uncalibrated)
	}
	f := j.finding("", "ece")
	f.Value = alert.Number(c.Error)
	was := ""
	if d := c.Drift; d != nil && d.Outcome != drift.Insufficient {
		f.Against = "the validation rows"
		was = fmt.Sprintf(", %.3g on the validation rows (%s)", d.Reference, d.Outcome)
	}
	return []alert.Finding{judged(f, c.Error > *j.Max && c.Error > c.Chance, "expected calibration error %.3g over %d labelled answers%s, %.3g by chance; the bound is %.3g", c.Error, c.Rows, was, c.Chance, *j.Max)}
}

// calibrated puts the calibration on the page: beside its reference, where there is one.
func (c *Calibration) calibrated(r *drift.Report) {
	if r.Calibration = c.Drift; c.Drift == nil || c.Drift.Outcome == drift.Insufficient {
		r.Calibrated = fmt.Sprintf("Calibration: the expected error of a probability is %.3g over %d labelled answers; chance alone makes %.3g of it.", c.Error, c.Rows, c.Chance)
	}
}
