package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

func (a *app) retrainCommand() *cobra.Command {
	return group("retrain", "Retraining of an applied pipeline: start, show, pause, resume",
		a.retrainStart(), a.retrainShow(), a.retrainSay("pause", "Let no retraining begin until it is resumed, whatever asks for it", workflows.UpdatePause,
			"pause lasts until resume. Triggers are remembered or dropped, as retrain.when_busy says; what a person asks\n"+
				"for is remembered. A run of the schedule ends at once as paused, and makes nothing: schedule show tells which.\n"+
				"A run that is under way goes on. esteira run FILE still starts one by hand."),
		a.retrainSay("resume", "Let retraining begin again", workflows.UpdateResume,
			"resume forgets the failures in a row and begins what was remembered. Moments of the schedule that passed\n"+
				"meanwhile are over; make up for them with esteira schedule backfill."))
}

func (a *app) retrainStart() *cobra.Command {
	var reason, key string
	c := &cobra.Command{
		Use: "start PIPELINE", Short: "Ask for a retraining now",
		Long: "start asks the pipeline's retraining, as esteira apply has set it up, for a run. A run of the pipeline\n" +
			"that is under way is not disturbed: yours follows it. A person does not wait for cool-down or budget.",
		Example: "  esteira retrain start flights --reason 'the airline changed its timetable'", Args: exactly("PIPELINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				key = rand.Text()
			}
			var o workflows.TriggerOutcome
			return a.updateRetraining(cmd.Context(), args[0], workflows.UpdateTrigger, workflows.Trigger{Kind: pipeline.TriggerRetrain, Key: key, Reason: reason}, &o, func(cfg config.Config) error {
				return a.print(o, func() {
					a.say("Retraining of %s %s: %s.", args[0], o.Outcome, o.Why)
					if o.Run != "" {
						a.facts("run", o.Run, "Temporal UI", temporal.UILink(cfg, o.Run, ""), "follow it", "esteira runs show "+o.Run+" --wait")
					}
				})
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "asked for by "+person(), "why, shown with the run")
	c.Flags().StringVar(&key, "key", "", "your own key: the same key is the same run")
	return c
}

func (a *app) retrainSay(verb, short, update, long string) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: verb + " PIPELINE", Short: short, Long: long, Example: "  esteira retrain " + verb + " flights --reason 'source is being repaired'", Args: exactly("PIPELINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.updateRetraining(cmd.Context(), args[0], update, workflows.Word{Actor: person(), Note: reason}, nil, func(config.Config) error {
				return a.print(map[string]string{"pipeline": args[0], "state": verb + "d"}, func() { a.say("Retraining of %s: %sd.", args[0], verb) })
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, shown with it (required)")
	_ = c.MarkFlagRequired("reason")
	return c
}

// person is who types.
func person() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}

// updateRetraining sends an update to a pipeline's retraining and waits for what
// comes of it.
func (a *app) updateRetraining(ctx context.Context, name, update string, arg, into any, done func(config.Config) error) error {
	return a.withTemporal(ctx, func(cfg config.Config, t client.Client) error {
		if err := updateRetraining(ctx, t, name, update, arg, into); err != nil {
			return err
		}
		return done(cfg)
	})
}

func updateRetraining(ctx context.Context, t client.Client, name, update string, arg, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	h, err := t.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.RetrainingID(name), UpdateName: update, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = h.Get(ctx, into)
	}
	if err != nil {
		return notApplied(err, name)
	}
	return nil
}

// answerWithin is how long a worker may take to answer.
const answerWithin = 20 * time.Second

// notApplied words what a retraining that does not answer means.
func notApplied(err error, name string) error {
	var notFound *serviceerror.NotFound
	var app *sdk.ApplicationError
	switch {
	case errors.As(err, &notFound):
		return fault.New(fault.NotFound, "pipeline %s is not applied", name).WithRemedy("apply it: esteira apply FILE")
	case errors.As(err, &app):
		return fault.New(fault.Kind(app.Type()), "%s", app.Message())
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.TemporalUnavailable, "no worker answered for the retraining of %s", name).WithRemedy("start a worker: esteira doctor")
	}
	return fault.Wrap(err, fault.TemporalUnavailable, "ask the retraining of %s", name).WithRemedy("check that Temporal and a worker run: esteira doctor")
}

// retrainingStatus asks where retraining stands.
func retrainingStatus(ctx context.Context, t client.Client, name string) (s workflows.RetrainingStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	value, err := t.QueryWorkflow(ctx, workflows.RetrainingID(name), "", workflows.QueryStatus)
	if err != nil {
		return s, notApplied(err, name)
	}
	return s, value.Get(&s)
}

func (a *app) retrainShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PIPELINE", Short: "Show where retraining stands and what asked for it", Example: "  esteira retrain show flights", Args: exactly("PIPELINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				s, err := retrainingStatus(cmd.Context(), t, args[0])
				if err != nil {
					return err
				}
				return a.print(s, func() {
					state := "waits for a trigger"
					switch {
					case s.Paused != nil:
						state = "paused by " + s.Paused.Actor + ": " + s.Paused.Note + "; runs of the schedule end as paused"
					case s.Running != "":
						state = "running " + s.Running
					case s.Pending != nil:
						state = "remembers " + plural(s.Pending.Others+1, "trigger")
					}
					a.facts("pipeline", s.Pipeline, "state", state, "failures in a row", plural(s.Failures, "run"), "Temporal UI", temporal.UILink(cfg, workflows.RetrainingID(s.Pipeline), ""))
					rows := [][]string{}
					for i := len(s.Heard) - 1; i >= 0; i-- {
						h := s.Heard[i]
						rows = append(rows, []string{moment(h.At), h.Kind, h.Outcome, h.Run, h.Reason + ": " + h.Why})
					}
					a.rows([]string{"WHEN", "TRIGGER", "OUTCOME", "RUN", "WHY"}, rows)
				})
			})
		},
	}
}
