package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/console"
	"github.com/esteira-ml/esteira/internal/edge"
	"github.com/esteira-ml/esteira/internal/logging"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/token"
)

// How often the console asks for tokens beneath the notices, and how long requests
// in flight may take when it ends.
const (
	tokensEvery = 2 * time.Second
	consoleEnds = 10 * time.Second
)

func (a *app) consoleCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "console",
		Short: "Serve the web console, and the door for other schedulers",
		Long: "console serves pages of pipelines, runs, models, endpoints and predictions, without script and without\n" +
			"anything from elsewhere, and POST /pipelines/PIPELINE/runs, by which another scheduler asks for a run.\n" +
			"It runs until it is interrupted.\n\n" +
			"With ESTEIRA_AUTH=required it asks for a token: audit or deploy opens the pages, audit traces and\n" +
			"reports, deploy asks for runs. ESTEIRA_TLS_CERT and ESTEIRA_TLS_KEY turn TLS on.",
		Example: "  esteira console\n  esteira console --listen 127.0.0.1:7081",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if listen != "" {
				cfg.ConsoleListen = listen
			}
			return a.serveConsole(cmd.Context(), cfg)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "host:port to listen on; default: ESTEIRA_CONSOLE_LISTEN")
	return c
}

func (a *app) serveConsole(ctx context.Context, cfg config.Config) error {
	log := logging.New(cfg.Log, "console")
	cfg.Edge.Exposed = config.Exposed(cfg.ConsoleListen)
	if err := edge.CheckExposure(cfg.Edge, "console", log); err != nil {
		return err
	}
	secure, err := edge.TLS(cfg.Edge, log)
	if err != nil {
		return err
	}
	listener, err := edge.Listen(cfg.ConsoleListen, "ESTEIRA_CONSOLE_LISTEN")
	if err != nil {
		return err
	}
	defer listener.Close()
	return a.withDatabase(ctx, func(db *metadata.DB) error {
		flows := &consoleFlows{cfg: cfg, log: log}
		defer flows.close()
		ctx, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		options := console.Options{
			DB: db, Flows: flows, Local: !cfg.Edge.Exposed, Log: log, Server: cfg.ServerAddress, Store: openedOnce(cfg), Trace: a.tracePrediction,
			UI: func(workflow, run string) string {
				if workflow == "" {
					return cfg.Temporal.UIURL
				}
				return temporal.UILink(cfg, workflow, run)
			},
			ScheduleUI: func(id string) string { return temporal.UIScheduleLink(cfg, id) },
		}
		if cfg.Edge.AuthRequired {
			tokens, err := token.Open(filepath.Join(cfg.CacheDir, "console-tokens.json"))
			if err != nil {
				return err
			}
			list, err := db.Tokens(ctx)
			if err != nil {
				return err
			}
			if err := tokens.Replace(list); err != nil {
				log.Warn().Err(err).Msg("the tokens would not be found on local disk after a restart")
			}
			options.Admit = tokens.Admit
			wg.Go(func() { tokens.Follow(ctx, db, tokensEvery, log) })
		}
		server, ended := console.New(options).HTTP(), make(chan error, 1)
		scheme := "http"
		if secure != nil {
			scheme, server.TLSConfig = "https", secure
			go func() { ended <- server.ServeTLS(listener, "", "") }()
		} else {
			go func() { ended <- server.Serve(listener) }()
		}
		a.say("The console listens on %s://%s", scheme, listener.Addr())
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), consoleEnds)
		defer cancel()
		if err := server.Shutdown(ending); err != nil {
			_ = server.Close()
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the console: %w", err)
		}
		return nil
	})
}

// openedOnce opens the store when it is first needed: the console starts without it.
func openedOnce(cfg config.Config) func(context.Context) (*artifact.Store, error) {
	var mu sync.Mutex
	var store *artifact.Store
	return func(ctx context.Context) (_ *artifact.Store, err error) {
		mu.Lock()
		defer mu.Unlock()
		if store == nil {
			store, err = artifact.Open(ctx, cfg.ArtifactOptions())
		}
		return store, err
	}
}
