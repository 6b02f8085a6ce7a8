package serving

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Registry is what the watcher asks and tells the metadata store; *metadata.DB is
// one.
type Registry interface {
	AuditPolicies(ctx context.Context) ([]metadata.AuditPolicy, error)
	Endpoints(ctx context.Context) ([]metadata.Endpoint, error)
	Heartbeat(ctx context.Context, s metadata.Server) error
	Listen(ctx context.Context, channel string, f func(payload string)) error
	ReportRevision(ctx context.Context, r metadata.RevisionReport) error
}

// WatcherOptions configure a Watcher.
type WatcherOptions struct {
	// Identity names this server to the metadata store. ID and Address are required.
	Identity metadata.Server
	// Interval is the pause between heartbeats and between polls. Default 1 s.
	Interval time.Duration
	// Loaded, if set, is told of every load: how long it took, and why it failed.
	Loaded func(endpoint string, took time.Duration, err error)
	// Loader reads bundles. Required.
	Loader Loader
	// Log receives swaps, failures and outages. Default: nothing.
	Log zerolog.Logger
	// State keeps the last revisions on local disk. Required.
	State *State
	// Table is kept up to date. Required.
	Table *Table
	// MaxBackoff bounds the pause before a bundle that could not be fetched is
	// tried again, which begins at Interval and doubles. Default 30 s.
	MaxBackoff time.Duration
}

// Watcher keeps a Table equal to the metadata store.
type Watcher struct {
	opts WatcherOptions

	mu       sync.Mutex
	loading  map[string]bool // endpoints with a load under way
	attempts map[string]attempt
	unsaid   map[string]metadata.RevisionReport // the last word on each endpoint, not yet told
	synced   bool
}

// attempt remembers a load that failed.
type attempt struct {
	revision int64
	final    bool      // trying again cannot help
	next     time.Time // else not before
	backoff  time.Duration
}

// NewWatcher returns a Watcher; Restore, then Run it.
func NewWatcher(o WatcherOptions) *Watcher {
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = 30 * time.Second
	}
	return &Watcher{opts: o, loading: map[string]bool{}, attempts: map[string]attempt{}, unsaid: map[string]metadata.RevisionReport{}}
}

// Restore serves the revisions that were live when the server last ran, from local
// disk, without asking anyone. It returns how many it could load.
func (w *Watcher) Restore(ctx context.Context) int {
	n := 0
	// Before the endpoints that they are of: what must not be recorded is not, for no
	// moment.
	w.apply(w.opts.State.Policies())
	for _, r := range w.opts.State.Revisions() {
		if err := w.load(ctx, r); err != nil {
			w.opts.Log.Warn().Err(err).Str("endpoint", r.Endpoint).Int64("revision", r.Revision).Msg("the last known revision cannot be restored")
			continue
		}
		n++
	}
	if n > 0 {
		w.mu.Lock()
		w.synced = true
		w.mu.Unlock()
	}
	return n
}

// Synced reports whether the watcher has known, once, what to serve: from the
// metadata store, or from local disk.
func (w *Watcher) Synced() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.synced
}

// Run polls, listens and sends heartbeats until ctx ends.
func (w *Watcher) Run(ctx context.Context, registry Registry) {
	wake := make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_ = registry.Listen(ctx, metadata.EndpointsChannel, func(string) {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
	})
	tick := time.NewTicker(w.opts.Interval)
	defer tick.Stop()
	away := false
	for {
		err := w.poll(ctx, registry, &wg)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != away {
			away = err != nil
			if away {
				w.opts.Log.Warn().Err(err).Msg("the metadata store is away; the endpoints answer as they are")
			} else {
				w.opts.Log.Info().Msg("the metadata store is back")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// poll is one heartbeat and one look at the endpoints.
func (w *Watcher) poll(ctx context.Context, registry Registry, wg *sync.WaitGroup) error {
	asking, cancel := context.WithTimeout(ctx, 10*w.opts.Interval)
	defer cancel()
	if err := registry.Heartbeat(asking, w.opts.Identity); err != nil {
		return err
	}
	policies, err := registry.AuditPolicies(asking)
	if err != nil {
		return err
	}
	if err := w.opts.State.KeepPolicies(policies); err != nil {
		w.opts.Log.Warn().Err(err).Msg("the audit policies are in force, but would not be found on local disk after a restart")
	}
	w.apply(policies)
	endpoints, err := registry.Endpoints(asking)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if e.Live != nil {
			w.consider(ctx, registry, *e.Live, wg)
		} else if w.opts.Table.withdraw(e.Name, e.Revision) {
			w.opts.State.Forget(e.Name)
			w.opts.Log.Info().Str("endpoint", e.Name).Int64("revision", e.Revision).Msg("endpoint withdrawn")
		}
	}
	w.mu.Lock()
	w.synced = true
	w.mu.Unlock()
	return w.tell(asking, registry)
}

func (w *Watcher) apply(policies []metadata.AuditPolicy) {
	if err := w.opts.Table.SetPolicies(policies); err != nil {
		w.opts.Log.Error().Err(err).Msg("an audit policy's secret is missing; columns to be hashed are masked")
	}
}

// consider begins to load a revision that is not live here, in the background,
// unless that is under way or was refused.
func (w *Watcher) consider(ctx context.Context, registry Registry, r metadata.Revision, wg *sync.WaitGroup) {
	slot := w.opts.Table.slot(r.Endpoint)
	slot.wanted.Store(r.Revision)
	if live := slot.live.Load(); live != nil && live.revision.Revision >= r.Revision {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.attempts[r.Endpoint]
	if w.loading[r.Endpoint] || last.revision == r.Revision && (last.final || time.Now().Before(last.next)) {
		return
	}
	w.loading[r.Endpoint] = true
	wg.Go(func() {
		err := w.load(ctx, r)
		w.finished(r, last, err)
		ctx, cancel := context.WithTimeout(ctx, 10*w.opts.Interval)
		defer cancel()
		_ = w.tell(ctx, registry) // else the next poll tells
	})
}

// loadTimeout bounds one load, so that a store that hangs is asked again.
const loadTimeout = 5 * time.Minute

// load brings a revision to where it answers.
func (w *Watcher) load(ctx context.Context, r metadata.Revision) (err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	began := time.Now()
	if w.opts.Loaded != nil {
		defer func() { w.opts.Loaded(r.Endpoint, time.Since(began), err) }()
	}
	d, err := w.deployment(ctx, r)
	if err != nil {
		return err
	}
	// Kept before it answers: who was answered by it is answered by it after a restart,
	// too, however soon and with nobody else there.
	if err := w.opts.State.Keep(r); err != nil {
		w.opts.Log.Warn().Err(err).Msg("the revision would not be found on local disk after a restart")
	}
	if !w.opts.Table.swap(d) {
		return nil // a newer one came first
	}
	answered := time.Now().UTC()
	w.mu.Lock()
	w.unsaid[r.Endpoint] = metadata.RevisionReport{
		Server: w.opts.Identity.ID, Endpoint: r.Endpoint, Revision: r.Revision, State: metadata.ServerLive, AnsweredAt: &answered,
	}
	w.mu.Unlock()
	w.opts.Log.Info().Str("endpoint", r.Endpoint).Int64("revision", r.Revision).Str("model", r.ModelName).Int("version", r.ModelVersion).
		Str("digest", r.Bundle.Digest).Dur("took", time.Since(began)).Msg("revision live")
	return nil
}

// deployment loads and warms up every model version of a revision.
func (w *Watcher) deployment(ctx context.Context, r metadata.Revision) (*deployment, error) {
	d := &deployment{revision: r}
	for _, part := range []struct {
		role    metadata.Role
		variant *metadata.Variant
		into    **served
	}{
		{metadata.RoleLive, &metadata.Variant{ModelName: r.ModelName, ModelVersion: r.ModelVersion, Share: 1, Bundle: r.Bundle}, &d.live},
		{metadata.RoleCanary, r.Canary, &d.canary},
		{metadata.RoleShadow, r.Shadow, &d.shadow},
	} {
		if part.variant == nil {
			continue
		}
		model, err := w.model(ctx, r.Endpoint, part.variant.Bundle)
		if err != nil {
			return nil, err
		}
		s, err := newServed(&r, part.role, *part.variant, model)
		if err != nil {
			return nil, err
		}
		if err := s.warmUp(); err != nil {
			return nil, err
		}
		*part.into = s
	}
	return d, nil
}

// model loads a bundle, unless the revision that answers now holds it already: one
// that only moves shares reads nothing.
func (w *Watcher) model(ctx context.Context, endpoint string, ref artifact.Ref) (*Model, error) {
	if d := w.opts.Table.slot(endpoint).live.Load(); d != nil {
		if m := d.loaded(ref.Digest); m != nil {
			return m, nil
		}
	}
	return w.opts.Loader.Load(ctx, ref)
}

// finished notes how a load ended.
func (w *Watcher) finished(r metadata.Revision, last attempt, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.loading, r.Endpoint)
	if err == nil {
		delete(w.attempts, r.Endpoint)
		return
	}
	kind := fault.KindOf(err)
	a := attempt{revision: r.Revision, final: !fault.Retryable(kind), backoff: w.opts.Interval}
	if last.revision == r.Revision {
		a.backoff = min(2*last.backoff, w.opts.MaxBackoff)
	}
	a.next = time.Now().Add(a.backoff)
	w.attempts[r.Endpoint] = a
	state := metadata.ServerFailed
	if !a.final {
		state = metadata.ServerLoading // it may still become live
	}
	why := err.Error()
	w.opts.Table.slot(r.Endpoint).failure.Store(&why)
	w.unsaid[r.Endpoint] = metadata.RevisionReport{
		Server: w.opts.Identity.ID, Endpoint: r.Endpoint, Revision: r.Revision, State: state, Error: string(kind) + ": " + why,
	}
	w.opts.Log.Error().Err(err).Str("endpoint", r.Endpoint).Int64("revision", r.Revision).Bool("retried", !a.final).
		Msg("revision cannot be loaded; the old one stays")
}

// tell sends the reports that were not sent.
func (w *Watcher) tell(ctx context.Context, registry Registry) error {
	w.mu.Lock()
	reports := make([]metadata.RevisionReport, 0, len(w.unsaid))
	for _, r := range w.unsaid {
		reports = append(reports, r)
	}
	w.mu.Unlock()
	for _, r := range reports {
		if err := registry.ReportRevision(ctx, r); err != nil {
			return err
		}
		w.mu.Lock()
		if now := w.unsaid[r.Endpoint]; now.Revision == r.Revision && now.State == r.State {
			delete(w.unsaid, r.Endpoint)
		}
		w.mu.Unlock()
	}
	return nil
}
