package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/bundle/parity"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/pmml"
	"github.com/esteira-ml/esteira/internal/proof"
	"github.com/esteira-ml/esteira/internal/signing"
)

// PackageParams name everything a bundle is made of.
type PackageParams struct {
	Run        Run               `json:"run"`
	Pipeline   pipeline.Pipeline `json:"pipeline"`
	Model      FittedResult      `json:"model"`
	Scores     artifact.Ref      `json:"scores"` // bundle.Metrics (JSON)
	Dataset    artifact.Ref      `json:"dataset"`
	Train      artifact.Ref      `json:"train"`
	Validation artifact.Ref      `json:"validation"`
	Test       artifact.Ref      `json:"test"`
	Solved     *bool             `json:"solved,omitempty"` // whether the problem's threshold is met on the test rows
}

// PackageResult names the bundle.
type PackageResult struct {
	Outcome
	Bundle artifact.Ref `json:"bundle"`
	// Card is the run's (Markdown): that of the bundle, with the number that Postgres
	// gave the version of the problem.
	Card artifact.Ref `json:"card"`

	SignedBy string        `json:"signed_by,omitempty"` // ID of the key; empty: not signed
	Proof    *proof.Result `json:"proof,omitempty"`     // figures of the machine that packaged it
	Proved   artifact.Ref  `json:"proved"`              // the same (JSON); no part of what a repetition compares
}

func (r *PackageResult) outputs() metadata.Outputs {
	return metadata.Outputs{"bundle": r.Bundle, "card": r.Card, proofOutput: r.Proved}
}

// proofOutput is the one output that tells of the machine and not of the model.
const proofOutput = "proof"

const (
	goldenRows = 20
	// parityRows bounds the held-out rows the export is proven on; adversarial
	// rows are made from them besides.
	parityRows = 10_000
	// parityTolerance is the relative difference allowed between native and ONNX
	// answers: both compute in float64. (What somebody else exported in float32 is no
	// export of ours, and examined by package foreign.)
	parityTolerance = 1e-6
	mediaTypeCard   = "text/markdown; charset=utf-8"
)

// Package builds the bundle, proves its ONNX form equal to the native model, signs it if
// there is a key, and has a prediction server of its own answer from it before it counts.
// What goes in depends on the data and the pipeline alone, not
// on the run or on who is champion: equal models are equal bundles.
func (a *Activities) Package(ctx context.Context, p PackageParams) (*PackageResult, error) {
	begun := time.Now()
	key, err := signing.ResolveKey(a.SigningKey)
	if err != nil {
		return nil, a.fail(ctx, step{run: p.Run, name: "package"}, begun, err)
	}
	s := step{
		run: p.Run, name: "package", version: 7,
		inputs: []artifact.Ref{p.Model.Model, p.Model.Features, p.Model.Target, p.Scores, p.Train, p.Validation, p.Test, p.Dataset},
		params: map[string]any{
			"name": p.Run.Pipeline, "pipeline": p.Run.Digest, "onnx": *p.Pipeline.Package.ONNX, "kind": p.Model.Trial.String(),
			"pmml": p.Pipeline.Package.PMML, "solved": p.Solved, "key": key.ID(),
		},
	}
	res, err := perform(ctx, a, s, &PackageResult{}, func(ctx context.Context, dir string, res *PackageResult) error {
		contents, err := a.contents(ctx, p)
		if err != nil {
			return err
		}
		body, err := bundle.Build(contents.Contents)
		if err != nil {
			return err
		}
		if res.SignedBy = key.ID(); key != nil {
			if body, err = bundle.Sign(body, key); err != nil {
				return err
			}
		}
		if res.Proof, err = a.prove(ctx, dir, body); err != nil {
			return err
		}
		if res.Proved, err = a.Store.PutJSON(ctx, res.Proof); err != nil {
			return err
		}
		if res.Bundle, err = a.Store.PutBytes(ctx, body, artifact.MediaTypeBundle); err != nil {
			return err
		}
		res.Card, err = a.Store.PutBytes(ctx, []byte(contents.card), mediaTypeCard)
		res.Figure = fmt.Sprintf("%s kB%s, %s; %s", count(int64(len(body)+999)/1000), signedBy(key), contents.parity, res.Proof)
		return err
	})
	return res, err
}

// prove has a server that knows nothing but the bundle answer from it. The worker's own
// trust holds for it, too: what the servers would refuse is found here.
func (a *Activities) prove(ctx context.Context, dir string, body []byte) (*proof.Result, error) {
	trust, err := a.Trust()
	if err != nil {
		return nil, err
	}
	return proof.Prove(ctx, dir, body, trust, proof.Limits{})
}

func signedBy(key *signing.Key) string {
	if key == nil {
		return ""
	}
	return " signed by " + key.ID()[:12]
}

// contents is what goes into a bundle, and what is told of it.
type contents struct {
	bundle.Contents
	parity string // how equal the exports are
	card   string // of the run: that of the bundle, with the number of the problem's version
}

func (a *Activities) contents(ctx context.Context, p PackageParams) (*contents, error) {
	fit, err := a.fit(ctx, p.Model)
	if err != nil {
		return nil, err
	}
	columns := inputsOf(fit.features)
	train, err := a.read(ctx, p.Train, columns)
	if err != nil {
		return nil, err
	}
	c := &contents{Contents: bundle.Contents{Name: p.Run.Pipeline, Features: fit.features, Target: fit.target, Model: fit.model}}
	if c.Signature, err = bundle.SignatureOf(train, fit.features, fit.target); err != nil {
		return nil, err
	}
	predictor, err := bundle.NewPredictor(fit.features, fit.target, fit.model, c.Signature)
	if err != nil {
		return nil, err
	}
	if c.Baseline, err = baseline(predictor, train, c.Signature, fit.target); err != nil {
		return nil, err
	}
	rows := map[string]int{"train": train.Rows}
	if c.Estimator, err = a.estimator(ctx, p, predictor, fit.target, columns); err != nil {
		return nil, err
	}
	test, err := a.read(ctx, p.Test, columns)
	if err != nil {
		return nil, err
	}
	rows["test"] = test.Rows
	if c.Golden, err = bundle.Golden(predictor, test, goldenRows); err != nil {
		return nil, err
	}
	if c.parity, err = a.export(ctx, p, predictor, test, &c.Contents); err != nil {
		return nil, err
	}
	return c, a.describe(ctx, p, rows, c)
}

// baseline is the training statistics that monitoring compares with.
func baseline(p *bundle.Predictor, train *frame.Frame, sig bundle.Signature, target *feature.Target) (*bundle.Baseline, error) {
	predictions := make([]float64, train.Rows*p.Outputs())
	if err := p.Predict(train, predictions); err != nil {
		return nil, err
	}
	return bundle.BaselineOf(train, sig, target, predictions)
}

// export writes the PMML form if it is asked for, and the ONNX form, which it proves
// equal on held-out rows.
func (a *Activities) export(ctx context.Context, p PackageParams, predictor *bundle.Predictor, test *frame.Frame, c *bundle.Contents) (string, error) {
	if theirs, ok := c.Model.(*model.Foreign); ok {
		return fmt.Sprintf("the ONNX model of %s, examined when it came", theirs.Framework), nil
	}
	var err error
	if p.Pipeline.Package.PMML {
		if c.PMML, err = pmml.Export(c.Features, c.Target, c.Model, c.Name); err != nil {
			return "", err
		}
	}
	if !*p.Pipeline.Package.ONNX {
		return "no ONNX asked for", nil
	}
	if c.ONNX, err = onnx.Export(c.Features, c.Target, c.Model, c.Name); err != nil {
		return "", err
	}
	proof, err := parity.Check(ctx, predictor, c.ONNX, spread(test, parityRows), parityTolerance)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("ONNX equal on %s rows (largest difference %.1e)", count(int64(proof.Rows)), proof.MaxRel), nil
}

// spread takes at most n rows, evenly spaced.
func spread(f *frame.Frame, n int) *frame.Frame {
	if f.Rows <= n {
		return f
	}
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(int64(i) * int64(f.Rows) / int64(n))
	}
	return f.Take(rows)
}

func (a *Activities) describe(ctx context.Context, p PackageParams, rows map[string]int, c *contents) error {
	if err := a.Store.JSON(ctx, p.Scores, &c.Metrics); err != nil {
		return err
	}
	c.Lineage = bundle.Lineage{
		Pipeline: p.Run.Digest, Dataset: p.Dataset.Digest,
		Splits: map[string]string{"train": p.Train.Digest, "validation": p.Validation.Digest, "test": p.Test.Digest},
	}
	problem, err := problemDigest(p.Pipeline.Problem)
	if err != nil {
		return err
	}
	card := bundle.Card{
		Model: c.Model, Dropped: p.Model.Report.Dropped,
		Name: c.Name, Kind: p.Model.Trial.String(), Problem: p.Pipeline.Problem, ProblemDigest: problem, Solved: p.Solved, Rows: rows,
		Metrics: c.Metrics, Signature: c.Signature, Limits: p.Model.Report.Warnings, Lineage: c.Lineage,
	}
	c.Card = card.Markdown()
	if card.ProblemVersion, err = a.DB.ProblemVersion(ctx, p.Run.Pipeline, problem); err != nil {
		return err
	}
	c.card = card.Markdown()
	return nil
}

// fittedParts are the artifacts of one fit, decoded.
type fittedParts struct {
	features *feature.Fitted
	target   *feature.Target
	model    model.Model
}

func (a *Activities) fit(ctx context.Context, m FittedResult) (parts fittedParts, err error) {
	body := func(ref artifact.Ref) []byte {
		if err != nil {
			return nil
		}
		var b []byte
		b, err = a.Store.Bytes(ctx, ref, artifact.MaxJSON)
		return b
	}
	features, target, native := body(m.Features), body(m.Target), body(m.Model)
	if err != nil {
		return parts, err
	}
	if parts.features, err = feature.Decode(features); err != nil {
		return parts, err
	}
	if parts.target, err = feature.DecodeTarget(target); err != nil {
		return parts, err
	}
	if parts.model, err = model.Decode(native); err != nil {
		return parts, err
	}
	if theirs, ok := parts.model.(*model.Foreign); ok {
		theirs.ONNX, err = a.Store.Bytes(ctx, m.ONNX, external.MaxModel)
	}
	return parts, err
}
