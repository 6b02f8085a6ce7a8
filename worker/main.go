// Command esteira-worker hosts the workflows and the activities of the roles it
// is given. Scaling out is starting more of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/proof"
)

const usage = `esteira-worker runs the steps of pipelines.

  esteira-worker                     every role
  esteira-worker --roles train       only fits, evaluation and packaging

Every worker also runs workflows. Configuration is by environment variables; see
"esteira doctor" for what a worker needs and whether it is there.

Flags:
`

func main() {
	foreign.Main() // a model that nobody knows yet is run in a process of its own
	proof.Main()   // and so is the server that a bundle has to pass
	flags := flag.NewFlagSet("esteira-worker", flag.ContinueOnError)
	roles := flags.String("roles", "data,train,deploy", "which task queues to serve, comma-separated")
	promote := flags.Bool("promote", true, "make this build the one that gets new work; false when you ramp versions yourself")
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage); flags.PrintDefaults() }
	if err := flags.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Split(*roles, ","), *promote); err != nil {
		fmt.Fprintln(os.Stderr, "esteira-worker:", err)
		os.Exit(exitCode(err))
	}
}

func exitCode(err error) int {
	if fault.KindOf(err) == fault.ConfigInvalid {
		return 2
	}
	return 1
}

func run(ctx context.Context, roles []string, promote bool) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	// A training step's garbage must not double the memory of a machine that is
	// sized for its data: collect earlier once the engine's limit is in sight.
	debug.SetGCPercent(50)
	h, err := newHost(ctx, cfg, roles)
	if err != nil {
		return err
	}
	defer h.close()
	return h.serve(ctx, promote)
}
