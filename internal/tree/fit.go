package tree

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Table is rows to learn from, or to watch.
type Table struct {
	X       *frame.Matrix
	Y       []float64 // the value, or the class index
	Weights []float64 // nil: 1 each
}

// Report is how a fit went.
type Report struct {
	Rounds   int       // kept
	Train    []float64 // mean loss after each round grown, kept or not
	Held     []float64 // the same on the rows held out; nil without them
	Stopped  bool      // by early stopping, or because nothing was left to split
	Warnings []string
}

// Fit boosts trees on a table whose bins are b. held is watched if it is not
// nil. resume is what an earlier attempt has saved, or nil; step is called after
// each round, with a function that saves.
//
// The same arguments give the same ensemble, whatever the number of threads and
// whether or not it was resumed. Errors: TrainingFailed if a gradient or leaf is
// not finite, TargetInvalid if the loss cannot be of the target, the context's.
func Fit(ctx context.Context, d Table, held *Table, b *Bins, s Settings, resume []byte, step func(done, of int, save func() ([]byte, error))) (*Ensemble, Report, error) {
	f := &fit{crew: newCrew(ctx), data: d, held: held, bins: b, s: &s, loss: lossOf(&s, 0)}
	f.tiles = make([]tile, f.crew.workers)
	if err := f.start(resume); err != nil {
		return nil, f.report, err
	}
	for f.rounds < s.Rounds && !f.over() {
		grown, err := f.round()
		if err != nil {
			return nil, f.report, err
		}
		if !grown {
			break
		}
		if step != nil {
			step(f.rounds, s.Rounds, f.save)
		}
	}
	return f.finish()
}

type fit struct {
	crew       *crew
	data       Table
	held       *Table
	bins       *Bins
	heldBins   *Bins
	s          *Settings
	loss       loss
	heldLoss   loss
	grower     *grower
	tiles      []tile // by thread
	model      *Ensemble
	scores     []float64 // of the rows learnt from, outputs side by side
	heldAt     []float64 // of those held out
	outputs    int
	rounds     int
	weight     float64 // of all rows
	heldWeight float64
	heaviest   float64
	report     Report
	seed       uint64 // of the rows of the current tree
	stuck      bool
}

func (f *fit) start(resume []byte) error {
	base, err := f.loss.base(f.data.Y, f.data.Weights)
	if err != nil {
		return err
	}
	for _, v := range base {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return notFinite("mean of the target")
		}
	}
	f.model = &Ensemble{Loss: f.s.Loss, Base: base}
	for i := range f.data.X.Features {
		feature := &f.data.X.Features[i]
		f.model.Features = append(f.model.Features, Feature{Name: feature.Name, Categories: feature.Categories})
	}
	f.outputs = len(base)
	f.weight, f.heaviest = weigh(f.data)
	f.scores = repeat(base, f.data.X.Rows)
	f.loss = lossOf(f.s, len(f.scores))
	f.grower = newGrower(f.crew, f.bins, f.s, f.hessians(), f.scores, f.outputs)
	f.grower.renews = !math.IsNaN(f.loss.renews())
	if f.held != nil {
		f.heldWeight, _ = weigh(*f.held)
		f.heldAt = repeat(base, f.held.X.Rows)
		f.heldLoss = lossOf(f.s, len(f.heldAt))
		f.heldBins = f.bins.like(f.crew, f.held.X)
	}
	if resume == nil {
		return f.crew.ctx.Err()
	}
	return f.restore(resume)
}

func (f *fit) hessians() bool { return !f.loss.flat() || f.data.Weights != nil }

func weigh(d Table) (sum, top float64) {
	if d.Weights == nil {
		return float64(d.X.Rows), 1
	}
	for _, w := range d.Weights {
		sum, top = sum+w, max(top, w)
	}
	return sum, top
}

func repeat(values []float64, rows int) []float64 {
	out := make([]float64, 0, rows*len(values))
	for range rows {
		out = append(out, values...)
	}
	return out
}

// draw is the source of what a round draws for an output: the same however the
// fit got there.
func (f *fit) draw(output int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(f.s.Seed), uint64(f.rounds)<<20|uint64(output)))
}

// round grows one tree for each output. It reports false, and keeps nothing, if
// none of them splits and the next round would not either.
func (f *fit) round() (bool, error) {
	var trees []*Tree
	split := false
	for k := range f.outputs {
		draw := f.draw(k)
		n, total, err := f.quantise(k, draw)
		if err != nil {
			return false, err
		}
		var columns []bool
		if f.s.ColsampleByTree < 1 && len(f.bins.columns) > 0 {
			columns = choose(draw, len(f.bins.columns), f.s.ColsampleByTree, nil)
		}
		f.grower.offset = k
		t, leaves := f.grower.grow(n, total, columns, draw)
		if err := f.crew.ctx.Err(); err != nil {
			return false, err
		}
		split = split || len(leaves) > 1
		if err := f.settle(k, n, t, leaves); err != nil {
			return false, err
		}
		trees = append(trees, t)
	}
	if !split && !f.s.sampled() {
		f.stuck = true
		return false, nil
	}
	f.model.Trees = append(f.model.Trees, trees...)
	f.rounds++
	if f.held != nil {
		f.report.Held = append(f.report.Held, f.lossOf(f.held, f.heldAt, f.heldWeight))
	}
	return true, f.crew.ctx.Err()
}

// settle writes the values of a tree's leaves and adds them to the scores.
func (f *fit) settle(k, n int, t *Tree, leaves []*node) error {
	g := f.grower
	for _, leaf := range leaves {
		t.Values[leaf.id] = g.value(leaf)
	}
	if g.renews {
		g.renew(t, leaves, f.data.Y, f.data.Weights, f.loss.renews())
	}
	for _, v := range t.Values {
		if v != v || math.IsInf(float64(v), 0) {
			return notFinite("value of a leaf")
		}
	}
	type task struct {
		leaf   *node
		lo, hi int
	}
	var tasks []task
	for _, leaf := range leaves {
		for lo := leaf.lo; !leaf.settled && lo < leaf.hi; lo += chunkRows {
			tasks = append(tasks, task{leaf, lo, min(lo+chunkRows, leaf.hi)})
		}
	}
	f.crew.run(len(tasks), func(_, i int) {
		v := float64(t.Values[tasks[i].leaf.id])
		for _, e := range g.entries[tasks[i].lo:tasks[i].hi] {
			f.scores[e.row()*f.outputs+k] += v
		}
	})
	if n < f.bins.Rows || f.held != nil {
		r, err := newRouter(t, f.bins)
		if err != nil {
			return err
		}
		if n < f.bins.Rows {
			f.route(r, f.bins, f.scores, k, func(row int) bool { return !drawn(f.seed, row, f.s.Subsample) })
		}
		if f.held != nil {
			f.route(r, f.heldBins, f.heldAt, k, nil)
		}
	}
	return f.crew.ctx.Err()
}

// route adds a tree's values to the scores of the rows chosen, nil for all.
func (f *fit) route(r *router, b *Bins, scores []float64, k int, chosen func(row int) bool) {
	width := len(b.columns)
	f.crew.chunks(b.Rows, func(_, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			if chosen == nil || chosen(i) {
				scores[i*f.outputs+k] += r.value(b.wide[i*width : (i+1)*width])
			}
		}
	})
}

// lossOf is the mean loss at these scores.
func (f *fit) lossOf(d *Table, scores []float64, weight float64) float64 {
	l := f.loss
	if d == f.held {
		l = f.heldLoss
	}
	sums := make([]float64, chunksOf(d.X.Rows))
	f.crew.chunks(d.X.Rows, func(worker, chunk, lo, hi int) {
		t := &f.tiles[worker]
		for ; lo < hi; lo += tileRows {
			n := min(tileRows, hi-lo)
			sums[chunk] += l.gradients(scores, d.Y, d.Weights, lo, 0, t.gradients[:n], t.hessians[:n])
		}
	})
	return inOrder(sums) / weight
}

func inOrder(sums []float64) float64 {
	total := 0.0
	for _, v := range sums {
		total += v
	}
	return total
}

// over reports whether the rows held out have not got better for long enough.
func (f *fit) over() bool {
	if f.s.EarlyStopping == 0 || f.held == nil {
		return false
	}
	return f.rounds-f.best() >= f.s.EarlyStopping
}

// best is the number of rounds with the least loss on the rows held out, the
// fewest of equals.
func (f *fit) best() int {
	best := 0
	for i, v := range f.report.Held {
		if v < f.report.Held[best] {
			best = i
		}
	}
	return best + 1
}

func (f *fit) finish() (*Ensemble, Report, error) {
	r := &f.report
	if f.rounds > len(r.Train) {
		r.Train = append(r.Train, f.lossOf(&f.data, f.scores, f.weight))
	}
	r.Rounds = f.rounds
	switch {
	case f.s.EarlyStopping > 0 && f.held == nil:
		r.Warnings = append(r.Warnings, "early_stopping_rounds has no rows held out to watch: every round is kept")
	case f.s.EarlyStopping > 0 && f.rounds > 0:
		r.Rounds, r.Stopped = f.best(), f.over()
		f.model.Trees = f.model.Trees[:r.Rounds*f.outputs]
	}
	if f.stuck {
		r.Stopped = true
		r.Warnings = append(r.Warnings, fmt.Sprintf("after %d of %d rounds no split saves anything", f.rounds, f.s.Rounds))
	}
	if err := f.crew.ctx.Err(); err != nil {
		return nil, *r, err
	}
	f.model.Seal()
	return f.model, *r, nil
}

func notFinite(what string) error {
	return fault.New(fault.TrainingFailed, "the %s of boosted_trees is not a finite number", what).WithRemedy("scale the target down in dataset.sql, or use the loss huber")
}
