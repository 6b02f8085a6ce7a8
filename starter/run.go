package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/temporal"
)

func (a *app) runCommand() *cobra.Command {
	var l launch
	var wait bool
	var sources []string
	var at string
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a pipeline: train, test, package and deploy what the file describes",
		Long: "run starts a run of the pipeline and prints its id and its page in the Temporal UI. With --wait it\n" +
			"follows the run step by step and ends with its decision: exit code 0 if a model was deployed, packaged\n" +
			"or awaits approval, 1 if the run failed, 3 if a contract, a gate or a person rejected it or its rollout\n" +
			"was taken back. Ctrl-C while waiting lets go of the run and leaves it running.\n\n" +
			"With --moment or --key a second call is the same run, however often a scheduler repeats it.",
		Example: "  esteira run examples/flights/flights.yaml --wait\n" +
			"  esteira run flights.yaml --source flights=/data/flights-3m.parquet --wait\n" +
			"  esteira run flights.yaml --moment 2026-11-23T03:00Z --trigger cron",
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if l.file, err = readFile(args[0], sources); err != nil {
				return err
			}
			if err := l.check(at, time.Now()); err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				return a.launch(cmd.Context(), cfg, t, l, wait)
			})
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "follow the run to its decision")
	c.Flags().BoolVar(&l.noCache, "no-cache", false, "compute every step anew")
	c.Flags().StringSliceVar(&l.refresh, "refresh", nil, "compute a step anew: "+strings.Join(stepNames, ", ")+" (repeatable)")
	c.Flags().StringArrayVar(&sources, "source", nil, "read a source from elsewhere: NAME=PATH (repeatable)")
	c.Flags().StringVar(&at, "moment", "", "the moment the run is for, RFC 3339: the same moment is the same run")
	c.Flags().StringVar(&l.key, "key", "", "your own key for the run: the same key is the same run")
	c.Flags().StringVar(&l.trigger, "trigger", "manual", "what asks for the run, shown with it")
	c.MarkFlagsMutuallyExclusive("moment", "key")
	return c
}

// check completes the launch from its flags.
func (l *launch) check(at string, now time.Time) error {
	if at != "" {
		moment, err := parseMoment("--moment", at)
		if err != nil {
			return err
		}
		if moment.After(now.Add(24 * time.Hour)) {
			return usage("--moment %s is more than a day ahead", at).WithRemedy("name the moment the run is for")
		}
		l.moment = &moment
	}
	if len(l.key) > 200 {
		return usage("--key is longer than 200 bytes").WithRemedy("use a shorter key")
	}
	if len(l.trigger) == 0 || len(l.trigger) > 64 || l.trigger != plain(l.trigger) {
		return usage("--trigger %q cannot be shown", plain(l.trigger)).WithRemedy("write one word such as cron")
	}
	for _, step := range l.refresh {
		if !slices.Contains(stepNames, step) {
			return usage("--refresh %s is not a step", plain(step)).WithRemedy("name one of %s", strings.Join(stepNames, ", "))
		}
	}
	return nil
}

func parseMoment(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage("%s %q is not a moment", flag, plain(text)).WithRemedy("write it as 2026-11-23T03:00:00Z or 2026-11-23")
}

// started is what run prints when it does not wait.
type started struct {
	Run           string `json:"run"`
	TemporalRunID string `json:"temporal_run_id"`
	Existing      bool   `json:"existing"` // an earlier call began it
	UI            string `json:"ui"`
}

func (a *app) launch(ctx context.Context, cfg config.Config, t client.Client, l launch, wait bool) error {
	id, err := l.id(time.Now())
	if err != nil {
		return err
	}
	s := started{Run: id}
	if l.idempotent() {
		found, err := t.DescribeWorkflowExecution(ctx, id, "")
		s.Existing = err == nil && found.GetWorkflowExecutionInfo().GetCloseTime() == nil
	}
	run, err := t.ExecuteWorkflow(ctx, l.options(cfg, id), pipelineWorkflow, l.input())
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &already):
		s.Existing, s.TemporalRunID = true, already.RunId
		run = t.GetWorkflow(ctx, id, already.RunId)
	case err != nil:
		return startError(err)
	}
	s.TemporalRunID = run.GetRunID()
	s.UI = temporal.UILink(cfg, id, s.TemporalRunID)
	if wait {
		if s.Existing {
			a.say("This run was already asked for; following it.")
		}
		return a.follow(ctx, cfg, t, id, s.TemporalRunID)
	}
	return a.print(s, func() {
		state := "started"
		if s.Existing {
			state = "was already asked for"
		}
		a.say("Run %s %s.", s.Run, state)
		a.facts("Temporal UI", s.UI, "follow it", "esteira runs show "+s.Run+" --wait")
	})
}

func startError(err error) error {
	var invalid *serviceerror.InvalidArgument
	if errors.As(err, &invalid) {
		return fault.Wrap(err, fault.ConfigInvalid, "Temporal refuses to start the run").WithRemedy("create the search attributes: esteira migrate")
	}
	return fault.Wrap(err, fault.TemporalUnavailable, "start the run").WithRemedy("check that Temporal runs: esteira doctor")
}
