package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// step is one cached, recorded unit of work.
type step struct {
	run     Run
	name    string         // of the design: "collect", "profile", …
	part    string         // which of several: a source's name, a trial
	version int            // of the implementation: raise it when equal inputs may give other bytes
	params  any            // everything but the inputs that decides the outputs; JSON-encodable
	inputs  []artifact.Ref // what it reads

	// trial is the row of a step that is a fit, once its result is known; it is
	// written with the step's own.
	trial func() (metadata.Trial, error)
}

// key is the digest under which equal work is found again.
func (s step) key() (string, error) {
	digests := make([]string, len(s.inputs))
	for i, in := range s.inputs {
		digests[i] = in.Digest
	}
	b, err := artifact.Canonical(map[string]any{
		"step": s.name, "version": s.version, "params": s.params, "inputs": digests,
	})
	if err != nil {
		return "", fmt.Errorf("%s: encode cache key: %w", s.name, err)
	}
	return artifact.DigestOf(b), nil
}

// perform answers s from the cache or computes it, and records either. R is a
// pointer to the step's result; compute fills it, working in dir, which is
// removed afterwards. The effects are keyed by content, so a second execution
// after a lost answer changes nothing.
func perform[R result](ctx context.Context, a *Activities, s step, res R, compute func(ctx context.Context, dir string, res R) error) (R, error) {
	log := a.logger(ctx, s)
	begun := time.Now()
	key, err := s.key()
	if err != nil {
		return res, a.fail(ctx, s, begun, err)
	}
	hit, reason, err := a.lookup(ctx, s, key, res)
	if err != nil {
		return res, a.fail(ctx, s, begun, err)
	}
	if !hit {
		if err := a.begin(ctx, s, reason); err != nil {
			return res, a.fail(ctx, s, begun, err)
		}
		if err := a.inScratch(ctx, s, func(ctx context.Context, dir string) error { return compute(ctx, dir, res) }); err != nil {
			return res, a.fail(ctx, s, begun, err)
		}
	}
	s.settle(res, hit, reason)
	record, err := s.record(ctx, key, begun, res)
	if err == nil {
		err = a.DB.SaveStep(ctx, record)
	}
	if err != nil {
		return res, a.fail(ctx, s, begun, err)
	}
	done(log, begun, res)
	return res, nil
}

// settle notes in the result whether it came from the cache, and if not why.
func (s step) settle(res result, hit bool, reason string) {
	o := res.outcome()
	switch {
	case hit:
		o.Cache, o.CacheReason = metadata.CacheHit, ""
	case s.run.NoCache:
		o.Cache, o.CacheReason = metadata.CacheOff, reason
	default:
		o.Cache, o.CacheReason = metadata.CacheMiss, reason
	}
}

func done(log *zerolog.Logger, begun time.Time, res result) {
	o := res.outcome()
	log.Info().Str("cache", string(o.Cache)).Str("figure", o.Figure).Dur("elapsed", time.Since(begun)).Strs("outputs", digests(res.outputs())).Msg("step done")
}

// unasked is why the cache is not asked for s; "" if it is.
func (s step) unasked() string {
	switch {
	case s.run.NoCache:
		return "--no-cache"
	case slices.Contains(s.run.Refresh, s.name):
		return "--refresh " + s.name
	}
	return ""
}

// lookup reports whether the cache answers s; if so res is filled.
func (a *Activities) lookup(ctx context.Context, s step, key string, res result) (hit bool, reason string, err error) {
	if reason := s.unasked(); reason != "" {
		return false, reason, nil
	}
	stored, ok, err := a.DB.CachedStep(ctx, key)
	if err != nil {
		return false, "", err
	}
	return a.remembered(ctx, stored, ok, res)
}

// remembered reports whether what the cache has of a step, if ok, is still of use; if
// so res is filled.
func (a *Activities) remembered(ctx context.Context, stored metadata.CachedStep, ok bool, res result) (hit bool, reason string, err error) {
	if !ok {
		return false, "new inputs, parameters or code", nil
	}
	for name, out := range stored.Outputs {
		there, err := a.Store.Exists(ctx, out)
		if err != nil {
			return false, "", err
		}
		if !there {
			return false, name + " " + out.Short() + " is gone from the store", nil
		}
	}
	before := reflect.ValueOf(res).Elem().Interface()
	if err := json.Unmarshal(stored.Result, res); err != nil {
		// A miss like any other, with nothing left of the half that was read.
		reflect.ValueOf(res).Elem().Set(reflect.ValueOf(before))
		return false, "stored result is unreadable", nil
	}
	return true, "", nil
}

func (a *Activities) begin(ctx context.Context, s step, reason string) error {
	return a.DB.RecordStep(ctx, metadata.Step{
		Run: s.run.ID, Step: s.label(), Attempt: attempt(ctx), State: metadata.StepRunning, Cache: metadata.CacheMiss, CacheReason: reason, Started: time.Now(),
	})
}

// record is what is kept of a step that is done.
func (s step) record(ctx context.Context, key string, begun time.Time, res result) (metadata.StepRecord, error) {
	o := res.outcome()
	if r, ok := res.(reader); ok {
		for _, ref := range r.read() {
			if !slices.Contains(s.inputs, ref) {
				s.inputs = append(s.inputs, ref)
			}
		}
	}
	record := metadata.StepRecord{
		Run: s.run.ID, Step: s.label(), Attempt: attempt(ctx), Key: key, Cache: o.Cache, CacheReason: o.CacheReason,
		Figure: o.Figure, Result: res, Inputs: s.inputs, Outputs: res.outputs(), Started: begun,
	}
	if s.trial != nil {
		trial, err := s.trial()
		if err != nil {
			return record, err
		}
		record.Trial = &trial
	}
	return record, nil
}

// label names the step and its part, as its row and log lines do.
func (s step) label() string {
	if s.part == "" {
		return s.name
	}
	return s.name + "/" + s.part
}

// inScratch runs f with heartbeats, in a directory that is gone afterwards.
func (a *Activities) inScratch(ctx context.Context, s step, f func(ctx context.Context, dir string) error) error {
	dir, err := os.MkdirTemp(a.ScratchDir, s.name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return f(ctx, dir)
}

func attempt(ctx context.Context) int { return int(activity.GetInfo(ctx).Attempt) }

// digests renders outputs for a log line, in order of name.
func digests(outputs metadata.Outputs) []string {
	out := make([]string, 0, len(outputs))
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		out = append(out, name+"="+outputs[name].Short())
	}
	return out
}
