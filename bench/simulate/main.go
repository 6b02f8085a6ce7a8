package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func main() {
	weekly := flag.Duration("week", 6*time.Second, "that a week of the world takes, from 2s to 1h")
	perWeek := flag.Int("flights", 1200, "asked about in a week, from 600 to 1500")
	out := flag.String("out", "bench/simulate", "directory of the table, the page and the picture")
	esteira := flag.String("esteira", "bin/esteira", "the command line")
	draw := flag.Bool("draw", false, "live nothing: draw the year.json in -out again")
	flag.Parse()
	if *weekly < 2*time.Second || *weekly > time.Hour || *perWeek < 600 || *perWeek > 1500 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *draw {
		if err := again(*out); err != nil {
			fmt.Fprintln(os.Stderr, "simulate:", err)
			os.Exit(1)
		}
		return
	}
	if err := simulate(ctx, *weekly, *perWeek, *out, *esteira); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// simulate lives the year with the worker and server that the environment names.
func simulate(ctx context.Context, weekly time.Duration, perWeek int, out, esteira string) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	db, err := metadata.Open(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer db.Close()
	dir, err := os.MkdirTemp("", "esteira-year-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server := os.Getenv("ESTEIRA_SERVER_ADDRESS")
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	l := &life{
		line:  line{DB: db, Server: server, CLI: commandLine(esteira)},
		world: theYear(perWeek), name: "year", dir: dir, files: "bench/simulate", data: "examples/flights", length: weekly,
		say: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	}
	y, err := l.live(ctx)
	if err != nil {
		return err
	}
	if err := y.write(out); err != nil {
		return err
	}
	fmt.Println(y.Summary.words())
	return errors.Join(y.broken()...)
}

// commandLine runs the command line and decodes what it prints.
func commandLine(path string) func(context.Context, any, ...string) error {
	return func(ctx context.Context, into any, args ...string) error {
		cmd := exec.CommandContext(ctx, path, append(args, "--output", "json")...)
		var said bytes.Buffer
		cmd.Stderr = &said
		printed, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("esteira %s: %w\n%s%s", strings.Join(args, " "), err, said.Bytes(), printed)
		}
		return json.Unmarshal(printed, into)
	}
}
