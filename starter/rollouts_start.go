package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// rollingOut is what the command line says of a rollout.
type rollingOut struct {
	model, endpoint, plan, key string
	wait                       bool
	order                      workflows.Order
}

// rolledOut is what rollouts start prints.
type rolledOut struct {
	Rollout       string                   `json:"rollout"`
	Model         string                   `json:"model"`
	Endpoint      string                   `json:"endpoint"`
	TemporalRunID string                   `json:"temporal_run_id"`
	Existing      bool                     `json:"existing"` // an earlier call began it
	UI            string                   `json:"ui"`
	Result        *workflows.RolloutResult `json:"result,omitempty"`
}

func (a *app) rolloutsStart() *cobra.Command {
	var r rollingOut
	c := &cobra.Command{
		Use:   "start MODEL[@VERSION|@ALIAS] ENDPOINT",
		Short: "Roll a model version out to an endpoint, without a run",
		Long: "start brings a version that is registered to an endpoint: one that was imported, an older one, or one of\n" +
			"another endpoint. It goes the way that --plan says, a file with the section deploy alone or a pipeline file\n" +
			"(approval, replay, shadow, canary, rollback, audit); without a plan it is live at once. The bundle is verified\n" +
			"first. What else is being rolled out to the endpoint is superseded.\n\n" +
			"With --wait it ends with the rollout: exit code 0 if the version is live, 3 if it was rejected, taken back or\n" +
			"superseded, 1 if the rollout failed.",
		Example: "  esteira rollouts start churn@1 churn --plan plan.yaml --reason 'imported from the old system'\n" +
			"  esteira rollouts start flights@2 flights-test --reason 'the same as in June' --wait",
		Args: exactly("MODEL", "ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.model, r.endpoint = args[0], args[1]
			if err := r.check(); err != nil {
				return err
			}
			in, err := a.rolloutInput(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				return a.startRollout(cmd.Context(), cfg, t, in, r)
			})
		},
	}
	c.Flags().StringVar(&r.plan, "plan", "", "a file that says the way; default: live at once")
	c.Flags().StringVar(&r.key, "key", "", "your own key for the rollout: the same key is the same rollout")
	c.Flags().BoolVar(&r.wait, "wait", false, "wait until the rollout has ended")
	orderFlags(c, &r.order)
	return c
}

func (r rollingOut) check() error {
	switch {
	case !targetPattern.MatchString(r.model):
		return usage("%q names no version of a model", plain(r.model)).WithRemedy("write MODEL, MODEL@3 or MODEL@champion")
	case !modelName.MatchString(r.endpoint):
		return usage("%q cannot name an endpoint", plain(r.endpoint)).WithRemedy("write lower-case letters, digits and hyphens, a letter first, at most 63")
	case len(r.key) > 200:
		return usage("--key is longer than 200 bytes").WithRemedy("use a shorter key")
	}
	return checkOrder(r.order)
}

// rolloutInput is the rollout that is asked for, against what is live now.
func (a *app) rolloutInput(ctx context.Context, r rollingOut) (in workflows.RolloutInput, err error) {
	if r.plan != "" {
		data, err := readBounded(r.plan, pipeline.MaxBytes)
		if err != nil {
			return in, err
		}
		if in.Deploy, in.Question.Metric, err = pipeline.ParsePlan(r.plan, data); err != nil {
			return in, err
		}
	}
	name, which, _ := strings.Cut(r.model, "@")
	version, data, err := a.fetchModel(ctx, name, which)
	if err != nil {
		return in, err
	}
	b, err := a.openTrusted(data)
	if err != nil {
		return in, err
	}
	metrics := pipeline.Metrics(b.Manifest.Task)
	in.Run = activities.Run{Pipeline: version.Name}
	in.Deploy.Endpoint, in.Model, in.Version, in.Bundle = r.endpoint, version.Name, version.Version, version.Bundle
	in.Reason = "started by " + r.order.Actor + ": " + r.order.Reason
	in.Question = rollout.Question{Task: b.Manifest.Task, Metric: in.Question.Metric}
	if in.Question.Metric == "" {
		in.Question.Metric = metrics[0]
	}
	err = a.withDatabase(ctx, func(db *metadata.DB) error {
		e, err := db.Endpoint(ctx, r.endpoint)
		switch {
		case fault.KindOf(err) == fault.EndpointNotFound:
			return nil
		case err != nil:
			return err
		case e.Live == nil:
			return nil
		case e.Live.Bundle.Digest == version.Bundle.Digest:
			return fault.New(fault.EndpointConflict, "%s@%d is live on endpoint %s already", version.Name, version.Version, r.endpoint).
				WithRemedy("look at it: esteira endpoints show %s", r.endpoint)
		}
		in.Champion = e.Live.Bundle.Digest
		return nil
	})
	return in, err
}

// rolloutID names a rollout that somebody starts. For a key it depends on nothing else.
func rolloutID(endpoint, key string, now time.Time) (string, error) {
	if key != "" {
		return fmt.Sprintf("%s/rollout/%s-%s", endpoint, slug(key), short(endpoint, "rollout", key)), nil
	}
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/rollout/%s-%s", endpoint, now.UTC().Format(idTime), hex.EncodeToString(b[:])), nil
}

func (a *app) startRollout(ctx context.Context, cfg config.Config, t client.Client, in workflows.RolloutInput, r rollingOut) error {
	id, err := rolloutID(r.endpoint, r.key, time.Now())
	if err != nil {
		return err
	}
	s := rolledOut{Rollout: id, Model: fmt.Sprintf("%s@%d", in.Model, in.Version), Endpoint: r.endpoint}
	run, err := t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: temporal.QueuesOf(cfg.TaskQueue).Workflow,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		StaticSummary:            "roll " + s.Model + " out to " + r.endpoint,
		TypedSearchAttributes: sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(in.Model), temporal.Trigger.ValueSet("manual"),
			temporal.Endpoint.ValueSet(r.endpoint), temporal.ModelVersion.ValueSet(s.Model)),

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.Rollout, in)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &already):
		s.Existing = true
		run = t.GetWorkflow(ctx, id, already.RunId)
	case err != nil:
		return startError(err)
	}
	s.TemporalRunID = run.GetRunID()
	s.UI = temporal.UILink(cfg, id, s.TemporalRunID)
	if r.wait {
		s.Result = &workflows.RolloutResult{}
		if err := run.Get(ctx, s.Result); err != nil {
			f := failureOf(err)
			return fault.New(f.Kind, "rollout %s failed: %s", id, f.Message).WithRemedy("look at it: esteira rollouts show %s", id)
		}
	}
	if err := a.print(s, func() { a.printStarted(s) }); err != nil {
		return err
	}
	if s.Result != nil && s.Result.State != metadata.RolloutLive {
		return exit(exitRejected)
	}
	return nil
}

func (a *app) printStarted(s rolledOut) {
	if s.Result != nil {
		a.say("%s on %s: %s, %s", s.Model, s.Endpoint, s.Result.State, plain(s.Result.Reason))
		a.facts("revision", fmt.Sprint(s.Result.Revision), "look", "esteira rollouts show "+s.Rollout, "Temporal UI", s.UI)
		return
	}
	state := "started"
	if s.Existing {
		state = "was already asked for"
	}
	a.say("Rollout %s of %s %s.", s.Rollout, s.Model, state)
	a.facts("Temporal UI", s.UI, "follow it", "esteira rollouts show "+s.Rollout)
}
