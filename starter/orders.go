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

// How long an order may take: to be followed by the rollout, and by the servers.
const (
	orderWithin   = 2*time.Minute + 30*time.Second // a server may take two minutes to load a bundle
	takenWithin   = 10 * time.Second               // after which a rollback goes past the workflow
	serversWithin = 10 * time.Second
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
				status, err := a.order(cmd.Context(), r.ID, update, o, orderWithin)
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

func (a *app) promoteCommand() *cobra.Command {
	var o workflows.Order
	c := &cobra.Command{
		Use:     "promote ENDPOINT",
		Short:   "Make what is being rolled out to an endpoint live now",
		Long:    "promote ends the present step of the endpoint's rollout, whatever it is, leaves the others out and makes\nthe version live. Where approval is still waited for, it counts as the approval. It is an order to the rollout: Temporal and a worker must be there to follow it;\nrollback needs neither.",
		Example: "  esteira promote flights --reason 'the canary has seen enough'",
		Args:    exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOrder(o); err != nil {
				return err
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				open, err := db.OpenRollout(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if open == nil {
					return fault.New(fault.NotFound, "nothing is being rolled out to endpoint %s", plain(args[0])).WithRemedy("look at what was: esteira rollouts list --endpoint %s", plain(args[0]))
				}
				status, err := a.order(cmd.Context(), open.ID, workflows.UpdatePromote, o, orderWithin)
				if err != nil {
					return err
				}
				if status.State != metadata.RolloutLive {
					return fault.New(fault.RolloutEnded, "rollout %s is not live: %s, %s", open.ID, status.State, status.Reason).WithRemedy("look at it: esteira rollouts show %s", open.ID)
				}
				return a.print(status, func() { a.say("%s is live on %s as revision %d.", status.Model, status.Endpoint, status.Revision) })
			})
		},
	}
	orderFlags(c, &o)
	return c
}

func (a *app) rollbackCommand() *cobra.Command {
	c := a.endpointsRollback()
	c.Use, c.Example = "rollback ENDPOINT", "  esteira rollback flights --reason 'complaints since noon'"
	return c
}

func (a *app) endpointsRollback() *cobra.Command {
	var o workflows.Order
	c := &cobra.Command{
		Use:   "rollback ENDPOINT",
		Short: "Take back what is being rolled out, or what is live, now",
		Long: "rollback ends the rollout of an endpoint, whatever state it is in; if none is under way, the endpoint\n" +
			"serves again the version that was live before and was not itself taken back. It is done when it\n" +
			"returns, also while Temporal or its workers are away.",
		Example: "  esteira endpoints rollback flights --reason 'complaints since noon'",
		Args:    exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOrder(o); err != nil {
				return err
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error { return a.rollBack(cmd.Context(), db, args[0], o) })
		},
	}
	orderFlags(c, &o)
	return c
}

// rolledBack is what a rollback came to.
type rolledBack struct {
	Endpoint string            `json:"endpoint"`
	Revision metadata.Revision `json:"revision"`
	Rollout  string            `json:"rollout,omitempty"` // that it ended
	Servers  int               `json:"servers"`           // that answer from it
	Waiting  int               `json:"waiting"`           // that do not yet
}

func (a *app) rollBack(ctx context.Context, db *metadata.DB, name string, o workflows.Order) error {
	open, err := db.OpenRollout(ctx, name)
	if err != nil {
		return err
	}
	e, err := db.Endpoint(ctx, name)
	if err != nil {
		return err
	}
	res := rolledBack{Endpoint: name}
	p := metadata.RollBack{Endpoint: name, Expected: e.Revision, Actor: o.Actor, Reason: o.Reason}
	done := false
	if open != nil {
		res.Rollout, p.Rollout = open.ID, open.ID
		status, err := a.order(ctx, open.ID, workflows.UpdateRollBack, o, takenWithin)
		switch {
		case err == nil && status.State == metadata.RolloutLive: // it was done before it was told
			p.Rollout, p.Expected = "", status.Revision
		case err == nil:
			done = true
		} // else the workflow does not answer; the endpoint can be moved without it
	}
	if !done {
		_, _, err = db.RollBack(ctx, p)
		if again, lookErr := db.Rollout(ctx, res.Rollout); p.Rollout != "" && err != nil && lookErr == nil && again.State == metadata.RolloutRolledBack {
			err = nil // by the workflow after all
		}
		if err != nil {
			return err
		}
	}
	if e, err = db.Endpoint(ctx, name); err != nil {
		return err
	}
	if e.Live != nil { // servers report on what they answer from
		res.Revision = *e.Live
		if res.Servers, res.Waiting, err = answering(ctx, db, name, e.Revision); err != nil {
			return err
		}
	}
	return a.print(res, func() {
		a.say("%s serves %s as revision %d; %s answering from it, %d not yet.", name, res.Revision.Serves(), e.Revision, plural(res.Servers, "server"), res.Waiting)
	})
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

// order sends an update and waits until it was followed.
func (a *app) order(ctx context.Context, rollout, update string, o workflows.Order, within time.Duration) (status workflows.RolloutStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = a.withTemporal(ctx, func(_ config.Config, t client.Client) error {
		handle, err := t.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: rollout, UpdateName: update, Args: []any{o}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(ctx, &status)
		}
		var refused *sdk.ApplicationError
		switch {
		case errors.As(err, &refused):
			return fault.New(fault.Kind(refused.Type()), "%s", refused.Message()).WithRemedy("look at it: esteira rollouts show %s", rollout)
		case err != nil && ctx.Err() != nil:
			return fault.Wrap(err, fault.TemporalUnavailable, "rollout %s did not answer within %s", rollout, within).WithRemedy("check that a worker runs: esteira doctor")
		}
		return missing(err, "look at it: esteira rollouts show "+rollout, "rollout %s is not under way", rollout)
	})
	return status, err
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
