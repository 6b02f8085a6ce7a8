package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// EnsembleParams name the models to join, all fitted on the same rows.
type EnsembleParams struct {
	FitParams
	Method  string         `json:"method"` // average or stack
	Members []FittedResult `json:"members"`
}

// Ensemble joins fitted models to one that answers with their mean. The weights
// of a stack are those that do best on the held rows of the folds, for which the
// members are fitted once more on the rest.
func (a *Activities) Ensemble(ctx context.Context, p EnsembleParams) (*FittedResult, error) {
	begun := time.Now()
	s, res := p.step("ensemble"), &FittedResult{Trial: p.Trial}
	s.trial = func() (metadata.Trial, error) {
		return p.trial(-1, &res.Report, metadata.Trial{Rows: res.Rows, Seconds: time.Since(begun).Seconds(), ModelDigest: res.Model.Digest})
	}
	for _, m := range p.Members {
		s.inputs = append(s.inputs, m.Model)
	}
	s.params = map[string]any{"rows": p.rows(), "method": p.Method, "of": "ensemble"}
	_, err := perform(ctx, a, s, res, func(ctx context.Context, dir string, res *FittedResult) error {
		weights, err := a.blend(ctx, s, p)
		if err != nil {
			return err
		}
		joined, words := &model.Ensemble{}, []string{}
		for i, m := range p.Members {
			if m.Features != p.Members[0].Features || m.Target != p.Members[0].Target {
				return fault.New(fault.Internal, "%s and %s read other features", m.Trial, p.Members[0].Trial)
			}
			parts, err := a.fit(ctx, m)
			if err != nil {
				return err
			}
			words = append(words, fmt.Sprintf("%s × %.3g", m.Trial.Kind, weights[i]))
			if weights[i] > 0 {
				joined.Members = append(joined.Members, model.Member{Weight: weights[i], Model: parts.model})
			}
		}
		body, err := model.Encode(joined)
		if err != nil {
			return err
		}
		res.Features, res.Target = p.Members[0].Features, p.Members[0].Target
		res.Report = model.Report{Converged: true}
		res.Rows = p.Members[0].Rows
		res.Figure = p.Method + " of " + strings.Join(words, ", ")
		res.Model, err = a.Store.PutBytes(ctx, body, p.Members[0].Model.MediaType)
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Trial = p.Trial
	return res, nil
}

// blend returns the weight of each member.
func (a *Activities) blend(ctx context.Context, s step, p EnsembleParams) ([]float64, error) {
	if p.Method != "stack" {
		return slices.Repeat([]float64{1 / float64(len(p.Members))}, len(p.Members)), nil
	}
	var y, weights []float64
	predictions := make([][]float64, len(p.Members))
	classes := 0
	for fold := range p.Folds {
		one := p.FitParams
		one.Fold = fold
		rows, err := a.prepare(ctx, one)
		if err != nil {
			return nil, err
		}
		held := rows.Held()
		y, weights, classes = append(y, held.Y...), append(weights, held.Weights...), held.Classes
		for i, m := range p.Members {
			pulseOf(ctx).set(fmt.Sprintf("fold %d of %d, %s", fold+1, p.Folds, m.Trial.Kind), nil)
			fit, err := rows.Fit(ctx, m.Trial, p.Seed, nil)
			if err != nil {
				return nil, err
			}
			predictions[i] = append(predictions[i], rows.Predict(fit.Model)...)
		}
	}
	if p.Problem.Task == pipeline.Regression {
		classes = 0
	}
	return tuning.Blend(y, weights, predictions, classes), nil
}
