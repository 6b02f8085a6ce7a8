package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
)

// maxAnswers bounds the rows of each version that one look reads: the newest.
const maxAnswers = 100_000

// CompareAnswersParams ask how a version does against the live one, in one revision.
type CompareAnswersParams struct {
	Run      Run               `json:"run"`
	Rollout  string            `json:"rollout,omitempty"` // that asks; empty: of an older workflow
	Endpoint string            `json:"endpoint"`
	Revision int64             `json:"revision"` // that serves both
	Role     metadata.Role     `json:"role"`     // canary or shadow
	Since    time.Time         `json:"since"`
	Question rollout.Question  `json:"question"`
	Rules    pipeline.Rollback `json:"rules"`
}

// CompareAnswers judges what both versions answered over the same period. The live
// version's errors are those of the server; a refusal of the candidate is its error,
// too, for the live version had read the request. A rollout that was ended elsewhere
// hears of it: RolloutEnded.
func (a *Activities) CompareAnswers(ctx context.Context, p CompareAnswersParams) (*rollout.Comparison, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "compare"}, time.Now()
	if err := a.stillOpen(ctx, p.Rollout); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	sample := func(role metadata.Role) (*rollout.Sample, error) {
		out := rollout.NewSample(p.Question)
		return out, a.DB.EachRoleAnswer(ctx, metadata.RoleAnswers{Endpoint: p.Endpoint, Revision: p.Revision, Role: role, Since: p.Since, Limit: maxAnswers}, func(r metadata.RoleAnswer) {
			refused := r.Status >= 400 && r.Status < 500
			if refused && role == metadata.RoleLive {
				return
			}
			out.Add(rollout.Row{Failed: r.Status != 200, Latency: time.Duration(r.LatencyUS) * time.Microsecond, Outputs: r.Outputs, Label: r.Label})
		})
	}
	candidate, err := sample(p.Role)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	champion, err := sample(metadata.RoleLive)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	c := rollout.Judge(p.Rules, candidate, champion, p.Role == metadata.RoleCanary)
	return &c, nil
}

// stillOpen is RolloutEnded if the rollout has ended.
func (a *Activities) stillOpen(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	r, err := a.DB.Rollout(ctx, id)
	if err == nil && r.Finished != nil {
		err = fault.New(fault.RolloutEnded, "rollout %s has ended, %s, and looks at nothing any more", id, r.State)
	}
	return err
}

// ReplayParams ask what a version would have answered.
type ReplayParams struct {
	Run      Run              `json:"run"`
	Endpoint string           `json:"endpoint"`
	Model    string           `json:"model"` // the live version, whose answers are compared with
	Version  int              `json:"version"`
	Bundle   artifact.Ref     `json:"bundle"` // of the candidate
	Question rollout.Question `json:"question"`
	Rules    pipeline.Replay  `json:"rules"`
}

// Replay scores the last rows that the live version answered with the candidate.
func (a *Activities) Replay(ctx context.Context, p ReplayParams) (*rollout.Replayed, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "replay"}, time.Now()
	res, err := a.replay(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, nil
}

func (a *Activities) replay(ctx context.Context, p ReplayParams) (*rollout.Replayed, error) {
	b, err := a.bundle(ctx, p.Bundle)
	if err != nil {
		return nil, err
	}
	predictor, err := b.Predictor()
	if err != nil {
		return nil, err
	}
	res := rollout.NewReplayed(p.Question.Task)
	out := make([]float64, predictor.Outputs())
	err = a.DB.EachAsked(ctx, p.Endpoint, p.Model, p.Version, p.Rules.Requests, func(asked metadata.Asked) error {
		var record map[string]any
		if err := json.Unmarshal(asked.Features, &record); err != nil {
			res.Refuse("what was asked is not in the log")
			return nil
		}
		f, err := bundle.FrameFromRecords(b.Signature, []map[string]any{record})
		if err == nil {
			err = predictor.Predict(f, out)
		}
		if err != nil {
			res.Refuse(refusal(err))
			return nil
		}
		res.Add(asked.ID.String(), asked.Outputs, out, predictor.Classes())
		return nil
	})
	if err != nil {
		return nil, err
	}
	res.Judge(p.Rules)
	return res, nil
}

// refusal says why a row cannot be answered, without what it holds.
func refusal(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		if problems, ok := f.Details.([]bundle.Problem); ok && len(problems) > 0 {
			if p := problems[0]; p.Column != "" {
				return "column " + p.Column + ": expected " + p.Expected
			}
			return problems[0].Got // names of columns that are not there
		}
		return string(f.Kind)
	}
	return "it cannot be computed"
}
