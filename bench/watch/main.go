// Command watch measures what watching endpoints costs, on real servers:
//
//	watch seed -rows 1000000          audits an hour of requests of one endpoint, 20 columns
//	watch compute -hours 1            computes its window, through the activity of the monitor;
//	                                  -postgres PID adds what Postgres spent meanwhile
//	watch compute -hours 24           the day around it, of hours that are kept; twice
//	watch endpoints -endpoints 500 -rows 600 -worker PID -postgres PID -temporal PID
//
// The last audits an hour of requests of each endpoint, a quarter of them labelled,
// runs the monitor of each once, as its schedule does every hour, and prints the
// processor seconds that the worker, Postgres and Temporal spent meanwhile, by /proc.
// Each prints a line of JSON. Servers and store are those of the environment.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// settings are what the command line says.
type settings struct {
	rows, hours, endpoints     int
	worker, postgres, temporal int // processes
	timeout                    time.Duration
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: watch seed|compute|endpoints [options]")
		os.Exit(2)
	}
	var s settings
	flags := flag.NewFlagSet("watch", flag.ExitOnError)
	flags.IntVar(&s.rows, "rows", 600, "requests of an hour of an endpoint")
	flags.IntVar(&s.hours, "hours", 1, "length of the window that is computed")
	flags.IntVar(&s.endpoints, "endpoints", 500, "that are watched")
	flags.IntVar(&s.worker, "worker", 0, "process of the worker")
	flags.IntVar(&s.postgres, "postgres", 0, "process of Postgres")
	flags.IntVar(&s.temporal, "temporal", 0, "process of Temporal's server")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Minute, "for all of it")
	_ = flags.Parse(os.Args[2:]) // it exits
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	steps := map[string]func(context.Context, *world, settings) (any, error){"seed": seed, "compute": compute, "endpoints": endpoints}
	step, ok := steps[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "no step", os.Args[1])
		os.Exit(2)
	}
	if err := run(ctx, step, s); err != nil {
		fmt.Fprintln(os.Stderr, "watch:", err)
		os.Exit(1)
	}
}

// world is the servers, and the hour that all requests are of: the last that is over.
type world struct {
	cfg     config.Config
	db      *metadata.DB
	store   *artifact.Store
	acts    *activities.Activities
	hour    time.Time
	monitor pipeline.Monitor
}

func run(ctx context.Context, step func(context.Context, *world, settings) (any, error), s settings) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	w := &world{cfg: cfg, hour: time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)}
	if w.db, err = metadata.Open(ctx, cfg.DatabaseURL.Reveal()); err != nil {
		return err
	}
	defer w.db.Close()
	if err := w.db.Migrate(ctx); err != nil {
		return err
	}
	if w.store, err = artifact.Open(ctx, cfg.ArtifactOptions()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "esteira-watch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if w.acts, err = activities.New(activities.Options{DB: w.db, Store: w.store, Log: zerolog.Nop(), ScratchDir: dir}); err != nil {
		return err
	}
	p, err := pipeline.Parse("watch.yaml", []byte("name: watch\nproblem: {task: regression, target: y}\nsources: {s: {path: s.csv}}\nmonitor: {}\n"))
	if err != nil {
		return err
	}
	w.monitor = *p.Monitor
	line, err := step(ctx, w, s)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(line)
}
