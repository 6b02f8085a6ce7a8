package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // schedules name time zones that the machine may not have

	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
)

// options are the program's flags. The database password comes from the
// variable PGPASSWORD, so that no process list shows it.
type options struct {
	Namespace    string
	Port         int
	Postgres     string
	PostgresUser string
	Retention    time.Duration
	UIPort       int
}

func main() {
	var o options
	flag.StringVar(&o.Namespace, "namespace", "default", "namespace to register")
	flag.IntVar(&o.Port, "port", 7233, "port of the frontend (gRPC)")
	flag.StringVar(&o.Postgres, "postgres", "127.0.0.1:5432", "address of Postgres")
	flag.StringVar(&o.PostgresUser, "postgres-user", "temporal", "role that owns the databases temporal and temporal_visibility")
	flag.DurationVar(&o.Retention, "retention", 30*24*time.Hour, "how long closed workflows are kept")
	flag.IntVar(&o.UIPort, "ui-port", 8233, "port of the web UI (HTTP)")
	flag.Parse()

	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "temporal:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)

	if err := migrate(o); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	server, err := newServer(o)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the services: %w", err)
	}
	defer server.Stop()

	registered := make(chan error, 1)
	go func() { registered <- registerNamespace(o) }()
	select {
	case <-stop:
		return nil
	case err := <-registered:
		if err != nil {
			return fmt.Errorf("register namespace %s: %w", o.Namespace, err)
		}
	}

	ui := newUI(o)
	failed := make(chan error, 1)
	go func() { failed <- ui.Start() }()
	defer ui.Stop()
	select {
	case <-stop:
		return nil
	case err := <-failed:
		return fmt.Errorf("serve the UI on port %d: %w", o.UIPort, err)
	}
}
