package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const usage = `usage: stack COMMAND [flags]

  up      start Postgres, MinIO and Temporal, and restart them when they die
  down    stop them; the data stay
  status  say what runs where; fails unless everything runs
  clean   stop them and remove their data; built programs stay
  env     print the settings as shell exports
  setup   build and fetch what is missing, start nothing
  tools   build the tools of make lint

flags: stack COMMAND -h
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

func run(command string, args []string) error {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of data, logs and settings (default .esteira of the repository)")
	free := flags.Bool("free-ports", false, "up: choose free ports; they are remembered until clean")
	with := flags.String("with", "", "up: further parts to start, of worker and server, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q", command, flags.Arg(0))
	}
	l, err := newLayout(*dir)
	if err != nil {
		return err
	}

	switch command {
	case "up":
		// A hang-up of the terminal must not tear a half-started stack.
		signal.Ignore(syscall.SIGHUP)
		var extra []string
		if *with != "" {
			extra = strings.Split(*with, ",")
		}
		return up(l, extra, *free)
	case "down":
		return locked(l, func() error { return down(l) })
	case "status":
		return status(l)
	case "clean":
		return locked(l, func() error { return clean(l) })
	case "env":
		return printEnv(l)
	case "setup":
		_, err := setup(l)
		return err
	case "tools":
		return buildTools(l)
	case "supervise": // started by up
		return supervise(l)
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("there is no command %q", command)
}
