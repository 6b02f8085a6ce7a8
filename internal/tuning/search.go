package tuning

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Ask is one fit a search asks for: a trial on one fold, on a share of its rows.
type Ask struct {
	Trial Trial
	Fold  int     // 0…Rounds-1
	Share float64 // of the fold's training rows, in (0, 1]
}

// State says how far a trial has come.
type State string

// The states of a trial.
const (
	Open     State = "open"
	Finished State = "finished" // scored on every fold, on all rows
	Pruned   State = "pruned"   // others did better on the first fold
	Halved   State = "halved"   // others did better on fewer rows
	Failed   State = "failed"   // a fit failed, or its score is not finite
)

// Search decides which fits to make. It is a pure function of its settings and of
// the scores it is told in the order of the fits: how many workers there are, and
// which of them is first, changes nothing.
type Search struct {
	settings pipeline.Train
	metric   string
	spaces   []space
	trials   []*entry
	strategy strategy
	cohort   *cohort
	issued   []Ask // the fits of the last Next that are not told yet
	expired  bool
}

type entry struct {
	trial     Trial
	candidate int       // in the file's order; -1 for the baseline
	scores    []float64 // by fold; NaN where not known
	share     float64
	state     State
}

// strategy gives the next trials to be scored together; none is the end.
type strategy interface {
	next(s *Search) []member
}

// member is a trial in a cohort, and the share of rows it is fitted on there.
type member struct {
	trial int
	share float64
}

// NewSearch returns a search at its beginning.
//
// Errors are PipelineInvalid: an unknown kind, a parameter out of its range, more
// than pipeline.MaxTrials.
func NewSearch(train pipeline.Train, problem pipeline.Problem) (*Search, error) {
	s := &Search{settings: train, metric: problem.Metric}
	if n := train.Trials(); n > pipeline.MaxTrials {
		return nil, fault.New(fault.PipelineInvalid, "the search asks for %d trials, over the bound of %d", n, pipeline.MaxTrials).
			WithRemedy("give fewer values in train.candidates, or another train.search.method")
	}
	s.add(-1, Trial{Kind: "baseline"})
	for _, c := range train.Candidates {
		sp, err := spaceOf(c)
		if err != nil {
			return nil, err
		}
		if err := sp.check(problem.Task); err != nil {
			return nil, err
		}
		s.spaces = append(s.spaces, sp)
	}
	s.strategy = strategyOf(train.Search)
	return s, nil
}

func (s *Search) add(candidate int, t Trial) {
	t.ID = len(s.trials)
	e := &entry{trial: t, candidate: candidate, scores: make([]float64, s.settings.Rounds()), share: 1, state: Open}
	for i := range e.scores {
		e.scores[i] = math.NaN()
	}
	s.trials = append(s.trials, e)
}

// Next returns the fits to make side by side, in an order that does not matter to
// the outcome; none when the search is over. Every one must be told before Next is
// called again.
func (s *Search) Next() []Ask {
	for len(s.issued) == 0 {
		if s.cohort == nil {
			if s.expired {
				return nil
			}
			members := s.strategy.next(s)
			if len(members) == 0 {
				return nil
			}
			s.cohort = s.newCohort(members)
		}
		if s.issued = s.cohort.asks(s); len(s.issued) == 0 {
			s.cohort.close(s)
			s.cohort = nil
		}
	}
	return s.issued
}

// Tell notes the scores of the fits that Next returned, from the first that is not
// told on; NaN is a fit that failed.
func (s *Search) Tell(scores ...float64) {
	for _, score := range scores {
		f := s.issued[0]
		s.issued = s.issued[1:]
		e := s.trials[f.Trial.ID]
		e.scores[f.Fold] = score
		if !finite(score) {
			e.state = Failed
		}
	}
}

// Expire ends the search: no further trial is begun, those begun are finished.
func (s *Search) Expire() { s.expired = true }

// Replay tells the search the scores of fits that were made before, in the order
// Next gave them; expired is how many were told when it was ended, -1 if it was
// not. A fit in the middle of what Next returns may be the first that is missing.
func (s *Search) Replay(scores []float64, expired int) error {
	for told := 0; ; {
		if expired == told {
			s.Expire()
		}
		if told == len(scores) {
			return nil
		}
		if len(s.issued) == 0 && len(s.Next()) == 0 {
			return fault.New(fault.Internal, "a search that is over was told %d scores more", len(scores)-told)
		}
		n := min(len(s.issued), len(scores)-told)
		if told < expired {
			n = min(n, expired-told)
		}
		s.Tell(scores[told : told+n]...)
		told += n
	}
}

// Scored returns every trial with what it came to, in order.
func (s *Search) Scored() []Scored {
	out := make([]Scored, len(s.trials))
	for i, e := range s.trials {
		out[i] = Scored{Trial: e.trial, State: e.state, Share: e.share}
		for _, score := range e.scores {
			if finite(score) {
				out[i].Scores = append(out[i].Scores, score)
			}
		}
	}
	return out
}

// Expected is how many fits the search makes at most, as far as is known now.
func (s *Search) Expected() int { return s.settings.Trials() * s.settings.Rounds() }

// loss is the mean of the scores that are known, less being better; infinite
// without any.
func (s *Search) loss(e *entry) float64 {
	sum, n := 0.0, 0
	for _, score := range e.scores {
		if !math.IsNaN(score) {
			sum, n = sum+score, n+1
		}
	}
	switch {
	case n == 0 || e.state == Failed:
		return math.Inf(1)
	case pipeline.LowerIsBetter(s.metric):
		return sum / float64(n)
	}
	return -sum / float64(n)
}
