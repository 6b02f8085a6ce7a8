package tuning

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// cohort is a set of trials scored together. With pruning all are scored on the
// first fold before any is on the others.
type cohort struct {
	members []member
	prune   bool
	stage   int
}

// fewest is how many trials of a kind are scored on all folds, however many are
// pruned: a median of fewer says nothing.
const fewest = 3

func (s *Search) newCohort(members []member) *cohort {
	c := &cohort{members: members, prune: s.settings.Search.Prune != nil && *s.settings.Search.Prune && s.settings.Rounds() > 1}
	for _, m := range members {
		e := s.trials[m.trial]
		e.share, e.state = m.share, Open
		for i := range e.scores {
			e.scores[i] = math.NaN()
		}
	}
	return c
}

// asks returns the fits of the next stage; none when all were made.
func (c *cohort) asks(s *Search) []Ask {
	rounds := s.settings.Rounds()
	first, end := 0, rounds
	switch {
	case c.prune && c.stage == 0:
		end = 1
	case c.prune && c.stage == 1:
		first = 1
		c.drop(s)
	case c.stage > 0:
		return nil
	}
	if c.stage++; first >= end || c.stage > 2 {
		return nil
	}
	var asks []Ask
	for _, m := range c.members {
		e := s.trials[m.trial]
		for fold := first; fold < end && e.state == Open; fold++ {
			asks = append(asks, Ask{Trial: e.trial, Fold: fold, Share: m.share})
		}
	}
	return asks
}

// drop prunes the trials in the worse half of their kind on the first fold, among
// all trials that were ever scored on it with as many rows (the median stopping
// rule of Golovin et al. 2017, "Google Vizier", on folds instead of steps). The
// baseline stays.
func (c *cohort) drop(s *Search) {
	sign := -1.0
	if pipeline.LowerIsBetter(s.metric) {
		sign = 1
	}
	for _, m := range c.members {
		e := s.trials[m.trial]
		if e.state != Open || e.trial.ID == 0 {
			continue
		}
		var peers []float64
		for _, o := range s.trials {
			if o.trial.Kind == e.trial.Kind && o.share == e.share && finite(o.scores[0]) {
				peers = append(peers, sign*o.scores[0])
			}
		}
		slices.Sort(peers)
		if rank, _ := slices.BinarySearch(peers, sign*e.scores[0]); len(peers) > fewest && rank >= max(fewest, (len(peers)+1)/2) {
			e.state = Pruned
		}
	}
}

// close settles the state of trials that were scored on all folds and all rows.
func (c *cohort) close(s *Search) {
	for _, m := range c.members {
		if e := s.trials[m.trial]; e.state == Open && m.share == 1 {
			e.state = Finished
		}
	}
}
