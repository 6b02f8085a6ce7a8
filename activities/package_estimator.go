package activities

import (
	"context"
	"slices"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
)

// estimator learns from the validation rows, which the model has not, what its
// performance is estimated with before labels come; nil where they are too few.
func (a *Activities) estimator(ctx context.Context, p PackageParams, predictor *bundle.Predictor, target *feature.Target, columns []string) (*drift.Estimator, error) {
	named := columns
	if !slices.Contains(columns, target.Column) {
		named = append(slices.Clone(columns), target.Column)
	}
	f, err := a.read(ctx, p.Validation, named)
	if err != nil {
		return nil, err
	}
	y, err := target.Values(f.Column(target.Column))
	if err != nil {
		return nil, err
	}
	inputs := &frame.Frame{Rows: f.Rows, Columns: f.Columns[:len(columns)]}
	predictions := make([]float64, f.Rows*predictor.Outputs())
	if err := predictor.Predict(inputs, predictions); err != nil {
		return nil, err
	}
	if k := len(target.Classes); k > 0 {
		return drift.FitCalibration(predictions, y, k)
	}
	return drift.FitLoss(ctx, inputs, predictions, y, estimatorSeed)
}

// estimatorSeed draws the rows of a large validation set.
const estimatorSeed = 1
