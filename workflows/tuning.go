package workflows

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// TuningInput starts a search.
type TuningInput struct {
	Run        activities.Run   `json:"run"`
	Problem    pipeline.Problem `json:"problem"`
	Settings   pipeline.Train   `json:"settings"`
	Split      pipeline.Split   `json:"split"` // how the training rows were dealt: folds follow it
	Train      artifact.Ref     `json:"train"`
	Plan       artifact.Ref     `json:"plan"`
	Validation artifact.Ref     `json:"validation"` // what early stopping of the final fits watches

	Outer *activities.OuterFold `json:"outer,omitempty"` // a search repeated within one outer fold
	Sofar *Sofar                `json:"sofar,omitempty"` // of a search that continues as new
}

// Sofar is how far a search has come: all that it needs to go on where it was.
type Sofar struct {
	Scores  scores    `json:"scores"` // of the fits made, in the order they were asked for
	Expired int       `json:"expired"`
	Hits    int       `json:"hits"`
	Begun   time.Time `json:"begun"`
}

// scores travel as eight bytes each: those of pipeline.MaxFits stay below the
// bound of a payload.
type scores []byte

func (s *scores) add(score *float64) {
	v := math.NaN()
	if score != nil {
		v = *score
	}
	*s = binary.LittleEndian.AppendUint64(*s, math.Float64bits(v))
}

func (s scores) all() []float64 {
	out := make([]float64, len(s)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(s[8*i:]))
	}
	return out
}

// TuningResult holds the best trial of each kind, fitted on all training rows.
type TuningResult struct {
	Best   []activities.FittedResult `json:"best"` // in order of trial
	Fits   int                       `json:"fits"`
	Figure string                    `json:"figure"`
	Cache  metadata.Cache            `json:"cache"`
	Report artifact.Ref              `json:"report"` // HTML: the trials

	Nested *activities.NestedScore `json:"nested,omitempty"` // of a search within an outer fold
}

// Tuning searches the candidates: it fits the trials a search asks for on the
// folds, chooses the best trial of each kind by its mean score, and fits those on
// all training rows. What it asks for depends on the scores alone, told in the
// order of asking: the winner is the same with one worker or eight. A long search
// continues as new.
func Tuning(ctx workflow.Context, in TuningInput) (TuningResult, error) {
	t, err := newTuner(ctx, in)
	if err != nil {
		return TuningResult{}, err
	}
	if err := t.search(ctx); err != nil {
		return TuningResult{}, err
	}
	best, err := tuning.Choose(t.engine.Scored(), in.Problem.Metric)
	if err != nil {
		return TuningResult{}, typed(t.explain(err))
	}
	if in.Outer != nil {
		return t.judgeOuter(ctx, best)
	}
	nested, err := t.nested(ctx)
	if err != nil {
		return TuningResult{}, err
	}
	return t.finish(ctx, best, nested)
}

type tuner struct {
	in      TuningInput
	queues  esteiratemporal.Queues
	engine  *tuning.Search
	sofar   Sofar
	done    int // fits of this execution of the workflow
	told    int // of them, those the engine was told
	failure string
	untold  []activities.FoldResult // fits that were made since the engine was last told

	pace map[string]time.Duration // how long fits take, by sort, as far as it is known
}

func newTuner(ctx workflow.Context, in TuningInput) (*tuner, error) {
	t := &tuner{in: in, queues: queuesOf(ctx), sofar: Sofar{Expired: -1, Begun: workflow.Now(ctx)}, pace: map[string]time.Duration{}}
	if in.Sofar != nil {
		t.sofar = *in.Sofar
	}
	var err error
	if t.engine, err = tuning.NewSearch(in.Settings, in.Problem); err != nil {
		return nil, typed(err)
	}
	if err := t.engine.Replay(t.sofar.Scores.all(), t.sofar.Expired); err != nil {
		return nil, typed(err)
	}
	return t, nil
}

const (
	// chunk is how many fits are scheduled before the search looks up: at the
	// clock, and at the length of its history.
	chunk = 200
	// longHistory is how many fits one execution makes: about ten events each, a
	// fifth of what Temporal allows.
	longHistory = 1000
)

// search fits what the engine asks for until it asks for nothing.
func (t *tuner) search(ctx workflow.Context) error {
	for asks := t.next(ctx); len(asks) > 0; asks = t.next(ctx) {
		if t.done >= longHistory {
			t.in.Sofar = &t.sofar
			return workflow.NewContinueAsNewError(ctx, Tuning, t.in)
		}
		asks = asks[:min(len(asks), chunk)]
		results, err := t.fanOut(ctx, asks)
		if err != nil {
			return err
		}
		t.told, t.untold = t.done, nil
		for _, r := range results {
			t.sofar.Scores.add(r.Score)
			t.engine.Tell(t.sofar.Scores[len(t.sofar.Scores)-8:].all()...)
		}
	}
	return nil
}

// next is what the engine asks for now; no new trial once the time is over.
func (t *tuner) next(ctx workflow.Context) []tuning.Ask {
	if limit, err := pipeline.ParseDuration(t.in.Settings.Search.Time); err == nil && t.sofar.Expired < 0 && workflow.Now(ctx).Sub(t.sofar.Begun) >= limit {
		t.engine.Expire()
		t.sofar.Expired = len(t.sofar.Scores) / 8
	}
	return t.engine.Next()
}

// fitFold fits a trial on a fold, here or by a trainer elsewhere.
func (t *tuner) fitFold(ctx workflow.Context, p activities.FitParams, summary string, res *activities.FoldResult) error {
	if p.Trial.External != nil {
		return t.external(ctx, p, summary, a.AcceptFold, res)
	}
	return workflow.ExecuteActivity(fitting(ctx, t.queues.Train, summary), a.FitFold, p).Get(ctx, res)
}

// fitAll is fitFold on all training rows.
func (t *tuner) fitAll(ctx workflow.Context, p activities.FitParams, summary string, res *activities.FittedResult) error {
	if p.Trial.External != nil {
		return t.external(ctx, p, summary, a.AcceptFit, res)
	}
	return workflow.ExecuteActivity(fitting(ctx, t.queues.Train, summary), a.Fit, p).Get(ctx, res)
}

func (t *tuner) params(ask tuning.Ask) activities.FitParams {
	p := t.full(ask.Trial)
	p.Watch = nil
	p.Fold, p.Folds = ask.Fold, t.in.Settings.Folds
	if ask.Share < 1 {
		p.Share = ask.Share
	}
	return p
}

// full is a fit of a trial on all training rows.
func (t *tuner) full(trial tuning.Trial) activities.FitParams {
	return activities.FitParams{
		Run: t.in.Run, Problem: t.in.Problem, Train: t.in.Train, Plan: t.in.Plan, Trial: trial, Seed: t.in.Settings.Seed, Split: t.in.Split,
		Outer: t.in.Outer, Watch: &t.in.Validation,
	}
}

func (t *tuner) summary(ask tuning.Ask) string {
	s := fmt.Sprintf("%s, fold %d of %d", ask.Trial, ask.Fold+1, t.in.Settings.Rounds())
	if ask.Share < 1 {
		s += fmt.Sprintf(", %.3g %% of the rows", 100*ask.Share)
	}
	return s
}

func (t *tuner) count(ctx workflow.Context, made ...activities.FoldResult) {
	for _, r := range made {
		t.done++
		t.untold = append(t.untold, r)
		if r.Cache == metadata.CacheHit {
			t.sofar.Hits++
		}
		if r.Failed != "" && t.failure == "" {
			t.failure = r.Failed
		}
	}
	workflow.SetCurrentDetails(ctx, t.progress(ctx))
}

// explain adds to an error of the search why the first fit failed.
func (t *tuner) explain(err error) error {
	if t.failure == "" {
		return err
	}
	return fmt.Errorf("%w; the first that failed: %s", err, t.failure)
}
