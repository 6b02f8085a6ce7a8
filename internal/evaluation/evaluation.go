package evaluation

import (
	"context"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Predictor answers for raw columns. Outputs values a row: the number, or the
// probability of each of Classes.
type Predictor interface {
	Classes() []string
	Outputs() int
	Predict(f *frame.Frame, out []float64) error
	Task() pipeline.Task
}

// Contender is a model to be judged.
type Contender struct {
	Name      string   // as people read it: "logistic"
	Settings  string   // its hyperparameters and options: "C=0.1 penalty=l1"
	Kind      string   // "baseline" marks the baseline
	Inputs    []string // raw columns it reads
	Size      int64    // bytes of its features, target and model
	Predictor Predictor
	Gains     []model.Gain // of boosted trees
}

// Options are what Evaluate reads. Contenders hold exactly one baseline.
type Options struct {
	Problem    pipeline.Problem
	Evaluate   pipeline.Evaluate // nil Gates: DefaultGates
	EventTime  string            // column, "" if there is none
	Seed       int64             // of resamples and permutations
	Contenders []Contender
	Champion   *Contender // nil: nothing is live
	Validation *frame.Frame
	Test       *frame.Frame

	// Look records, before the test rows are read, that the contender of that index
	// is judged on them. Nil: looks are not counted.
	Look func(ctx context.Context, chosen int) (Look, error)
}

// Result is how one model did on some rows.
type Result struct {
	Name      string              `json:"name"`
	Settings  string              `json:"settings,omitempty"`
	Kind      string              `json:"kind"`
	Rows      int                 `json:"rows"`
	Scores    map[string]float64  `json:"scores"`
	Intervals map[string]Interval `json:"intervals,omitempty"` // of the test rows
	Undefined map[string]string   `json:"undefined,omitempty"` // why a metric has no value
}

// Decisions.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)

// Evaluation is the verdict, an artifact of the run.
type Evaluation struct {
	Problem      pipeline.Problem `json:"problem"`
	Validation   []Result         `json:"validation"`   // every contender, in order
	ChosenIndex  int              `json:"chosen_index"` // among Validation
	Reason       string           `json:"reason"`       // why it was chosen
	Look         *Look            `json:"look,omitempty"`
	Threshold    *Decision        `json:"threshold,omitempty"` // binary with costs: of the chosen model
	Test         Result           `json:"test"`                // the chosen model, on the test rows
	Baseline     Result           `json:"baseline"`            // on the test rows
	Champion     *Result          `json:"champion,omitempty"`
	ChampionNote string           `json:"champion_note,omitempty"` // why the live model was not compared
	Draws        int              `json:"draws"`                   // resamples behind every interval
	// OverBaseline and OverChampion are the differences of every metric, the chosen
	// model's minus the other's, on the same test rows.
	OverBaseline map[string]Difference `json:"over_baseline"`
	OverChampion map[string]Difference `json:"over_champion,omitempty"`
	Gates        []GateResult          `json:"gates"`
	Decision     string                `json:"decision"`         // Accepted if every gate passed, else Rejected
	Solved       *bool                 `json:"solved,omitempty"` // whether the problem's threshold is met on the test rows
	Diagnostics  *Diagnostics          `json:"diagnostics"`      // of the chosen model, on the test rows
	Costs        *Costs                `json:"costs,omitempty"`  // of the errors on the test rows, where problem.costs has what each costs
	Slices       *Slices               `json:"slices,omitempty"`
	Fairness     []Fairness            `json:"fairness,omitempty"`
	OverTime     *OverTime             `json:"over_time,omitempty"`
	Usage        *Usage                `json:"usage,omitempty"`
}

// Rejection says which gates said no and by how much, "" if all passed.
func (e *Evaluation) Rejection() string { return rejection(e.Gates) }

// Evaluate chooses the contender with the best score on the validation rows,
// then looks at the test rows once: the chosen model, the baseline and the
// champion, under the same resamples. The baseline is never chosen unless it is
// alone; whether the chosen one is better is for the gates to say. Thresholds are
// chosen on the validation rows.
//
// A champion that cannot answer these rows (the dataset lost a column it needs,
// or the classes changed) is left out with a note. Its threshold is chosen on the
// validation rows too, of which it may have been trained on some.
func Evaluate(ctx context.Context, o Options) (*Evaluation, error) {
	e := &Evaluation{Problem: o.Problem}
	decisions := make([]*Decision, len(o.Contenders))
	baseline := -1
	for i, c := range o.Contenders {
		if c.Kind == "baseline" {
			baseline = i
		}
		m, err := measure(ctx, o.Problem, c, o.Validation, nil)
		if err != nil {
			return nil, err
		}
		decisions[i] = decide(o.Problem.Costs, m.prepared)
		e.Validation = append(e.Validation, m.Result)
	}
	if baseline < 0 {
		return nil, fault.New(fault.Internal, "no baseline among %d contenders", len(o.Contenders))
	}
	if err := e.choose(baseline); err != nil {
		return nil, err
	}
	if o.Look != nil {
		look, err := o.Look(ctx, e.ChosenIndex)
		if err != nil {
			return nil, err
		}
		e.Look = &look
	}
	j := &judgement{options: o, chosen: o.Contenders[e.ChosenIndex]}
	var err error
	if j.model, err = measure(ctx, o.Problem, j.chosen, o.Test, decisions[e.ChosenIndex]); err != nil {
		return nil, err
	}
	if j.baseline, err = measure(ctx, o.Problem, o.Contenders[baseline], o.Test, decisions[baseline]); err != nil {
		return nil, err
	}
	if err := e.meet(ctx, j); err != nil {
		return nil, err
	}
	return e, e.judge(ctx, j)
}
