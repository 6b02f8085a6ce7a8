package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// EvaluateParams name the contenders and the rows they are judged on.
type EvaluateParams struct {
	Run        Run               `json:"run"`
	Pipeline   pipeline.Pipeline `json:"pipeline"`
	Models     []FittedResult    `json:"models"` // the best of each kind, the baseline among them
	Validation artifact.Ref      `json:"validation"`
	Test       artifact.Ref      `json:"test"`
}

// EvaluateResult is the verdict.
type EvaluateResult struct {
	Outcome
	Evaluation artifact.Ref `json:"evaluation"` // evaluation.Evaluation (JSON)
	Report     artifact.Ref `json:"report"`     // HTML
	Scores     artifact.Ref `json:"scores"`     // bundle.Metrics (JSON): what is the model's own, whoever is champion
	Chosen     FittedResult `json:"chosen"`
	Score      float64      `json:"score"`              // of the problem's metric, on the test rows
	Solved     *bool        `json:"solved,omitempty"`   // whether the problem's threshold is met; nil: it has none
	Reason     string       `json:"reason"`             // why it was chosen
	Rejected   string       `json:"rejected,omitempty"` // which gates said no, and by how much

	// Where the endpoint stood, and the digest of the live bundle it was compared
	// with, if any. A deployment is only valid from that revision on.
	ChampionRevision int64  `json:"champion_revision,omitempty"`
	ChampionBundle   string `json:"champion_bundle,omitempty"`
}

func (r *EvaluateResult) outputs() metadata.Outputs {
	return metadata.Outputs{evaluationOutput: r.Evaluation, reportOutput: r.Report, "scores": r.Scores}
}

// The outputs that tell what a gate on latency measured.
const (
	evaluationOutput = "evaluation"
	reportOutput     = "report"
)

// Evaluate chooses the model by its score on the validation rows, then judges it
// once on the test rows, beside the baseline and the live model, and asks the
// gates.
func (a *Activities) Evaluate(ctx context.Context, p EvaluateParams) (*EvaluateResult, error) {
	s := step{run: p.Run, name: "evaluate", version: 6, inputs: []artifact.Ref{p.Validation, p.Test}}
	begun := time.Now()
	revision, champion, err := a.champion(ctx, p.Run, p.Pipeline.Deploy.Endpoint)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	kinds := make([]string, len(p.Models))
	for i, m := range p.Models {
		kinds[i] = m.Trial.String()
		s.inputs = append(s.inputs, m.Model, m.Features, m.Target)
	}
	if champion != nil {
		s.inputs = append(s.inputs, champion.Bundle)
	}
	s.params = map[string]any{"problem": p.Pipeline.Problem, "evaluate": p.Pipeline.Evaluate, "models": kinds, "pipeline": p.Run.Pipeline, "event_time": p.Pipeline.Dataset.EventTime, "seed": p.Pipeline.Train.Seed}
	var judged *evaluation.Evaluation
	res, err := perform(ctx, a, s, &EvaluateResult{}, func(ctx context.Context, dir string, res *EvaluateResult) error {
		judged, err = a.judge(ctx, p, champion)
		if err != nil {
			return err
		}
		return a.putEvaluation(ctx, p, judged, res)
	})
	if err != nil {
		return nil, err
	}
	// What is live belongs to this moment, not to the cached comparison.
	res.ChampionRevision, res.ChampionBundle = revision, ""
	if champion != nil {
		res.ChampionBundle = champion.Bundle.Digest
	}
	if judged == nil {
		judged = &evaluation.Evaluation{}
		if err := a.Store.JSON(ctx, res.Evaluation, judged); err != nil {
			return nil, a.fail(ctx, s, begun, err)
		}
	}
	return res, a.recorded(ctx, s, a.recordEvaluation(ctx, p.Run.ID, judged))
}

// champion is where the endpoint stands, and what is live on it, if anything; or
// what was live when the run that is repeated saw it.
func (a *Activities) champion(ctx context.Context, run Run, endpoint string) (revision int64, live *metadata.Revision, err error) {
	if run.Reproduces != "" {
		seen, ok, err := a.DB.ChampionOf(ctx, run.Reproduces)
		if !ok {
			return 0, nil, err
		}
		return 0, &seen, nil
	}
	e, err := a.DB.Endpoint(ctx, endpoint)
	if errors.Is(err, fault.New(fault.EndpointNotFound, "")) {
		return 0, nil, nil
	}
	return e.Revision, e.Live, err
}

func (a *Activities) judge(ctx context.Context, p EvaluateParams, champion *metadata.Revision) (*evaluation.Evaluation, error) {
	fits := make([]fittedParts, len(p.Models))
	columns := looked(p.Pipeline)
	for i, m := range p.Models {
		var err error
		if fits[i], err = a.fit(ctx, m); err != nil {
			return nil, err
		}
		columns = append(columns, inputsOf(fits[i].features)...)
	}
	live, err := a.liveContender(ctx, champion)
	if err != nil {
		return nil, err
	}
	if live != nil {
		schema, err := a.schema(ctx, p.Test)
		if err != nil {
			return nil, err
		}
		for _, in := range live.Inputs { // a column that is gone is told by the comparison
			if schema.Column(in) != nil {
				columns = append(columns, in)
			}
		}
	}
	slices.Sort(columns)
	columns = slices.Compact(columns)
	o := evaluation.Options{
		Problem: p.Pipeline.Problem, Evaluate: p.Pipeline.Evaluate, EventTime: p.Pipeline.Dataset.EventTime, Seed: p.Pipeline.Train.Seed, Champion: live,
		Look: func(ctx context.Context, chosen int) (evaluation.Look, error) {
			m := p.Models[chosen]
			number, err := a.DB.RecordLook(ctx, p.Test.Digest, modelDigest(m), p.Run.ID)
			return evaluation.Look{Number: number}, err
		},
	}
	if o.Validation, err = a.read(ctx, p.Validation, columns); err != nil {
		return nil, err
	}
	if o.Test, err = a.read(ctx, p.Test, columns); err != nil {
		return nil, err
	}
	for i, m := range p.Models {
		signature, err := bundle.SignatureOf(o.Validation, fits[i].features, fits[i].target)
		if err != nil {
			return nil, err
		}
		predictor, err := bundle.NewPredictor(fits[i].features, fits[i].target, fits[i].model, signature)
		if err != nil {
			return nil, err
		}
		o.Contenders = append(o.Contenders, evaluation.Contender{
			Name: m.Trial.Kind, Settings: m.Trial.Settings(), Kind: m.Trial.Kind, Inputs: inputsOf(fits[i].features), Size: m.Features.Size + m.Target.Size + m.Model.Size, Predictor: predictor,
			Gains: model.Gains(fits[i].model),
		})
	}
	return evaluation.Evaluate(ctx, o)
}

// modelDigest names what answers: the model and the features it reads. Models
// with the same coefficients on other features are not the same.
func modelDigest(m FittedResult) string {
	return artifact.DigestOf([]byte(m.Features.Digest + m.Target.Digest + m.Model.Digest))
}

// looked are the columns that evaluation reads beside the models' inputs.
func looked(p pipeline.Pipeline) []string {
	columns := []string{p.Problem.Target}
	for _, name := range []string{p.Problem.Weight, p.Dataset.EventTime} {
		if name != "" {
			columns = append(columns, name)
		}
	}
	for _, s := range p.Evaluate.Slices {
		columns = append(columns, s...)
	}
	columns = append(columns, p.Evaluate.Fairness...)
	for _, g := range p.Evaluate.Gates {
		columns = append(columns, slices.Collect(maps.Keys(g.Slice))...)
	}
	return columns
}

// liveContender loads the live model, if there is one.
func (a *Activities) liveContender(ctx context.Context, champion *metadata.Revision) (*evaluation.Contender, error) {
	if champion == nil {
		return nil, nil
	}
	b, err := a.bundle(ctx, champion.Bundle)
	if err != nil {
		return nil, err
	}
	predictor, err := b.Predictor()
	if err != nil {
		return nil, err
	}
	return &evaluation.Contender{
		Name: fmt.Sprintf("%s@%d", champion.ModelName, champion.ModelVersion), Kind: "champion", Inputs: inputsOf(b.Features), Predictor: predictor,
	}, nil
}

func inputsOf(f *feature.Fitted) []string {
	names := make([]string, len(f.Inputs))
	for i, in := range f.Inputs {
		names[i] = in.Name
	}
	return names
}
