package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/source"
)

// RecordTrigger writes what became of a trigger.
func (a *Activities) RecordTrigger(ctx context.Context, t metadata.Trigger) error {
	if err := a.DB.RecordTrigger(ctx, t); err != nil {
		return applicationError(ctx, err)
	}
	a.Log.Info().Str("pipeline", t.Pipeline).Str("trigger", t.Kind).Str("outcome", t.Outcome).Str("run", t.Run).Str("reason", t.Reason).Msg("retraining asked for")
	return nil
}

// NewLabelsParams ask how many labels have come since the last run of the pipeline
// began, or since then if that is later.
type NewLabelsParams struct {
	Pipeline string    `json:"pipeline,omitempty"` // "": runs are not asked for, as builds before did
	Endpoint string    `json:"endpoint"`
	Since    time.Time `json:"since"`
}

// NewLabelsResult counts the answers that got a label after Since.
type NewLabelsResult struct {
	Labels int64     `json:"labels"`
	Since  time.Time `json:"since"`
}

// UnmarshalJSON also takes the count alone, which is what builds before answered: it is
// in the histories of workflows that go on.
func (r *NewLabelsResult) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &r.Labels) == nil {
		return nil
	}
	type plain NewLabelsResult
	return json.Unmarshal(b, (*plain)(r))
}

// NewLabels counts the answers of an endpoint that got a label since the last run of
// the pipeline began, whoever started it. Moments are of Temporal's clock, and so is
// when the activity started: the worker's is not asked.
func (a *Activities) NewLabels(ctx context.Context, p NewLabelsParams) (*NewLabelsResult, error) {
	res := &NewLabelsResult{Since: p.Since}
	if p.Pipeline != "" {
		began, err := a.DB.LastRunBegan(ctx, p.Pipeline)
		if err != nil {
			return nil, applicationError(ctx, err)
		}
		if began.After(res.Since) {
			res.Since = began
		}
	}
	var err error
	if res.Labels, err = a.DB.NewLabels(ctx, p.Endpoint, res.Since, activity.GetInfo(ctx).StartedTime); err != nil {
		return nil, applicationError(ctx, err)
	}
	return res, nil
}

// NewDataParams name the sources to look at.
type NewDataParams struct {
	Pipeline pipeline.Pipeline `json:"pipeline"`
	BaseDir  string            `json:"base_dir"`
}

// NewData returns a digest of the identities of all parts of all sources: another
// one means that a source has changed. Files of the worker are read for it, databases
// asked by postgres.changed_by. Other queries and logged predictions are left out: a
// query is seen only by running it, and predictions change with every answer.
func (a *Activities) NewData(ctx context.Context, p NewDataParams) (string, error) {
	seen := map[string]any{}
	for name, s := range p.Pipeline.Sources {
		if !s.Watchable() {
			continue
		}
		from, err := a.open(SourceParams{Run: Run{Pipeline: p.Pipeline.Name}, Name: name, Source: s, BaseDir: p.BaseDir}, "")
		if err != nil {
			return "", applicationError(ctx, err)
		}
		parts, err := source.Seen(ctx, from)
		if err != nil {
			return "", applicationError(ctx, fmt.Errorf("look at source %s: %w", name, err))
		}
		seen[name] = parts
	}
	b, err := artifact.Canonical(seen)
	if err != nil {
		return "", applicationError(ctx, fault.Wrap(err, fault.Internal, "encode what there is of the sources"))
	}
	return artifact.DigestOf(b), nil
}

// LabelledSinceParams ask from when on answers were labelled since the live model.
type LabelledSinceParams struct {
	Run      Run       `json:"run"`
	Endpoint string    `json:"endpoint"`
	Until    time.Time `json:"until"`
}

// LabelledSinceResult is a moment.
type LabelledSinceResult struct {
	From time.Time `json:"from"` // zero: nothing is live, or no label has come since
}

// LabelledSince finds the oldest answer that got its label since the run of the live
// model began. A run that repeats another sees the labels that one saw, and the
// model that was live then.
func (a *Activities) LabelledSince(ctx context.Context, p LabelledSinceParams) (*LabelledSinceResult, error) {
	since, err := a.championBegan(ctx, p)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	if since.IsZero() {
		return &LabelledSinceResult{}, nil
	}
	from, _, err := a.DB.FirstLabelled(ctx, p.Endpoint, since, p.Until)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	return &LabelledSinceResult{From: from}, nil
}

// championBegan is when the run of the model that was live at Until began.
func (a *Activities) championBegan(ctx context.Context, p LabelledSinceParams) (time.Time, error) {
	history, err := a.DB.Revisions(ctx, p.Endpoint, 1000)
	if err != nil {
		return time.Time{}, err
	}
	for _, r := range history {
		if r.Created.After(p.Until) || r.ModelVersion == 0 {
			continue
		}
		m, err := a.DB.ModelVersion(ctx, r.ModelName, r.ModelVersion)
		if err != nil {
			return time.Time{}, err
		}
		run, err := a.DB.Run(ctx, m.Run)
		if fault.KindOf(err) == fault.NotFound {
			return m.Created, nil // imported: no run made it
		}
		return run.Started, err
	}
	return time.Time{}, nil
}
