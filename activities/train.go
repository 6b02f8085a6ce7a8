package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// FitParams name one fit: a trial on the rows of one fold, or on all of them.
type FitParams struct {
	Run     Run              `json:"run"`
	Problem pipeline.Problem `json:"problem"`
	Train   artifact.Ref     `json:"train"`
	Plan    artifact.Ref     `json:"plan"`
	Trial   tuning.Trial     `json:"trial"`
	Fold    int              `json:"fold"`  // 0…Folds×repeats-1; each repeat deals the rows anew
	Folds   int              `json:"folds"` // 0: no folds, fit on all rows
	Seed    int64            `json:"seed"`
	Split   pipeline.Split   `json:"split"` // how the rows were dealt: folds follow it

	Share float64       `json:"share,omitempty"` // of the fold's training rows; 0 is all
	Outer *OuterFold    `json:"outer,omitempty"` // of a nested search: only its rows to learn from are there
	Watch *artifact.Ref `json:"watch,omitempty"` // without folds: rows that early stopping may watch
}

// OuterFold is one of the folds that a whole search is repeated in.
type OuterFold struct {
	Fold  int `json:"fold"`
	Folds int `json:"folds"`
}

func (p FitParams) step(name string) step {
	params := map[string]any{
		"rows": p.rows(), "kind": p.Trial.Kind, "params": p.Trial.Params, "options": p.Trial.Options, "seed": p.Seed,
	}
	if e := p.Trial.External; e != nil {
		params["external"] = []string{e.Queue, e.Activity, e.Version}
	}
	s := step{
		run: p.Run, name: "train", part: fmt.Sprintf("%03d/%s", p.Trial.ID, name), version: 4, inputs: []artifact.Ref{p.Train, p.Plan}, params: params,
	}
	if p.Outer != nil {
		s.part = fmt.Sprintf("outer-%d/%s", p.Outer.Fold, s.part)
	}
	if p.Watch != nil {
		s.inputs = append(s.inputs, *p.Watch)
	}
	return s
}

// rows is all but the tables that decides which rows a fit learns from and is
// scored on, and what their features are.
func (p FitParams) rows() map[string]any {
	rows := map[string]any{"problem": fitProblem(p.Problem), "fold": p.Fold, "folds": p.Folds, "seed": p.Seed, "share": p.Share, "outer": p.Outer}
	if p.Split.Method == "time" {
		rows["gap"] = "by time, " + p.Split.Gap
	}
	return rows
}

// fitProblem is the part of a problem that decides a fit: another statement or
// owner is no reason to train again.
func fitProblem(p pipeline.Problem) map[string]any {
	return map[string]any{"task": p.Task, "target": p.Target, "positive": p.Positive, "baseline": p.Baseline, "metric": p.Metric, "weight": p.Weight}
}

// FoldResult is how one trial did on one fold. The scores and the report are for
// the trial's row: a history of thousands of fits holds only what decides.
type FoldResult struct {
	Outcome
	Trial  int             `json:"trial"`
	Fold   int             `json:"fold"`
	Score  *float64        `json:"score,omitempty"`  // of the problem's metric; nil: it failed
	Failed string          `json:"failed,omitempty"` // why: an outcome of the trial, no failure of the search
	Rows   int             `json:"rows"`             // held out
	Scores metadata.Values `json:"scores,omitempty"`
	Report *model.Report   `json:"report,omitempty"`
	Digest string          `json:"digest,omitempty"` // of the model, which is not kept: model.Digest, or that of a graph
	Learnt int             `json:"learnt,omitempty"` // rows it learnt from
	Memory int64           `json:"memory,omitempty"`

	// Seconds are those of the fit alone when it was made, without preparing its rows. By
	// them a search gives out short fits by the batch.
	Seconds float64 `json:"seconds,omitempty"`

	TrainerReport artifact.Ref `json:"trainer_report,omitzero"` // of a trainer elsewhere, if it wrote one
}

func (r *FoldResult) outputs() metadata.Outputs {
	if r.TrainerReport.IsZero() {
		return nil
	}
	return metadata.Outputs{trainerReport: r.TrainerReport}
}

// foldFit is a fit on one fold, as a step.
type foldFit struct {
	p     FitParams
	step  step
	res   *FoldResult
	begun time.Time
}

func newFoldFit(p FitParams) *foldFit {
	f := &foldFit{p: p, step: p.step(foldPart(p.Fold)), res: &FoldResult{Trial: p.Trial.ID, Fold: p.Fold}, begun: time.Now()}
	f.step.trial = func() (metadata.Trial, error) {
		return p.trial(p.Fold, f.res.Report, metadata.Trial{
			Scores: f.res.Scores, Rows: f.res.Learnt, Memory: f.res.Memory, Seconds: time.Since(f.begun).Seconds(), ModelDigest: f.res.Digest, Error: f.res.Failed,
		})
	}
	return f
}

// told is what the workflow is told of the fit.
func (f *foldFit) told() *FoldResult {
	res := *f.res
	res.Trial, res.Fold = f.p.Trial.ID, f.p.Fold // a hit may come from a search that numbered it otherwise
	res.Scores, res.Report, res.Digest = nil, nil, ""
	return &res
}

// FitFold fits a trial on the training rows of one fold, features included, and
// scores it on the rows held out. A trial that cannot be fitted or scored there is
// a result that says why; other trials may do better.
func (a *Activities) FitFold(ctx context.Context, p FitParams) (*FoldResult, error) {
	f := newFoldFit(p)
	_, err := perform(ctx, a, f.step, f.res, func(ctx context.Context, dir string, res *FoldResult) error { return a.fitFold(ctx, f) })
	if err != nil {
		return nil, err
	}
	return f.told(), nil
}

func (a *Activities) fitFold(ctx context.Context, f *foldFit) error {
	rows, err := a.prepare(ctx, f.p)
	if err == nil {
		f.res.Learnt, f.res.Rows = rows.Rows()
		f.res.Memory = rows.Memory(f.p.Trial)
		begun := time.Now()
		err = a.fitScored(ctx, f.step, f.p, rows, f.res)
		f.res.Seconds = time.Since(begun).Seconds()
	}
	if kind := fault.KindOf(err); ctx.Err() == nil && (kind == fault.TrainingFailed || kind == fault.ResourceExhausted) {
		f.res.Failed, f.res.Figure = err.Error(), "failed: "+err.Error()
		return nil
	}
	return err
}

func (a *Activities) fitScored(ctx context.Context, s step, p FitParams, rows *tuning.Prepared, res *FoldResult) error {
	fit, err := rows.FitScored(ctx, p.Trial, p.Seed, a.watch(ctx, s))
	if err != nil {
		return err
	}
	score := fit.Scores[p.Problem.Metric]
	res.Scores, res.Report, res.Score, res.Digest = metadata.Values(fit.Scores), &fit.Report, &score, fit.Digest
	res.Figure = fmt.Sprintf("%s %s", p.Problem.Metric, number(score))
	return nil
}

// trial completes the row of a fit by what was asked for and what it says of
// itself.
func (p FitParams) trial(fold int, report *model.Report, t metadata.Trial) (metadata.Trial, error) {
	t.Run, t.Outer, t.Trial, t.Fold, t.Kind, t.Params = p.Run.ID, -1, p.Trial.ID, fold, p.Trial.Kind, metadata.Values(p.Trial.Params)
	t.Share, t.Worker = 1, hostname()
	if e := p.Trial.External; e != nil {
		t.Worker = "queue " + e.Queue
	}
	if p.Share > 0 {
		t.Share = p.Share
	}
	if p.Outer != nil {
		t.Outer = p.Outer.Fold
	}
	var err error
	if t.Options, err = json.Marshal(p.Trial.Options); err != nil {
		return t, err
	}
	t.Report, err = json.Marshal(report)
	return t, err
}

// FittedResult names a fitted model and what it needs to read raw columns.
type FittedResult struct {
	Outcome
	Trial    tuning.Trial `json:"trial"`
	Features artifact.Ref `json:"features"`
	Target   artifact.Ref `json:"target"`
	Model    artifact.Ref `json:"model"`
	Report   model.Report `json:"report"` // without its learning curve, which is in the trial's row
	Rows     int          `json:"rows"`   // it learnt from
	Memory   int64        `json:"memory"`

	ONNX   artifact.Ref `json:"onnx,omitzero"`    // of a model trained elsewhere: the graph that Model describes
	Failed string       `json:"failed,omitempty"` // why there is none of it, and no other part

	TrainerReport artifact.Ref `json:"trainer_report,omitzero"` // of a trainer elsewhere, if it wrote one
}

func (r *FittedResult) outputs() metadata.Outputs {
	if r.Failed != "" {
		return nil
	}
	out := metadata.Outputs{"features": r.Features, "target": r.Target, "model": r.Model}
	if !r.ONNX.IsZero() {
		out["onnx"] = r.ONNX
	}
	if !r.TrainerReport.IsZero() {
		out[trainerReport] = r.TrainerReport
	}
	return out
}

// Fit fits a trial on all training rows.
func (a *Activities) Fit(ctx context.Context, p FitParams) (*FittedResult, error) {
	begun := time.Now()
	s, res := p.step("all"), &FittedResult{Trial: p.Trial}
	s.trial = func() (metadata.Trial, error) {
		return p.trial(-1, &res.Report, metadata.Trial{
			Rows: res.Rows, Memory: res.Memory, Seconds: time.Since(begun).Seconds(), ModelDigest: res.Model.Digest,
		})
	}
	_, err := perform(ctx, a, s, res, func(ctx context.Context, dir string, res *FittedResult) error {
		rows, err := a.prepare(ctx, p)
		if err != nil {
			return err
		}
		fit, err := rows.Fit(ctx, p.Trial, p.Seed, a.watch(ctx, s))
		if err != nil {
			return err
		}
		res.Report, res.Memory = fit.Report, rows.Memory(p.Trial)
		res.Rows, _ = rows.Rows()
		res.Figure = p.Trial.Kind + " on " + count(int64(res.Rows)) + " rows"
		return a.putFit(ctx, fit, res)
	})
	if err != nil {
		return nil, err
	}
	res.Trial, res.Report.Curve = p.Trial, nil
	return res, nil
}

func (a *Activities) putFit(ctx context.Context, fit *tuning.Fit, res *FittedResult) error {
	for _, part := range []struct {
		encode func() ([]byte, error)
		ref    *artifact.Ref
	}{
		{fit.Features.Encode, &res.Features},
		{fit.Target.Encode, &res.Target},
		{func() ([]byte, error) { return model.Encode(fit.Model) }, &res.Model},
	} {
		body, err := part.encode()
		if err != nil {
			return err
		}
		if *part.ref, err = a.Store.PutBytes(ctx, body, artifact.MediaTypeJSON); err != nil {
			return err
		}
	}
	return nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
