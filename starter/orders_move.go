package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/workflows"
)

// directlyUsage is the help of --directly.
const directlyUsage = "do it in Postgres at once, without asking the rollout's workflow first"

// moveCommand gives a command the order that moves an endpoint, and what it does by it.
func (a *app) moveCommand(c *cobra.Command, move func(ctx context.Context, db *metadata.DB, endpoint string, o workflows.Order, directly bool) error) *cobra.Command {
	var o workflows.Order
	var directly bool
	c.Args = exactly("ENDPOINT")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkOrder(o); err != nil {
			return err
		}
		return a.withDatabase(cmd.Context(), func(db *metadata.DB) error { return move(cmd.Context(), db, args[0], o, directly) })
	}
	orderFlags(c, &o)
	c.Flags().BoolVar(&directly, "directly", false, directlyUsage)
	return c
}

func (a *app) promoteCommand() *cobra.Command {
	return a.moveCommand(&cobra.Command{
		Use:   "promote ENDPOINT",
		Short: "Make what is being rolled out to an endpoint live now",
		Long: "promote ends the present step of the endpoint's rollout, whatever it is, leaves the others out and makes\n" +
			"the version live. Where approval is still waited for, it counts as the approval. It is an order to the rollout;\n" +
			"one that does not take it within five seconds, as Temporal or its workers are away, is ended in Postgres without\n" +
			"it, which the history says. The workflow changes nothing when it comes back.",
		Example: "  esteira promote flights --reason 'the canary has seen enough'",
	}, a.promote)
}

// promoted is what a promotion came to. Past the workflow there are no steps to tell.
type promoted struct {
	workflows.RolloutStatus
	Directly bool `json:"directly"`
	Servers  int  `json:"servers,omitempty"` // directly: that answer from it
	Waiting  int  `json:"waiting,omitempty"` // directly: that do not yet
}

func (a *app) promote(ctx context.Context, db *metadata.DB, name string, o workflows.Order, directly bool) error {
	open, err := db.OpenRollout(ctx, name)
	if err != nil {
		return err
	}
	if open == nil {
		return fault.New(fault.NotFound, "nothing is being rolled out to endpoint %s", plain(name)).WithRemedy("look at what was: esteira rollouts list --endpoint %s", plain(name))
	}
	if !directly {
		status, taken, err := a.order(ctx, open.ID, workflows.UpdatePromote, o, orderWithin)
		switch {
		case err == nil && status.State != metadata.RolloutLive:
			return fault.New(fault.RolloutEnded, "rollout %s is not live: %s, %s", open.ID, status.State, status.Reason).WithRemedy("look at it: esteira rollouts show %s", open.ID)
		case err == nil:
			return a.print(promoted{RolloutStatus: status}, func() { a.say("%s is live on %s as revision %d.", status.Model, status.Endpoint, status.Revision) })
		case taken:
			return err
		} // else nobody works on it; the endpoint can be moved without it
	}
	r, revision, err := db.PromoteRollout(ctx, metadata.PromoteRollout{ID: open.ID, Actor: o.Actor, Reason: o.Reason})
	if err != nil {
		return err
	}
	a.tellSuperseded(ctx, r.ID, o)
	p := promoted{Directly: true, RolloutStatus: workflows.RolloutStatus{
		Rollout: r.ID, Endpoint: r.Endpoint, Model: r.Model(), Baseline: r.BaselineModel(), State: r.State, Reason: r.Reason, Revision: revision.Revision, ApprovedBy: r.ApprovedBy, Steps: []workflows.StepStatus{},
	}}
	if p.Servers, p.Waiting, err = answering(ctx, db, name, revision.Revision); err != nil {
		return err
	}
	return a.print(p, func() {
		a.say("%s is live on %s as revision %d, without its workflow; %s answering from it, %d not yet.", p.Model, p.Endpoint, p.Revision, plural(p.Servers, "server"), p.Waiting)
	})
}

// tellSuperseded tells the workflow of a rollout, for when a worker comes back, that the
// rollout was ended without it. Without Temporal it finds out at its next move.
func (a *app) tellSuperseded(ctx context.Context, rollout string, o workflows.Order) {
	telling, cancel := context.WithTimeout(ctx, toldWithin)
	defer cancel()
	_ = a.withTemporal(telling, func(_ config.Config, t client.Client) error {
		return t.SignalWorkflow(telling, rollout, "", workflows.SignalSuperseded, o.Actor)
	})
}

func (a *app) rollbackCommand() *cobra.Command {
	c := a.endpointsRollback()
	c.Use, c.Example = "rollback ENDPOINT", "  esteira rollback flights --reason 'complaints since noon'"
	return c
}

func (a *app) endpointsRollback() *cobra.Command {
	return a.moveCommand(&cobra.Command{
		Use:   "rollback ENDPOINT",
		Short: "Take back what is being rolled out, or what is live, now",
		Long: "rollback ends the rollout of an endpoint, whatever state it is in; if none is under way, the endpoint\n" +
			"serves again the version that was live before and was not itself taken back. It is done when it\n" +
			"returns, also while Temporal or its workers are away.",
		Example: "  esteira endpoints rollback flights --reason 'complaints since noon'",
	}, a.rollBack)
}

// rolledBack is what a rollback came to.
type rolledBack struct {
	Endpoint string            `json:"endpoint"`
	Revision metadata.Revision `json:"revision"`
	Rollout  string            `json:"rollout,omitempty"`  // that it ended
	Directly bool              `json:"directly,omitempty"` // past the rollout's workflow
	Servers  int               `json:"servers"`            // that answer from it
	Waiting  int               `json:"waiting"`            // that do not yet
}

func (a *app) rollBack(ctx context.Context, db *metadata.DB, name string, o workflows.Order, directly bool) error {
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
		res.Rollout, p.Rollout, res.Directly = open.ID, open.ID, true
	}
	if open != nil && !directly {
		status, _, err := a.order(ctx, open.ID, workflows.UpdateRollBack, o, followedWithin)
		switch {
		case err == nil && status.State == metadata.RolloutLive: // it was done before it was told
			p.Rollout, p.Expected, res.Directly = "", status.Revision, false
		case err == nil:
			done, res.Directly = true, false
		} // else the workflow does not answer; the endpoint can be moved without it
	}
	if !done {
		_, _, err = db.RollBack(ctx, p)
		if again, lookErr := db.Rollout(ctx, res.Rollout); p.Rollout != "" && err != nil && lookErr == nil && again.State == metadata.RolloutRolledBack {
			err, res.Directly = nil, false // by the workflow after all
		}
		if err != nil {
			return err
		}
		if res.Directly {
			a.tellSuperseded(ctx, res.Rollout, o)
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
	without := ""
	if res.Directly {
		without = ", without the workflow of " + res.Rollout
	}
	return a.print(res, func() {
		a.say("%s serves %s as revision %d%s; %s answering from it, %d not yet.", name, res.Revision.Serves(), e.Revision, without, plural(res.Servers, "server"), res.Waiting)
	})
}
