package activities

import (
	"context"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// flushEvery is how much of a batch a killed worker costs at most: what was fitted
// longer ago is recorded.
const flushEvery = time.Second

// BatchParams name fits on folds of the same rows that are made one after another,
// because each takes less than asking for it would.
type BatchParams struct {
	FitParams               // of all; its trial, fold and share are those of Fits
	Fits      []BatchFit    `json:"fits"`
	Within    time.Duration `json:"within"` // no fit is begun after that, but the first
}

// BatchFit is what is one fit's own.
type BatchFit struct {
	Trial tuning.Trial `json:"trial"`
	Fold  int          `json:"fold"`
	Share float64      `json:"share,omitempty"`
}

// BatchResult holds the fits that were made, in order, at least one: those that are
// missing at the end are to be asked for again.
type BatchResult struct {
	Fits []FoldResult `json:"fits"`
}

// FitFolds is FitFold for several fits, with a step, a place in the cache and a row
// each. Looking up is one question to the database, and recording another.
func (a *Activities) FitFolds(ctx context.Context, p BatchParams) (*BatchResult, error) {
	b := &batch{Activities: a, begun: time.Now()}
	for _, one := range p.Fits {
		fit := p.FitParams
		fit.Trial, fit.Fold, fit.Share = one.Trial, one.Fold, one.Share
		b.fits = append(b.fits, newFoldFit(fit))
	}
	if err := b.lookup(ctx); err != nil {
		return nil, a.fail(ctx, b.fits[0].step, b.begun, err)
	}
	res := &BatchResult{}
	for i, f := range b.fits {
		if i > 0 && time.Since(b.begun) > p.Within {
			break
		}
		pulseOf(ctx).set(fitPhase(i, len(b.fits)), nil)
		if err := b.fit(ctx, i); err != nil {
			_ = b.flush(ctx) // of the errors, the first counts
			return nil, a.fail(ctx, f.step, f.begun, err)
		}
		res.Fits = append(res.Fits, *f.told())
	}
	if err := b.flush(ctx); err != nil {
		return nil, a.fail(ctx, b.fits[0].step, b.begun, err)
	}
	return res, nil
}

// batch is the fits of one activity, under way.
type batch struct {
	*Activities
	begun, flushed time.Time
	fits           []*foldFit
	keys, reasons  []string // why a fit is no hit
	hits           []bool
	records        []metadata.StepRecord // not saved yet
}

// lookup finds the fits that the cache knows, and shows the first of the others as
// running; the rest follow within a second or two, or never begin.
func (b *batch) lookup(ctx context.Context) error {
	b.flushed = b.begun
	for _, f := range b.fits {
		key, err := f.step.key()
		if err != nil {
			return err
		}
		b.keys = append(b.keys, key)
	}
	unasked := b.fits[0].step.unasked() // all are of one run and one step
	var known map[string]metadata.CachedStep
	if unasked == "" {
		var err error
		if known, err = b.DB.CachedSteps(ctx, b.keys); err != nil {
			return err
		}
	}
	begun := false
	for i, f := range b.fits {
		hit, reason := false, unasked
		if unasked == "" {
			stored, ok := known[b.keys[i]]
			var err error
			if hit, reason, err = b.remembered(ctx, stored, ok, f.res); err != nil {
				return err
			}
		}
		b.hits, b.reasons = append(b.hits, hit), append(b.reasons, reason)
		if hit || begun {
			continue
		}
		begun = true
		if err := b.begin(ctx, f.step, reason); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) fit(ctx context.Context, i int) error {
	f := b.fits[i]
	f.begun = time.Now()
	if err := ctx.Err(); err != nil {
		return err
	}
	if !b.hits[i] {
		if err := b.fitFold(ctx, f); err != nil {
			return err
		}
	}
	f.step.settle(f.res, b.hits[i], b.reasons[i])
	record, err := f.step.record(ctx, b.keys[i], f.begun, f.res)
	if err != nil {
		return err
	}
	record.Finished = time.Now()
	b.records = append(b.records, record)
	done(b.logger(ctx, f.step), f.begun, f.res)
	if time.Since(b.flushed) > flushEvery {
		return b.flush(ctx)
	}
	return nil
}

// flush saves what is fitted; also when the run is cancelled, which leaves the fits
// that were made.
func (b *batch) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := b.DB.SaveSteps(ctx, b.records)
	b.records, b.flushed = nil, time.Now()
	return err
}
