// Command esteira launches, schedules and inspects runs, asks for predictions
// and traces them. One file holds one command; what they share is app.go (what a
// command is given), connect.go (the servers), print.go (tables, JSON, errors)
// and line.go (how a run is started and followed).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/proof"
)

func main() {
	foreign.Main() // a model that nobody knows yet is examined in a process of its own
	proof.Main()   // and so is the server that a bundle has to pass
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
