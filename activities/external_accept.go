package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// AcceptParams name what came of a fit that a trainer elsewhere was asked for.
type AcceptParams struct {
	FitParams
	Fit      ExternalFit        `json:"fit"` // without its request
	Response *external.Response `json:"response,omitempty"`
	Failed   string             `json:"failed,omitempty"` // why there is none
}

func foldPart(fold int) string { return fmt.Sprintf("fold-%d", fold) }

// delivery is a model that may be used, and what it comes to on the rows held out.
type delivery struct {
	contract externalContract
	graph    []byte
	scores   map[string]float64 // empty without rows
	warnings []string
}

// AcceptFold takes the model that a trainer elsewhere made of a fold, examines it,
// and scores it on the rows held out: the trainer's own figures are recorded, and
// count for nothing. What cannot be used is a trial that failed.
func (a *Activities) AcceptFold(ctx context.Context, p AcceptParams) (*FoldResult, error) {
	begun := time.Now()
	s, made, failed, err := a.accept(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	res := &FoldResult{}
	s.trial = func() (metadata.Trial, error) {
		return p.trial(p.Fold, res.Report, metadata.Trial{Scores: res.Scores, Rows: res.Learnt, Seconds: p.seconds(begun), ModelDigest: res.Digest, Error: res.Failed})
	}
	_, err = perform(ctx, a, s, res, func(ctx context.Context, dir string, res *FoldResult) error {
		res.Learnt, res.Rows = p.Fit.Rows.Learnt, p.Fit.Rows.HeldRows
		if failed != "" {
			res.Failed, res.Figure = failed, "failed: "+failed
			return nil
		}
		if made == nil {
			return gone()
		}
		score := made.scores[p.Problem.Metric]
		res.Scores, res.Score, res.Digest = metadata.Values(made.scores), &score, artifact.DigestOf(made.graph)
		if res.TrainerReport, err = a.takeReport(ctx, p, made); err != nil {
			return err
		}
		res.Report = p.report(made)
		res.Figure = fmt.Sprintf("%s %s", p.Problem.Metric, number(score))
		return nil
	})
	if err != nil {
		return nil, err
	}
	res.Trial, res.Fold = p.Trial.ID, p.Fold
	res.Scores, res.Report, res.Digest = nil, nil, ""
	return res, nil
}

// AcceptFit is AcceptFold for the fit on all training rows, whose model is kept.
func (a *Activities) AcceptFit(ctx context.Context, p AcceptParams) (*FittedResult, error) {
	begun := time.Now()
	s, made, failed, err := a.accept(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	res := &FittedResult{}
	s.trial = func() (metadata.Trial, error) {
		return p.trial(-1, &res.Report, metadata.Trial{Rows: res.Rows, Seconds: p.seconds(begun), ModelDigest: res.Model.Digest, Error: res.Failed})
	}
	_, err = perform(ctx, a, s, res, func(ctx context.Context, dir string, res *FittedResult) error {
		res.Rows = p.Fit.Rows.Learnt
		if failed != "" {
			res.Failed, res.Figure = failed, "failed: "+failed
			return nil
		}
		if made == nil {
			return gone()
		}
		if res.TrainerReport, err = a.takeReport(ctx, p, made); err != nil {
			return err
		}
		res.Report = *p.report(made)
		res.Figure = p.Trial.Kind + " on " + count(int64(res.Rows)) + " rows, trained elsewhere"
		return a.putDelivery(ctx, p, made, res)
	})
	if err != nil {
		return nil, err
	}
	res.Trial = p.Trial
	return res, nil
}

// accept examines what a trainer sent. The step it returns is that of the fit; for
// one that failed it is one that no later run finds in the cache, because a trainer
// may be mended without our knowing.
func (a *Activities) accept(ctx context.Context, p AcceptParams) (s step, made *delivery, failed string, err error) {
	s = p.step(p.part())
	if p.Fit.Hit {
		return s, nil, "", nil
	}
	made, err = a.delivered(ctx, p)
	var f *fault.Error
	if errors.As(err, &f) && ctx.Err() == nil && (f.Kind == fault.TrainingFailed || f.Kind == fault.BundleInvalid || f.Kind == fault.ResourceExhausted) {
		failed, err = external.Clip(err.Error()), nil
		s.params.(map[string]any)["failed"] = p.Fit.Staged.Key
	}
	return s, made, failed, err
}

func (a *Activities) delivered(ctx context.Context, p AcceptParams) (*delivery, error) {
	if p.Failed != "" {
		return nil, fault.New(fault.TrainingFailed, "the trainer failed: %s", p.Failed)
	}
	if p.Response == nil {
		return nil, fault.New(fault.Internal, "a fit without an answer and without a failure")
	}
	if err := p.Response.Check(); err != nil {
		return nil, err
	}
	graph, err := a.Store.Staged(ctx, p.Fit.Staged, external.MaxModel)
	if err != nil {
		return nil, err
	}
	if said := p.Response.Model; graph == nil {
		return nil, fault.New(fault.TrainingFailed, "the trainer says that it wrote a model, and there is none")
	} else if artifact.DigestOf(graph) != said.SHA256 || int64(len(graph)) != said.Bytes {
		return nil, fault.New(fault.TrainingFailed, "the trainer wrote %d bytes that are not the %d it says they are", len(graph), said.Bytes)
	}
	d := &delivery{graph: graph}
	if err := a.Store.JSON(ctx, p.Fit.Rows.Contract, &d.contract); err != nil {
		return nil, err
	}
	return d, a.examine(ctx, p, d)
}

// examine runs a model apart, and scores it by our own metrics.
func (a *Activities) examine(ctx context.Context, p AcceptParams, d *delivery) error {
	target := d.contract.Target
	columns := []string{target.Column}
	for _, in := range d.contract.Inputs {
		columns = append(columns, in.Name)
	}
	if p.Problem.Weight != "" {
		columns = append(columns, p.Problem.Weight)
	}
	held, err := a.readOnce(ctx, p.Fit.Rows.Held, columns)
	if err != nil {
		return err
	}
	predictions, err := foreign.Examine(ctx, d.graph, d.contract.Inputs, target.Classes, held, foreign.Limits{})
	if err != nil || held.Rows == 0 {
		return err
	}
	// The rows held out name a class as the target does, whatever its column was.
	named := *target
	if named.Classes != nil {
		named.Kind = "text"
	}
	y, err := named.Values(held.Column(target.Column))
	if err != nil {
		return err
	}
	weights, err := tuning.WeightsOf(p.Problem, held)
	if err != nil {
		return err
	}
	if d.scores, err = tuning.Score(p.Problem, y, predictions, weights, len(target.Classes)); err != nil {
		return err
	}
	if gap := external.Gap(p.Response.Metrics, d.scores); gap != "" {
		d.warnings = append(d.warnings, gap)
	}
	return nil
}

func (p AcceptParams) report(d *delivery) *model.Report {
	e := p.Trial.External
	from := fmt.Sprintf("trained elsewhere, by activity %s on task queue %s, with %s", e.Activity, e.Queue, external.Clip(p.Response.Framework))
	return &model.Report{Converged: true, Claimed: p.Response.Metrics, Warnings: append([]string{from}, d.warnings...)}
}

// seconds is what a fit took: as the trainer says, and our own part of it.
func (p AcceptParams) seconds(begun time.Time) float64 {
	seconds := time.Since(begun).Seconds()
	if p.Response != nil {
		seconds += p.Response.Seconds
	}
	return seconds
}

func (a *Activities) putDelivery(ctx context.Context, p AcceptParams, d *delivery, res *FittedResult) (err error) {
	if res.ONNX, err = a.Store.PutBytes(ctx, d.graph, artifact.MediaTypeONNX); err != nil {
		return err
	}
	return a.putFit(ctx, &tuning.Fit{
		Features: feature.Raw(d.contract.Inputs), Target: d.contract.Target,
		Model: &model.Foreign{
			Name: p.Trial.Kind, Framework: p.Response.Framework, Values: max(1, len(d.contract.Target.Classes)),
			SHA256: res.ONNX.Digest, Size: res.ONNX.Size,
		},
	}, res)
}

// gone is the error of a fit that was in the cache a moment ago.
func gone() error {
	return fault.New(fault.ArtifactMissing, "what the cache had of this fit is gone").WithRemedy("run again")
}
