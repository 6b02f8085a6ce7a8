// Command esteira-server is the prediction server: it answers for every endpoint,
// follows its revisions, and lets no answer leave before its audit record is on
// disk.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/logging"
)

const usage = `esteira-server answers requests for predictions.

  esteira-server                             on ESTEIRA_LISTEN, 127.0.0.1:8080
  esteira-server --listen 0.0.0.0:8080       on every address

  POST /v2/models/{endpoint}/infer           Open Inference Protocol v2
  POST /v1/endpoints/{endpoint}/predict      {"records": [{"column": value}]}
  POST /v1/endpoints/{endpoint}/labels       [{"prediction_id" or "request_id", "label", "observed_at"}]
  POST /v1/endpoints/{endpoint}/invocations  MLflow's formats, CSV too; also /invocations
  GET  /v1/endpoints/{endpoint}              what a request looks like
  GET  /v2/health/ready                      whether to send requests here

With ESTEIRA_GRPC_LISTEN the Open Inference Protocol is spoken over gRPC, too; with
ESTEIRA_AUTH=required only who sends a token is answered (esteira tokens create).

Every answer is recorded on disk (ESTEIRA_SPOOL_DIR) before it is sent, and in
Postgres soon after. Labels are kept in Postgres at once, or refused with 503.
Configuration is by environment variables; "esteira doctor" says what is missing.
The schema is made by: esteira migrate

Flags:
`

func main() {
	flags := flag.NewFlagSet("esteira-server", flag.ContinueOnError)
	listen := flags.String("listen", "", "host:port to listen on; default: ESTEIRA_LISTEN")
	spool := flags.String("spool-dir", "", "directory of the audit spool, on a durable disk; default: ESTEIRA_SPOOL_DIR")
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage); flags.PrintDefaults() }
	if err := flags.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, *listen, *spool); err != nil {
		fmt.Fprintln(os.Stderr, "esteira-server:", err)
		if fault.KindOf(err) == fault.ConfigInvalid {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func start(ctx context.Context, listen, spool string) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	if listen != "" {
		cfg.Listen = listen
		cfg.Edge.Exposed = config.Exposed(listen) || config.Exposed(cfg.Edge.GRPCListen)
	}
	if spool != "" {
		cfg.SpoolDir = spool
	}
	audit.SpareProcessors()
	p := &program{cfg: cfg, log: logging.New(cfg.Log, "server")}
	return p.run(ctx)
}
