package tuning

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func strategyOf(search pipeline.Search) strategy {
	switch search.Method {
	case pipeline.RandomSearch, pipeline.SobolSearch:
		return &drawn{}
	case pipeline.TPESearch:
		return &estimated{}
	case pipeline.Halving:
		return &halving{brackets: 1}
	case pipeline.Hyperband:
		return &halving{}
	}
	return &grid{}
}

// grid tries every point: candidates in the file's order, parameters by name, the
// last name turning fastest.
type grid struct{ done bool }

func (g *grid) next(s *Search) []member {
	if g.done {
		return nil
	}
	g.done = true
	for at, sp := range s.spaces {
		points := []model.Params{nil}
		for _, d := range sp.dimensions {
			points = cross(points, d.name, d.choices)
		}
		for _, p := range points {
			s.add(at, sp.trial(p))
		}
	}
	return s.whole(0)
}

// whole are the trials from the first on, on all rows.
func (s *Search) whole(first int) []member {
	var out []member
	for id := first; id < len(s.trials); id++ {
		out = append(out, member{id, 1})
	}
	return out
}

func (sp space) trial(p model.Params) Trial {
	return Trial{Kind: sp.candidate.Label(), Params: p, Options: sp.candidate.Options, External: sp.candidate.External}
}

// settled adds one trial of each candidate that leaves nothing to choose.
func (s *Search) settled() {
	for at, sp := range s.spaces {
		if !sp.open() {
			s.add(at, sp.trial(sp.at(make([]float64, len(sp.dimensions)))))
		}
	}
}

// turns says which of the open candidates each of n further points is of: they
// take turns, so that each gets as many.
func (s *Search) turns(first, n int) []int {
	var open []int
	for i, sp := range s.spaces {
		if sp.open() {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return nil
	}
	out := make([]int, n)
	for i := range out {
		out[i] = open[(first+i)%len(open)]
	}
	return out
}

// draws adds n points that do not depend on what others came to; first is how
// many were drawn before.
func (s *Search) draws(method string, first, n int) {
	drawn := map[int]int{}
	for i, at := range s.turns(0, first+n) {
		if i >= first {
			s.add(at, s.spaces[at].trial(s.spaces[at].draw(method, s.settings.Seed+int64(at), drawn[at])))
		}
		drawn[at]++
	}
}

// drawn tries points of a random or a quasi-random sequence.
type drawn struct{ done bool }

func (d *drawn) next(s *Search) []member {
	if d.done {
		return nil
	}
	d.done = true
	s.settled()
	s.draws(s.settings.Search.Method, 0, s.settings.Search.Trials)
	return s.whole(0)
}

// estimated tries points batch by batch, each where the ones before did well. It
// begins with points of a quasi-random sequence.
type estimated struct{ made int }

func (t *estimated) next(s *Search) []member {
	first := len(s.trials)
	if t.made == 0 {
		first = 0
		s.settled()
	}
	n := min(s.settings.Search.Batch, s.settings.Search.Trials-t.made)
	for _, at := range s.turns(t.made, n) {
		sp := s.spaces[at]
		var points []seen
		for _, e := range s.trials {
			if e.candidate == at {
				points = append(points, seen{e.trial.Params, s.loss(e)})
			}
		}
		if len(points) < tpeStartup {
			s.add(at, sp.trial(sp.draw(pipeline.SobolSearch, s.settings.Seed+int64(at), len(points))))
		} else {
			s.add(at, sp.trial(sp.propose(random(s.settings.Seed, len(s.trials)), points)))
		}
		t.made++
	}
	return s.whole(first)
}

// halving is successive halving (Jamieson and Talwalkar 2016) on rows: all trials
// on few of them, then the best of each kind on factor times as many, and so on,
// the last on all. With brackets of 0 it is Hyperband (Li et al. 2018): again and
// again with fewer trials that begin with more rows. Both come to as many trials
// in all as the search has.
type halving struct {
	brackets int // 1: one; 0: as many as there are rungs
	bracket  int
	rung     int
	rungs    int
	alive    []int
}

// leastShare is the smallest share of rows a trial is judged by.
const leastShare = 1.0 / 27

func (h *halving) next(s *Search) []member {
	factor := float64(s.settings.Search.Factor)
	if h.alive == nil {
		rungs := s.rungs(factor)
		if h.brackets == 0 {
			h.brackets = rungs
		}
		if h.bracket == h.brackets {
			return nil
		}
		first := len(s.trials)
		if h.bracket == 0 {
			first = 0
			s.settled()
		}
		before, n := s.share(h.bracket, h.brackets, factor)
		s.draws(pipeline.SobolSearch, before, n)
		for id := first; id < len(s.trials); id++ {
			h.alive = append(h.alive, id)
		}
		h.rung, h.rungs = 0, rungs-h.bracket
		h.bracket++
		if len(h.alive) == 0 {
			h.alive = nil
			return h.next(s)
		}
	} else {
		h.alive = s.better(h.alive, factor)
	}
	share := min(1, math.Pow(factor, float64(h.rung-(h.rungs-1))))
	var out []member
	for _, id := range h.alive {
		out = append(out, member{id, share})
	}
	if h.rung++; h.rung == h.rungs {
		h.alive = nil
	}
	if len(out) == 0 {
		return h.next(s)
	}
	return out
}

// rungs is how often trials can be thinned out: until one of a kind is left, or
// the first rung has too few rows.
func (s *Search) rungs(factor float64) int {
	n := 0
	for _, sp := range s.spaces {
		if sp.open() {
			n++
		}
	}
	each := float64(s.settings.Search.Trials) / float64(max(1, n))
	least := math.Log(1/leastShare) / math.Log(factor)
	return 1 + int(min(math.Floor(math.Log(max(each, 1))/math.Log(factor)+1e-9), math.Floor(least+1e-9)))
}

// share is how many points the brackets before have, and how many this one:
// shares fall by factor from the first, which begins with the fewest rows.
func (s *Search) share(bracket, brackets int, factor float64) (before, n int) {
	total := 0.0
	for b := range brackets {
		total += math.Pow(factor, float64(-b))
	}
	upTo := func(b int) int {
		sum := 0.0
		for i := range b {
			sum += math.Pow(factor, float64(-i))
		}
		return int(math.Round(float64(s.settings.Search.Trials) * sum / total))
	}
	return upTo(bracket), upTo(bracket+1) - upTo(bracket)
}

// better keeps the best of each kind, one of every factor; the others are halved.
func (s *Search) better(alive []int, factor float64) []int {
	byKind := map[string][]int{}
	for _, id := range alive {
		if e := s.trials[id]; e.state != Failed {
			byKind[e.trial.Kind] = append(byKind[e.trial.Kind], id)
		}
	}
	var out []int
	for _, kind := range sorted(byKind) {
		ids := byKind[kind]
		slices.SortStableFunc(ids, func(a, b int) int {
			switch x, y := s.loss(s.trials[a]), s.loss(s.trials[b]); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return a - b
		})
		keep := max(1, int(math.Floor(float64(len(ids))/factor)))
		for _, id := range ids[keep:] {
			s.trials[id].state = Halved
		}
		out = append(out, ids[:keep]...)
	}
	slices.Sort(out)
	return out
}
