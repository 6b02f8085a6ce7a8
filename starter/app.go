package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// The exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2 // also a pipeline file or configuration that is not valid
	exitRejected = 3 // a contract, a gate or a person said no, or a rollout was taken back
	exitDetached = 130
)

// app is what every command is given.
type app struct {
	in       io.Reader
	out, err io.Writer
	output   string // table or json

	cfg *config.Config // once loaded
}

// Main runs one command line and returns its exit code.
func Main(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: out, err: errs, output: "table"}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.fail(err)
	}
	return exitDone
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "esteira",
		Short:         "From a pipeline file to a model in production, as durable workflows",
		Long:          "esteira runs the whole life of a machine-learning model: it trains, tests, packages and deploys\nwhat a pipeline file describes, and traces every answer back to the bytes it was learned from.",
		Example:       "  esteira validate flights.yaml\n  esteira run flights.yaml --wait\n  esteira predict flights --data '{\"distance\": 2475, …}'",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "table", "how to print: table or json")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if a.output != "table" && a.output != "json" && !slices.Contains(strings.Fields(cmd.Annotations[moreOutputs]), a.output) {
			wrong := a.output
			a.output = "table"
			return usage("--output %s is not a way to print", wrong).WithRemedy("write --output table or --output json")
		}
		return nil
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s", err).WithRemedy("see %s --help", cmd.CommandPath())
	})
	root.AddCommand(
		a.runCommand(), a.reproduceCommand(), a.validateCommand(), a.contractCommand(), a.schemaCommand(), a.runsCommand(), a.pipelinesCommand(), a.scheduleCommand(), a.applyCommand(), a.retrainCommand(), a.monitorCommand(), a.modelsCommand(), a.keysCommand(),
		a.endpointsCommand(), a.rolloutsCommand(), a.approveCommand(), a.rejectCommand(), a.promoteCommand(), a.rollbackCommand(), a.predictCommand(), a.scoreCommand(), a.labelsCommand(), a.tokensCommand(), a.traceCommand(), a.auditCommand(), a.consoleCommand(), a.migrateCommand(), a.doctorCommand(), a.versionCommand(), environmentTopic(),
	)
	return root
}

// moreOutputs annotates a command that can print in other ways than all can.
const moreOutputs = "outputs"

// config loads the configuration once.
func (a *app) config() (config.Config, error) {
	if a.cfg == nil {
		c, err := config.Load()
		if err != nil {
			return c, err
		}
		a.cfg = &c
	}
	return *a.cfg, nil
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("unknown command %q of %s", args[0], cmd.CommandPath()).WithRemedy("see %s --help", cmd.CommandPath())
		}
		return nil
	}}
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	var examples []string
	for _, sub := range commands {
		if sub.Example != "" {
			examples = append(examples, sub.Example)
		}
	}
	c.Example = strings.Join(examples, "\n")
	c.AddCommand(commands...)
	return c
}

// exactly asks for named arguments.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between asks for at least min of the named arguments.
func between(min int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < min:
			return usage("%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):min], " and ")).WithRemedy("write %s", cmd.UseLine())
		case len(args) > len(names):
			return usage("%s does not take %q", cmd.CommandPath(), args[len(names)]).WithRemedy("write %s", cmd.UseLine())
		}
		return nil
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ fault *fault.Error }

func (u usageError) Error() string { return u.fault.Error() }

func (u usageError) Unwrap() error { return u.fault }

func usage(message string, args ...any) usageError {
	return usageError{fault.New(fault.ConfigInvalid, message, args...)}
}

// WithRemedy sets the remedy and returns the error.
func (u usageError) WithRemedy(remedy string, args ...any) usageError {
	u.fault.Remedy = fmt.Sprintf(remedy, args...)
	return u
}

// exit ends a command that has already printed what happened.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
