package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/telemetry"
	"github.com/esteira-ml/esteira/internal/token"
)

// How long the parts of a shutdown may take: requests in flight, then the audit
// records on their way to Postgres. What is left of these is drained by the next
// server on the spool.
const (
	finishWithin = 20 * time.Second
	drainWithin  = 5 * time.Second
)

// program is one prediction server.
type program struct {
	cfg      config.Config
	log      zerolog.Logger
	spool    *audit.Spool
	metrics  *telemetry.Metrics // nil: nobody asks
	measured net.Listener       // of the metrics
	tracer   *telemetry.Tracer  // nil: no traces
	// tokens are those known; nil: whoever asks is answered.
	tokens *token.Set

	db atomic.Pointer[metadata.DB] // nil while there is none

	mu    sync.Mutex
	store *artifact.Store
}

// run serves until ctx ends, then shuts down in order: not ready, requests in
// flight answered, spool synced and drained as far as Postgres lets.
func (p *program) run(ctx context.Context) (err error) {
	if _, err := p.cfg.Trust(); err != nil {
		return err
	}
	if p.spool, err = audit.Open(audit.Options{Dir: p.cfg.SpoolDir, MaxBytes: p.cfg.SpoolBytes}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.spool.Close()) }()
	if h := p.spool.Health(); h.Recovered > 0 || h.Torn > 0 {
		p.log.Info().Int64("records", h.Recovered).Int64("torn", h.Torn).Msg("audit records of an earlier server found; they go to Postgres first")
	}
	answers := audit.NewAnswers(answerBytes, p.firstAnswer)
	if err := p.spool.Undrained(ctx, func(records []audit.Record) error { answers.Restore(records); return nil }); err != nil {
		return err
	}
	state, err := serving.OpenState(filepath.Join(p.cfg.CacheDir, "server"))
	if err != nil {
		return err
	}
	if err := p.openTokens(); err != nil {
		return err
	}
	if err := p.openTelemetry(ctx); err != nil {
		return err
	}
	if p.tracer != nil {
		defer func() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
			defer cancel()
			if err := p.tracer.Shutdown(last); err != nil {
				p.log.Warn().Err(err).Msg("some traces were not sent")
			}
		}()
	}
	edge, secure, err := p.openEdge()
	if err != nil {
		return err
	}
	self := identity(edge.plain.Addr(), secure != nil)
	table := serving.NewTable()
	watcher := serving.NewWatcher(serving.WatcherOptions{
		Identity: self, Loaded: p.loaded(), Log: p.log, State: state, Table: table,
		Loader: &serving.BundleLoader{State: state, Open: p.artifacts, Trust: p.cfg.Trust},
	})
	watcher.Restore(ctx)
	handler, err := serving.New(serving.Options{Admit: p.admit(), Answers: answers, Audit: p.spool, Labels: p.labels, Observe: p.observe(), Reports: p.reports, Synced: watcher.Synced, Table: table, Version: version()})
	if err != nil {
		return err
	}
	if p.metrics != nil {
		defer p.serveMetrics(p.measured, handler, table).Close()
	}
	failed := make(chan error, 2)
	edge.serve(handler, secure, failed)
	if edge.stream != nil {
		p.log.Info().Str("address", edge.stream.Addr().String()).Bool("tls", secure != nil).Msg("listening for gRPC")
	}
	p.log.Info().Str("address", self.Address).Strs("endpoints", table.Names()).Str("spool", p.cfg.SpoolDir).Msg("listening")

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { p.follow(background, watcher, self) })
	select {
	case err := <-failed:
		return fault.Wrap(err, fault.Internal, "serve on %s", p.cfg.Listen)
	case <-ctx.Done():
	}
	p.log.Info().Msg("shutting down: requests in flight are answered")
	handler.Drain()
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	if err := edge.shut(finishing); err != nil {
		p.log.Warn().Err(err).Msg("some requests were cut off; none had its answer")
	}
	if err := handler.Close(finishing); err != nil {
		p.log.Warn().Err(err).Msg("shadows did not score all they were given; the answers are recorded")
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fault.Wrap(err, fault.Internal, "serve on %s", p.cfg.Listen)
	}
	return nil // follow drains what it can when background ends
}

// artifacts and reports are the object store as serving uses it.
func (p *program) artifacts(ctx context.Context) (serving.Store, error) { return p.objects(ctx) }

func (p *program) reports(ctx context.Context) (artifact.Pages, error) { return p.objects(ctx) }

// labels is the database as serving uses it.
func (p *program) labels(context.Context) (serving.Labels, error) {
	if db := p.db.Load(); db != nil {
		return db, nil
	}
	return nil, fault.New(fault.DatabaseUnavailable, "the server has not reached its database yet, which keeps labels").WithRemedy("send them again in a while; check that Postgres runs: esteira doctor")
}

// answerBytes bounds the answers that are kept in memory to be repeated; older ones
// are asked of the database.
const answerBytes = 64 << 20

// firstAnswer asks the database for the first answer to a key.
func (p *program) firstAnswer(ctx context.Context, key audit.AnswerKey) (audit.Stored, bool, error) {
	db := p.db.Load()
	if db == nil {
		return audit.Stored{}, false, fault.New(fault.DatabaseUnavailable, "the server has not reached its database yet")
	}
	a, found, err := db.IdempotentAnswer(ctx, key.Endpoint, key.Token, key.Key)
	return audit.Stored{RequestHash: a.RequestHash, Header: a.Header, Body: a.Body, At: a.At}, found, err
}

// objects opens the object store once.
func (p *program) objects(ctx context.Context) (*artifact.Store, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store == nil {
		store, err := artifact.Open(ctx, p.cfg.ArtifactOptions())
		if err != nil {
			return nil, err
		}
		p.store = store
	}
	return p.store, nil
}

// identity names this server by where it listens, so that one that comes back
// after a crash is the same one.
func identity(addr net.Addr, secure bool) metadata.Server {
	host, port, _ := net.SplitHostPort(addr.String())
	name, err := os.Hostname()
	if err != nil {
		name = host
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = name
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	return metadata.Server{ID: name + "/" + addr.String(), Address: scheme + net.JoinHostPort(host, port), Started: time.Now().UTC()}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
