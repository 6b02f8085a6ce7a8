package workflows

import (
	"fmt"
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/tuning"
)

const (
	// shortFit is how long a fit must take to be worth an activity of its own, and
	// how long the fits of one batch take together at most, by what is known of them.
	shortFit = time.Second
	// leastBatch is how long a batch takes at least, if there are as many fits: asking
	// for it takes a fifth of that.
	leastBatch = 100 * time.Millisecond
	// leastFit is what a fit is taken to cost at least: it is looked up and recorded.
	leastFit = 5 * time.Millisecond
	// ways is the part of the fits that wait that a batch takes at most. Batches become
	// shorter as fewer wait, so that training slots are done at about the same time
	// (guided self-scheduling: Polychronopoulos and Kuck, 1987).
	ways = 8
	// probes is how many fits of a sort are under way while none of it is known to be
	// short.
	probes = 4
	// maxBatch bounds the fits of a batch, and with them its payload.
	maxBatch = 50
)

// fanOut has the fits made that the search asks for, and returns what came of them in
// the order of asking. A fit is an activity; where those of its sort turned out to be
// short, several are one. What is short is known from the results of fits, which are
// part of the history, or is not: a sort of which nothing came back within shortFit
// is long. Which fits are made together decides nothing but how long it takes.
func (t *tuner) fanOut(ctx workflow.Context, asks []tuning.Ask) ([]activities.FoldResult, error) {
	results := make([]activities.FoldResult, len(asks))
	version := workflow.GetVersion(ctx, "batches of short fits", workflow.DefaultVersion, 2)
	if version == workflow.DefaultVersion {
		return results, inParallel(ctx, len(asks), func(ctx workflow.Context, i int) error {
			return t.one(ctx, asks[i], &results[i])
		})
	}
	ctx, cancel := workflow.WithCancel(ctx)
	f := &fanOut{t: t, asks: asks, results: results, guided: version > 1, probing: map[string]int{}, long: map[string]bool{}, cancel: cancel, group: workflow.NewWaitGroup(ctx)}
	for i := range asks {
		f.waiting = append(f.waiting, i)
	}
	return results, f.run(ctx)
}

// one makes one fit.
func (t *tuner) one(ctx workflow.Context, ask tuning.Ask, res *activities.FoldResult) error {
	err := t.fitFold(ctx, t.params(ask), t.summary(ask), res)
	if err == nil {
		t.count(ctx, *res)
	}
	return err
}

type fanOut struct {
	t       *tuner
	asks    []tuning.Ask
	results []activities.FoldResult
	waiting []int // indices of asks, in their order

	guided   bool            // each batch is a part of the fits that wait then
	underWay int             // activities, or fits elsewhere
	probing  map[string]int  // fits under way, by sort, while nothing is known of it
	long     map[string]bool // sorts of which nothing came back in time
	moved    bool            // since the last look
	err      error           // the first
	cancel   workflow.CancelFunc
	group    workflow.WaitGroup
}

// sortOf is what fits have in common that take about as long.
func sortOf(a tuning.Ask) string { return fmt.Sprintf("%s on %g", a.Trial.Kind, a.Share) }

func (f *fanOut) run(ctx workflow.Context) error {
	defer f.cancel() // timers
	for f.err == nil && len(f.waiting)+f.underWay > 0 {
		f.send(ctx)
		f.moved = false
		if err := workflow.Await(ctx, func() bool { return f.moved }); err != nil {
			f.fail(err)
		}
	}
	f.cancel()
	f.group.Wait(ctx)
	return f.err
}

// send schedules what may be.
func (f *fanOut) send(ctx workflow.Context) {
	waiting := f.waiting
	f.waiting = nil
	most := f.most(waiting)
	for len(waiting) > 0 {
		at, n := waiting[0], 1
		ask := f.asks[at]
		pace, known := f.t.pace[sortOf(ask)]
		switch {
		case f.underWay >= maxUnderWay:
			n = 0
		case ask.Trial.External != nil || f.long[sortOf(ask)]:
			f.launch(ctx, waiting[:1])
		case known:
			if f.guided {
				most = f.most(waiting)
			}
			n = f.batch(waiting, pace, most)
			f.launch(ctx, waiting[:n])
		case f.probing[sortOf(ask)] < probes:
			f.probe(ctx, waiting[:1])
		default:
			n = 0
		}
		if n == 0 {
			f.waiting = append(f.waiting, at)
			n = 1
		}
		waiting = waiting[n:]
	}
}

// most is how long a batch of the fits that wait may take.
func (f *fanOut) most(waiting []int) time.Duration {
	var all time.Duration
	for _, i := range waiting {
		if pace, known := f.t.pace[sortOf(f.asks[i])]; known {
			all += pace
		}
	}
	return min(max(all/ways, leastBatch), shortFit)
}

// batch is how many of the first fits that wait, all short, are made together.
func (f *fanOut) batch(waiting []int, took time.Duration, most time.Duration) int {
	n := 1
	for ; n < min(len(waiting), maxBatch); n++ {
		ask := f.asks[waiting[n]]
		pace, known := f.t.pace[sortOf(ask)]
		if took += pace; !known || ask.Trial.External != nil || f.long[sortOf(ask)] || took > most {
			break
		}
	}
	return n
}

// probe makes a fit of a sort of which nothing is known yet.
func (f *fanOut) probe(ctx workflow.Context, of []int) {
	sort := sortOf(f.asks[of[0]])
	if f.probing[sort]++; f.probing[sort] == 1 {
		workflow.Go(ctx, func(ctx workflow.Context) {
			if workflow.NewTimer(ctx, shortFit).Get(ctx, nil) == nil {
				if _, known := f.t.pace[sort]; !known {
					f.long[sort], f.moved = true, true
				}
			}
		})
	}
	f.launch(ctx, of)
}

// launch has one activity make fits.
func (f *fanOut) launch(ctx workflow.Context, of []int) {
	of = slices.Clone(of)
	f.underWay++
	f.group.Add(1)
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer f.group.Done()
		made, err := f.make(ctx, of)
		f.underWay--
		f.moved = true
		if err != nil {
			f.fail(err)
			return
		}
		for _, i := range of[:made] {
			f.learn(f.asks[i], f.results[i])
		}
		if made < len(of) {
			f.waiting = append(f.waiting, of[made:]...)
			slices.Sort(f.waiting)
		}
	})
}

// make makes fits, and returns how many of them before the time was over.
func (f *fanOut) make(ctx workflow.Context, of []int) (int, error) {
	if len(of) == 1 {
		return 1, f.t.one(ctx, f.asks[of[0]], &f.results[of[0]])
	}
	p := activities.BatchParams{FitParams: f.t.params(f.asks[of[0]]), Within: 2 * shortFit}
	p.Trial = tuning.Trial{}
	for _, i := range of {
		one := f.t.params(f.asks[i])
		p.Fits = append(p.Fits, activities.BatchFit{Trial: one.Trial, Fold: one.Fold, Share: one.Share})
	}
	summary := fmt.Sprintf("%d short fits, from %s to %s", len(of), f.t.summary(f.asks[of[0]]), f.t.summary(f.asks[of[len(of)-1]]))
	var res activities.BatchResult
	if err := workflow.ExecuteActivity(fitting(ctx, f.t.queues.Train, summary), a.FitFolds, p).Get(ctx, &res); err != nil {
		return 0, err
	}
	for k, r := range res.Fits {
		f.results[of[k]] = r
	}
	f.t.count(ctx, res.Fits...)
	return len(res.Fits), nil
}

// learn notes how long a fit of its sort takes: as long as the longest lately.
func (f *fanOut) learn(ask tuning.Ask, r activities.FoldResult) {
	if ask.Trial.External != nil {
		return
	}
	took := max(time.Duration(math.Min(r.Seconds, 1e6)*float64(time.Second)), leastFit)
	sort := sortOf(ask)
	if before, known := f.t.pace[sort]; known {
		took = max(took, before*9/10)
	}
	f.t.pace[sort] = took
	delete(f.long, sort)
}

func (f *fanOut) fail(err error) {
	if f.err == nil {
		f.err = err
		f.cancel()
	}
}
