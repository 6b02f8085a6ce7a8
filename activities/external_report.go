package activities

import (
	"context"
	"errors"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
)

// trainerReport names the output of a step that is a trainer's report: for people,
// and unlike all other outputs not the same when a run is repeated, because what a
// trainer writes of itself may well say when.
const trainerReport = "trainer_report"

// takeReport keeps the report that a trainer wrote of a fit, if it wrote one. One
// that cannot be kept is a warning: the model is judged without it.
func (a *Activities) takeReport(ctx context.Context, p AcceptParams, d *delivery) (artifact.Ref, error) {
	said := p.Response.Report
	if said == nil {
		return artifact.Ref{}, nil
	}
	body, err := a.Store.Staged(ctx, p.Fit.Report, external.MaxReport)
	var mediaType string
	if err == nil {
		mediaType, err = said.Take(body)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Kind == fault.TrainingFailed || f.Kind == fault.ResourceExhausted) {
		d.warnings = append(d.warnings, "the trainer's report is left out: "+f.Message)
		return artifact.Ref{}, nil
	}
	if err != nil {
		return artifact.Ref{}, err
	}
	return a.Store.PutBytes(ctx, body, mediaType)
}
