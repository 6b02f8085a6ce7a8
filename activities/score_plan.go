package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Scoring says what is to be answered by whom, and where the answers go.
type Scoring struct {
	Target    string          `json:"target"` // ENDPOINT, MODEL, MODEL@VERSION or MODEL@ALIAS
	Input     pipeline.Source `json:"input"`
	BaseDir   string          `json:"base_dir"`            // where a relative path of the input starts
	Output    string          `json:"output"`              // a whole path, or s3://BUCKET/KEY; .parquet or .csv
	Keys      []string        `json:"keys,omitempty"`      // columns kept of the input; empty: all
	OnError   string          `json:"on_error"`            // stop or reject
	Overwrite bool            `json:"overwrite,omitempty"` // replace what is at Output
	Explain   bool            `json:"explain,omitempty"`   // what each feature added to the answer
	PartRows  int64           `json:"part_rows,omitempty"` // rows of a part; 0: DefaultPartRows
}

// DefaultPartRows is how many rows a part has, unless there are so many that their
// parts would be more than maxScoringParts.
const DefaultPartRows = 200_000

// maxScoringParts bounds the parts of a scoring: what they came to travels through
// the workflow.
const maxScoringParts = 200

func (s Scoring) rejects() bool { return s.OnError == "reject" }

// ScoringModel is what answers: the version that was live on the endpoint when the
// run began, or the one that was named.
type ScoringModel struct {
	Name     string       `json:"name"`
	Version  int          `json:"version"`
	Bundle   artifact.Ref `json:"bundle"`
	Endpoint string       `json:"endpoint,omitempty"`
	Revision int64        `json:"revision,omitempty"` // of the endpoint
}

// String names the version.
func (m ScoringModel) String() string { return fmt.Sprintf("%s@%d", m.Name, m.Version) }

// ResolveScoringParams open a scoring.
type ResolveScoringParams struct {
	Run     Run       `json:"run"`
	Scoring Scoring   `json:"scoring"`
	Trigger string    `json:"trigger"`
	At      time.Time `json:"at"` // when the run began
}

// ResolveScoringResult is who answers, and what must be known of it to read the input.
type ResolveScoringResult struct {
	Outcome
	Model       ScoringModel `json:"model"`
	Texts       []string     `json:"texts,omitempty"` // inputs of the model that are texts, whatever they look like
	ArtifactURL string       `json:"artifact_url,omitempty"`
}

// ResolveScoring finds the model, opens its bundle, which must be signed as it must
// be, and makes sure that the output can be written, before anything is read. It
// opens the run's row.
//
// Errors: EndpointNotFound, NotFound; SignatureInvalid, BundleInvalid; ConfigInvalid
// for an output that is there, or cannot be.
func (a *Activities) ResolveScoring(ctx context.Context, p ResolveScoringParams) (*ResolveScoringResult, error) {
	begun := time.Now()
	s := step{run: p.Run, name: "resolve"}
	res := &ResolveScoringResult{ArtifactURL: a.ArtifactURL}
	if err := a.resolveScoring(ctx, p, res); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	finished := time.Now()
	return res, a.recorded(ctx, s, a.DB.RecordStep(ctx, metadata.Step{
		Run: p.Run.ID, Step: s.name, Attempt: attempt(ctx), State: metadata.StepCompleted, Cache: metadata.CacheOff,
		Figure: res.Figure, Outputs: metadata.Outputs{"bundle": res.Model.Bundle}, Started: begun, Finished: &finished,
	}))
}

func (a *Activities) resolveScoring(ctx context.Context, p ResolveScoringParams, res *ResolveScoringResult) (err error) {
	if res.Model, err = a.answering(ctx, p.Scoring.Target); err != nil {
		return err
	}
	// From here on the run has a row, whatever becomes of it.
	if _, _, err = a.DB.StartRun(ctx, metadata.StartRun{
		ID: p.Run.ID, TemporalRunID: activity.GetInfo(ctx).WorkflowExecution.RunID, Pipeline: res.Model.Name, Trigger: p.Trigger, Started: p.At,
	}); err != nil {
		return err
	}
	predictor, err := a.predictor(ctx, res.Model.Bundle)
	if err != nil {
		return err
	}
	if _, err := newAnswerer(predictor, p.Scoring.Explain); err != nil {
		return err
	}
	for _, in := range predictor.Signature().Inputs {
		if in.Kind == frame.Text.String() {
			res.Texts = append(res.Texts, in.Name)
		}
	}
	for _, path := range p.Scoring.outputs() {
		if err := a.vacant(ctx, path, p.Scoring.Overwrite); err != nil {
			return err
		}
	}
	res.Cache, res.Figure = metadata.CacheOff, res.Model.String()
	if res.Model.Endpoint != "" {
		res.Figure += fmt.Sprintf(", revision %d of endpoint %s", res.Model.Revision, res.Model.Endpoint)
	}
	return nil
}

// answering finds the version that a target names: of an endpoint what is live, of a
// model the newest unless a version or an alias is named.
func (a *Activities) answering(ctx context.Context, target string) (ScoringModel, error) {
	name, which, named := strings.Cut(target, "@")
	if !named {
		e, err := a.DB.Endpoint(ctx, target)
		switch {
		case err == nil && e.Live == nil:
			return ScoringModel{}, fault.New(fault.EndpointNotFound, "nothing is live on endpoint %s", target).WithRemedy("name a version: %s@VERSION", target)
		case err == nil:
			return ScoringModel{Name: e.Live.ModelName, Version: e.Live.ModelVersion, Bundle: e.Live.Bundle, Endpoint: target, Revision: e.Revision}, nil
		case fault.KindOf(err) != fault.EndpointNotFound:
			return ScoringModel{}, err
		}
	}
	v, err := a.DB.ModelNamed(ctx, name, which)
	if !named && errors.Is(err, fault.New(fault.NotFound, "")) {
		return ScoringModel{}, fault.New(fault.NotFound, "there is no endpoint and no model %q", target).WithRemedy("list them: esteira endpoints list, esteira models list")
	}
	return ScoringModel{Name: v.Name, Version: v.Version, Bundle: v.Bundle}, err
}

// scoringPlan is how the rows of an input are dealt to parts.
type scoringPlan struct {
	Schema  pipeline.Schema   `json:"schema"`  // of the whole
	Layouts []pipeline.Schema `json:"layouts"` // of the files
	Keep    []string          `json:"keep"`    // columns of the input that the output has
	Parts   [][]scoringPiece  `json:"parts"`
}

// scoringPiece is rows From…To-1 of a file.
type scoringPiece struct {
	Data   artifact.Ref `json:"data"` // Parquet
	Name   string       `json:"name"`
	Layout int          `json:"layout"`
	From   int64        `json:"from"`
	To     int64        `json:"to"`
}

// PlanScoringParams name what was collected.
type PlanScoringParams struct {
	Run      Run          `json:"run"`
	Scoring  Scoring      `json:"scoring"`
	Model    ScoringModel `json:"model"`
	Snapshot artifact.Ref `json:"snapshot"` // Snapshot (JSON)
}

// PlanScoringResult says how many parts there are.
type PlanScoringResult struct {
	Outcome
	Plan     artifact.Ref `json:"plan"` // scoringPlan (JSON)
	Parts    int          `json:"parts"`
	Rows     int64        `json:"rows"`
	Checksum string       `json:"checksum"` // of the input: over the digests of all its files
}

func (r *PlanScoringResult) outputs() metadata.Outputs { return metadata.Outputs{"plan": r.Plan} }

// PlanScoring deals the rows to parts of equal size, in their order, after it has
// refused a table that the model cannot read: before a row is scored.
//
// Errors: ColumnMissing, TypeMismatch; ConfigInvalid where a column of the input has
// the name of one that is added.
func (a *Activities) PlanScoring(ctx context.Context, p PlanScoringParams) (*PlanScoringResult, error) {
	s := step{run: p.Run, name: "plan", version: 1, inputs: []artifact.Ref{p.Snapshot, p.Model.Bundle}}
	s.params = map[string]any{"keys": p.Scoring.Keys, "rows": p.Scoring.PartRows, "explain": p.Scoring.Explain, "reject": p.Scoring.rejects()}
	return perform(ctx, a, s, &PlanScoringResult{}, func(ctx context.Context, _ string, res *PlanScoringResult) error {
		var m Snapshot
		if err := a.Store.JSON(ctx, p.Snapshot, &m); err != nil {
			return err
		}
		predictor, err := a.predictor(ctx, p.Model.Bundle)
		if err != nil {
			return err
		}
		if _, err := questionOf(predictor.Signature(), m.Schema); err != nil {
			return err
		}
		answers, err := newAnswerer(predictor, p.Scoring.Explain)
		if err != nil {
			return err
		}
		plan := scoringPlan{Schema: m.Schema, Layouts: m.Layouts}
		if plan.Keep, err = kept(p.Scoring, m.Schema, answers.names()); err != nil {
			return err
		}
		plan.deal(&m, p.Scoring.PartRows)
		res.Parts, res.Rows, res.Checksum = len(plan.Parts), m.Rows, m.Checksum
		res.Figure = fmt.Sprintf("%s rows in %d parts", count(m.Rows), res.Parts)
		res.Plan, err = a.Store.PutJSON(ctx, plan)
		return err
	})
}

// kept are the columns of the input that the output has.
func kept(s Scoring, schema pipeline.Schema, added []string) ([]string, error) {
	keep := s.Keys
	if len(keep) == 0 {
		for _, c := range schema {
			keep = append(keep, c.Name)
		}
	}
	taken := append(slices.Clone(added), modelColumn, versionColumn)
	if s.rejects() {
		taken = append(taken, rejectColumns...)
	}
	for i, name := range keep {
		if schema.Column(name) == nil {
			return nil, table.MissingColumn(name, schema, "--keys")
		}
		same := func(other string) bool { return strings.EqualFold(other, name) }
		if slices.ContainsFunc(taken, same) || slices.ContainsFunc(keep[:i], same) {
			return nil, fault.New(fault.ConfigInvalid, "column %q of the input has the name of another column of the output", name).
				WithRemedy("name the columns to keep, without it: --keys")
		}
	}
	return keep, nil
}

// deal cuts the files, one after another, to parts of so many rows.
func (p *scoringPlan) deal(m *Snapshot, rows int64) {
	if rows <= 0 {
		rows = DefaultPartRows
	}
	rows = max(rows, (m.Rows+maxScoringParts-1)/maxScoringParts)
	part, room := []scoringPiece{}, rows
	for i, file := range m.Parts {
		for from := int64(0); from < file.Rows; {
			to := min(file.Rows, from+room)
			part = append(part, scoringPiece{Data: file.Data, Name: m.Files[i].Name, Layout: file.Layout, From: from, To: to})
			if room -= to - from; room == 0 {
				p.Parts, part, room = append(p.Parts, part), []scoringPiece{}, rows
			}
			from = to
		}
	}
	if len(part) > 0 || len(p.Parts) == 0 {
		p.Parts = append(p.Parts, part)
	}
}
