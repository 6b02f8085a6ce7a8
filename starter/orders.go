package main

import (
	"context"
	"errors"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/workflows"
)

// How long an order may take: to be taken and followed by the rollout, and by the servers.
const (
	orderWithin    = 2*time.Minute + 30*time.Second // a server may take two minutes to load a bundle
	takenWithin    = 5 * time.Second                // after which promote and rollback go past the workflow
	followedWithin = 10 * time.Second               // after which a rollback that was taken does, too
	toldWithin     = 2 * time.Second                // of an end past the workflow, the workflow
	serversWithin  = 10 * time.Second
)

func (a *app) approveCommand() *cobra.Command {
	return a.answerCommand("approve", "approved", workflows.UpdateApprove, "Approve a rollout that waits for it")
}

func (a *app) rejectCommand() *cobra.Command {
	return a.answerCommand("reject", "rejected", workflows.UpdateReject, "Reject a rollout that waits for approval; its endpoint stays as it is")
}

func (a *app) answerCommand(name, done, update, short string) *cobra.Command {
	var o workflows.Order
	c := &cobra.Command{
		Use:     name + " RUN|ROLLOUT",
		Short:   short,
		Example: "  esteira " + name + " flights/run/2026-11-23T03-00Z-7c1f --reason 'read the report'",
		Args:    exactly("RUN or ROLLOUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOrder(o); err != nil {
				return err
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				r, err := db.Rollout(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				status, _, err := a.order(cmd.Context(), r.ID, update, o, orderWithin)
				if err != nil {
					return err
				}
				return a.print(status, func() {
					a.say("Rollout %s was %s by %s: %s", r.ID, done, o.Actor, o.Reason)
				})
			})
		},
	}
	orderFlags(c, &o)
	return c
}

// answering waits a while for the live servers to answer from a revision.
func answering(ctx context.Context, db *metadata.DB, endpoint string, revision int64) (answered, waiting int, err error) {
	until := time.Now().Add(serversWithin)
	for {
		servers, err := db.LiveServers(ctx, 5*time.Second)
		if err != nil {
			return 0, 0, err
		}
		reports, err := db.RevisionReports(ctx, endpoint, revision)
		if err != nil {
			return 0, 0, err
		}
		live := map[string]bool{}
		for _, r := range reports {
			live[r.Server] = r.State == metadata.ServerLive && r.AnsweredAt != nil
		}
		answered, waiting = 0, 0
		for _, s := range servers {
			if live[s.ID] {
				answered++
			} else {
				waiting++
			}
		}
		if waiting == 0 || time.Now().After(until) {
			return answered, waiting, nil
		}
		select {
		case <-ctx.Done():
			return answered, waiting, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// order sends an update, waits until the rollout has taken it, and then until it was
// followed. taken says that the workflow answered: it follows the order, or refused it.
func (a *app) order(ctx context.Context, rollout, update string, o workflows.Order, within time.Duration) (status workflows.RolloutStatus, taken bool, err error) {
	taking, cancel := context.WithTimeout(ctx, takenWithin)
	defer cancel()
	err = a.withTemporal(taking, func(_ config.Config, t client.Client) error {
		handle, err := t.UpdateWorkflow(taking, client.UpdateWorkflowOptions{
			WorkflowID: rollout, UpdateName: update, Args: []any{o}, WaitForStage: client.WorkflowUpdateStageAccepted,
		})
		var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
		if err != nil && (taking.Err() != nil || errors.As(err, &late)) {
			return fault.Wrap(err, fault.TemporalUnavailable, "rollout %s did not answer within %s", rollout, takenWithin).WithRemedy("check that a worker runs: esteira doctor")
		}
		following, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		if err == nil {
			taken = true
			err = handle.Get(following, &status)
		}
		var refused *sdk.ApplicationError
		switch {
		case errors.As(err, &refused):
			taken = true
			return fault.New(fault.Kind(refused.Type()), "%s", refused.Message()).WithRemedy("look at it: esteira rollouts show %s", rollout)
		case err != nil && following.Err() != nil:
			return fault.Wrap(err, fault.DeadlineExceeded, "rollout %s has taken the order, and has not followed it within %s", rollout, within).
				WithRemedy("look at it: esteira rollouts show %s; or go past it: --directly", rollout)
		}
		return missing(err, "look at it: esteira rollouts show "+rollout, "rollout %s is not under way", rollout)
	})
	return status, taken, err
}

func orderFlags(c *cobra.Command, o *workflows.Order) {
	c.Flags().StringVar(&o.Reason, "reason", "", "why; kept for good (required)")
	c.Flags().StringVar(&o.Actor, "actor", whoami(), "who asks for it; kept for good")
}

func checkOrder(o workflows.Order) error {
	switch {
	case strings.TrimSpace(o.Reason) == "":
		return usage("--reason is missing").WithRemedy("say why: --reason 'read the report'")
	case strings.TrimSpace(o.Actor) == "":
		return usage("--actor is missing").WithRemedy("say who asks: --actor ana")
	case len(o.Reason) > 1000 || len(o.Actor) > 1000:
		return usage("--reason or --actor is longer than 1000 bytes").WithRemedy("say it shorter")
	}
	return nil
}

// whoami is the name of who types.
func whoami() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return os.Getenv("USER")
}
