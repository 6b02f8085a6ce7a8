package model

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/tree"
)

// Boosted is gradient-boosted trees.
type Boosted struct{ Trees *tree.Ensemble }

var _ Explainer = (*Boosted)(nil)

// Kind returns "boosted_trees".
func (*Boosted) Kind() string { return boostedKind }

// Outputs returns 1, or the number of classes.
func (b *Boosted) Outputs() int { return b.Trees.Outputs() }

// Names are those of the spread columns it was fitted on, as a linear model's.
func (b *Boosted) Names() []string { return b.Trees.Names() }

// Predict writes m.Rows × Outputs values into out. A number may be NaN and a
// code missing: each split has learnt where to send them.
func (b *Boosted) Predict(m *frame.Matrix, out []float64) { b.Trees.Predict(m, out) }

// Explain writes the Shapley values of every feature, and last the expected raw
// score: of the value, its logarithm (poisson), the log-odds, or the logits.
func (b *Boosted) Explain(m *frame.Matrix, out []float64) { b.Trees.Explain(m, out) }

const boostedKind = "boosted_trees"

// boostedParameters have the names of scikit-learn's HistGradientBoosting where
// it has them (max_iter is the number of rounds), else XGBoost's or LightGBM's.
var boostedParameters = []Parameter{
	{Name: "cat_l2", Default: 10, Low: 0, High: 1e9, Description: "l2 added where a set of categories splits"},
	{Name: "cat_smooth", Default: 10, Low: 0, High: 1e9, Description: "hessian added to each category when they are put in order; those of fewer rows stay together"},
	{Name: "colsample_bynode", Default: 1, Low: 1e-6, High: 1, Description: "share of features a node may split on"},
	{Name: "colsample_bytree", Default: 1, Low: 1e-6, High: 1, Description: "share of features a tree may split on"},
	{Name: "early_stopping_rounds", Default: 0, Low: 0, High: 10_000, Whole: true, Description: "rounds without a better loss on held-out rows after which to stop; 0: never"},
	{Name: "huber_delta", Default: 1, Low: 1e-9, High: 1e12, Description: "residual from which the loss huber is linear"},
	{Name: "l1", Default: 0, Low: 0, High: 1e12, Description: "penalty on the absolute value of a leaf"},
	{Name: "l2", Default: 1, Low: 0, High: 1e12, Description: "penalty on the square of a leaf"},
	{Name: "learning_rate", Default: 0.1, Low: 1e-6, High: 1, Description: "what each tree counts"},
	{Name: "max_bins", Default: tree.MaxBins, Low: 2, High: tree.MaxBins, Whole: true, Description: "bins of a feature, besides the one of missing values"},
	{Name: "max_cat_threshold", Default: 32, Low: 1, High: tree.MaxBins, Whole: true, Description: "categories on the smaller side of a split"},
	{Name: "max_depth", Default: 0, Low: 0, High: 30, Whole: true, Description: "levels of splits; 0: 6 level by level, 30 leaf by leaf"},
	{Name: "max_iter", Default: 100, Low: 1, High: 10_000, Whole: true, Description: "rounds: trees, or trees of each class"},
	{Name: "max_leaves", Default: 0, Low: 0, High: 10_000, Whole: true, Description: "leaves of a tree; 0: no bound level by level, 31 leaf by leaf"},
	{Name: "min_child_weight", Default: 1e-3, Low: 0, High: 1e12, Description: "sum of hessians of a leaf (squared: its rows)"},
	{Name: "min_samples_leaf", Default: 20, Low: 1, High: 1e9, Whole: true, Description: "rows of a leaf"},
	{Name: "min_split_gain", Default: 0, Low: 0, High: 1e12, Description: "loss that a split must save"},
	{Name: "quantile", Default: 0.5, Low: 1e-6, High: 1 - 1e-6, Description: "level of the loss quantile"},
	{Name: "subsample", Default: 1, Low: 1e-6, High: 1, Description: "share of rows a tree is grown on"},
}

type boosted struct{}

func (boosted) Kind() string { return boostedKind }

func (boosted) Parameters() []Parameter { return boostedParameters }

// Check accepts every task. A loss is of regression, balanced weights are of
// classes, and monotone constraints of a single score.
func (boosted) Check(classes int, s Settings) error {
	invalid := func(remedy, message string, args ...any) error {
		return fault.New(fault.PipelineInvalid, message, args...).WithRemedy("%s", remedy)
	}
	o := s.Options
	switch {
	case classes < 0 || classes == 1:
		return invalid("train on at least 2 classes", "boosted_trees of %d classes", classes)
	case classes > 0 && o.Loss != "":
		return invalid("remove options.loss: it is the log loss", "loss %q predicts numbers, not classes", o.Loss)
	case !slices.Contains([]string{"", "squared", "absolute", "huber", "quantile", "poisson"}, o.Loss):
		return invalid("use squared, absolute, huber, quantile or poisson", "boosted_trees has no loss %q", o.Loss)
	case !slices.Contains([]string{"", "depth", "leaf"}, o.Growth):
		return invalid("use depth or leaf", "boosted_trees has no growth %q", o.Growth)
	case !slices.Contains([]string{"", "balanced"}, o.ClassWeight):
		return invalid("use balanced", "boosted_trees has no class_weight %q", o.ClassWeight)
	case classes == 0 && o.ClassWeight != "":
		return invalid("remove options.class_weight", "class_weight weighs classes, not numbers")
	case classes > 2 && len(o.Monotone) > 0:
		return invalid("remove options.monotone", "monotone orders one score, and %d classes have as many", classes)
	}
	for _, name := range sortedKeys(o.Monotone) {
		if way := o.Monotone[name]; way != 1 && way != -1 {
			return invalid("use 1 to rise, -1 to fall", "monotone of %q is %d", name, way)
		}
	}
	return check(boostedKind, s, boostedParameters, "loss", "growth", "class_weight", "monotone")
}

// Fit boosts trees: see package tree. A class without rows gets a probability
// near 0; a constant target, or one that nothing predicts, a model of few trees
// or none and a warning.
//
// Errors: TrainingFailed where the data has infinities or makes them,
// TargetInvalid where the loss cannot be of the target, FeatureInvalid where
// monotone names what is not a feature of numbers, ResourceExhausted before it
// starts where memory would not do.
func (b boosted) Fit(ctx context.Context, d Data, s Settings) (Model, Report, error) {
	var report Report
	if err := b.Check(d.Classes, s); err != nil {
		return nil, report, err
	}
	if err := d.checkWithGaps(); err != nil {
		return nil, report, err
	}
	settings := boostedSettings(d, s)
	ways, err := monotone(d.X, s.Options.Monotone)
	if err != nil {
		return nil, report, err
	}
	settings.Monotone = ways
	table := tree.Table{X: d.X, Y: d.Y, Weights: weightsOf(d, s)}
	var held *tree.Table
	if d.Held != nil && d.Held.X.Rows > 0 {
		if err := d.Held.checkWithGaps(); err != nil {
			return nil, report, err
		}
		held = &tree.Table{X: d.Held.X, Y: d.Held.Y, Weights: d.Held.Weights}
	}
	if err := tree.Affordable(table, held, &settings); err != nil {
		return nil, report, err
	}
	bins, err := d.Memo.Do(fmt.Sprintf("bins/%d", settings.MaxBins), func() (any, error) {
		return tree.NewBins(ctx, d.X, settings.MaxBins)
	})
	if err != nil {
		return nil, report, err
	}
	var resume []byte
	var step func(int, int, func() ([]byte, error))
	if d.Watch != nil {
		resume, step = d.Watch.Resume, d.Watch.Step
	}
	ensemble, fitted, err := tree.Fit(ctx, table, held, bins.(*tree.Bins), settings, resume, step)
	if err != nil {
		return nil, report, err
	}
	report = Report{Iterations: fitted.Rounds, Converged: true, Warnings: fitted.Warnings, Curve: curve(fitted.Train, fitted.Held)}
	if len(ensemble.Trees) == 0 {
		report.Warnings = append(report.Warnings, "no feature splits the rows to any gain: the model is a constant")
	}
	return &Boosted{ensemble}, report, nil
}

func boostedSettings(d Data, s Settings) tree.Settings {
	get := func(name string) float64 { return s.Params.get(name, boostedParameters) }
	t := tree.Settings{
		CatL2: get("cat_l2"), CatSmooth: get("cat_smooth"), Classes: d.Classes, ColsampleByNode: get("colsample_bynode"),
		ColsampleByTree: get("colsample_bytree"), EarlyStopping: int(get("early_stopping_rounds")), HuberDelta: get("huber_delta"),
		L1: get("l1"), L2: get("l2"), LearningRate: get("learning_rate"), LeafWise: s.Options.Growth == "leaf",
		Loss: tree.Loss(s.Options.Loss), MaxBins: int(get("max_bins")), MaxCatThreshold: int(get("max_cat_threshold")),
		MaxDepth: int(get("max_depth")), MaxLeaves: int(get("max_leaves")), MinChildWeight: get("min_child_weight"),
		MinSamplesLeaf: int(get("min_samples_leaf")), MinSplitGain: get("min_split_gain"), Quantile: get("quantile"),
		Rounds: int(get("max_iter")), Seed: s.Seed, Subsample: get("subsample"),
	}
	switch {
	case d.Classes == 2:
		t.Loss = tree.Logistic
	case d.Classes > 2:
		t.Loss = tree.Softmax
	case t.Loss == "":
		t.Loss = tree.Squared
	}
	if t.MaxDepth == 0 {
		if t.MaxDepth = 6; t.LeafWise {
			t.MaxDepth = 30
		}
	}
	if t.MaxLeaves == 0 {
		if t.MaxLeaves = math.MaxInt; t.LeafWise {
			t.MaxLeaves = 31
		}
	}
	t.MaxLeaves = max(t.MaxLeaves, 2)
	return t
}

// monotone returns the direction of each feature, nil if none has one.
func monotone(x *frame.Matrix, asked map[string]int) ([]int, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	ways := make([]int, len(x.Features))
	for _, name := range sortedKeys(asked) {
		j := slices.IndexFunc(x.Features, func(f frame.Feature) bool { return f.Name == name })
		if j < 0 {
			return nil, fault.New(fault.FeatureInvalid, "monotone names %q, which is no feature", name).WithRemedy("name a feature as the engineer step reports it")
		}
		if x.Features[j].Block() {
			return nil, fault.New(fault.FeatureInvalid, "monotone names %q, which is categories without an order", name).WithRemedy("remove it, or encode the column as a number")
		}
		ways[j] = asked[name]
	}
	return ways, nil
}

// weightsOf are the weights of the rows, times what balances the classes: rows /
// (classes × rows of the class), as in scikit-learn, counted by weight.
func weightsOf(d Data, s Settings) []float64 {
	if s.Options.ClassWeight != "balanced" {
		return d.Weights
	}
	weights, total, of := make([]float64, d.X.Rows), 0.0, make([]float64, d.Classes)
	for i, y := range d.Y {
		weights[i] = 1
		if d.Weights != nil {
			weights[i] = d.Weights[i]
		}
		total += weights[i]
		of[int(y)] += weights[i]
	}
	for i, y := range d.Y {
		if of[int(y)] > 0 {
			weights[i] *= total / (float64(d.Classes) * of[int(y)])
		}
	}
	return weights
}

const curvePoints = 200

// descentOf thins what was reached at the start and after each step to at most
// curvePoints, the first and the last among them.
func descentOf(reached []float64) []Point {
	var points []Point
	steps := max(1, len(reached)-1)
	every := (steps + curvePoints - 2) / (curvePoints - 1)
	for i, v := range reached {
		if i == len(reached)-1 || i%every == 0 && len(points) < curvePoints-1 {
			points = append(points, Point{Round: i, Train: v})
		}
	}
	return points
}

// curve thins the losses of every round to at most curvePoints, the last one
// among them.
func curve(train, held []float64) []Point {
	every := (len(train) + curvePoints - 1) / curvePoints
	var points []Point
	for i := range train {
		if round := i + 1; round%every == 0 || round == len(train) && len(points) < curvePoints {
			p := Point{Round: round, Train: train[i]}
			if i < len(held) {
				p.Held = &held[i]
			}
			points = append(points, p)
		}
	}
	return points
}
