package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/workflows"
)

func (a *app) pipelinesCommand() *cobra.Command {
	return group("pipelines", "Applied pipelines: delete", a.pipelinesDelete())
}

func (a *app) pipelinesDelete() *cobra.Command {
	var yes, dry, whileLive bool
	c := &cobra.Command{
		Use: "delete PIPELINE", Short: "Take back what was applied of a pipeline; what it has made stays",
		Long: "delete ends what esteira apply has set up: the schedule of runs, the workflow that decides about\n" +
			"retraining, and the monitors of endpoints that its model does not serve. It shows that first.\n\n" +
			"Runs, models, predictions, labels, windows and alerts stay, and an endpoint that the model serves goes on\n" +
			"answering: such a pipeline is deleted only with --while-live. Its monitor then goes on, too, and each of its\n" +
			"runs says that nobody is there to retrain. A run under way has to end first. Applying the file again brings\n" +
			"everything back.",
		Example: "  esteira pipelines delete flights --dry-run\n  esteira pipelines delete flights --while-live --yes", Args: exactly("PIPELINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(_ config.Config, t client.Client) error {
				return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
					d := &deletion{t: t, db: db, name: args[0]}
					if err := d.look(cmd.Context()); err != nil {
						return err
					}
					return a.delete(cmd.Context(), d, whileLive, yes && !dry)
				})
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "delete it; without, what would be is shown, and the exit code is 3")
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would be deleted, and delete nothing; exit code 3 if something would")
	c.Flags().BoolVar(&whileLive, "while-live", false, "also if its model serves an endpoint, which goes on answering")
	return c
}

// deletion is what there is of a pipeline to take back.
type deletion struct {
	t    client.Client
	db   *metadata.DB
	name string

	scheduled, decides bool
	ends, stays        []string // endpoints whose monitor ends; that the model serves, and their monitor stays
	live               []string // "flights (flights@3)"
}

func (d *deletion) look(ctx context.Context) error {
	away := func(err error, what string) error {
		return fault.Wrap(err, fault.TemporalUnavailable, "look at the %s of %s", what, d.name).WithRemedy("check that Temporal runs: esteira doctor")
	}
	running, err := d.db.Runs(ctx, metadata.RunFilter{Pipeline: d.name, State: metadata.RunRunning}, 1)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return fault.New(fault.PipelineInvalid, "run %s of %s is under way", running[0].ID, d.name).WithRemedy("wait for its end, or: esteira runs cancel %s", running[0].ID)
	}
	all, err := d.db.Endpoints(ctx)
	if err != nil {
		return err
	}
	var served []string
	for _, e := range all {
		if e.Live != nil && e.Live.ModelName == d.name {
			served, d.live = append(served, e.Name), append(d.live, fmt.Sprintf("%s (%s@%d)", e.Name, e.Live.ModelName, e.Live.ModelVersion))
		}
	}
	if d.scheduled, err = d.there(ctx, d.name); err != nil {
		return away(err, "schedule")
	}
	execution, err := d.t.DescribeWorkflowExecution(ctx, workflows.RetrainingID(d.name), "")
	if err != nil && !errors.As(err, new(*serviceerror.NotFound)) {
		return away(err, "retraining")
	}
	d.decides = err == nil && execution.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	// Temporal lists schedules a moment late: those of endpoints that are served are
	// asked for by name.
	m := &appliedMonitor{t: d.t, f: file{pipeline: &pipeline.Pipeline{Name: d.name}}}
	watched, err := m.elsewhere(ctx)
	if err != nil {
		return err
	}
	for _, endpoint := range append(watched, served...) {
		m.f.pipeline.Deploy.Endpoint = endpoint
		current, err := m.current(ctx)
		switch {
		case err != nil:
			return err
		case current == nil || current.Pipeline != d.name || slices.Contains(d.stays, endpoint):
		case !slices.Contains(served, endpoint):
			d.ends = append(d.ends, endpoint)
		case current.Deleted == "": // else it says so already
			d.stays = append(d.stays, endpoint)
		}
	}
	return nil
}

func (d *deletion) there(ctx context.Context, schedule string) (bool, error) {
	_, err := d.t.ScheduleClient().GetHandle(ctx, schedule).Describe(ctx)
	if errors.As(err, new(*serviceerror.NotFound)) {
		return false, nil
	}
	return err == nil, err
}

func (d *deletion) changes() (out []change) {
	if d.scheduled {
		out = append(out, change{What: "schedule of runs", From: d.name})
	}
	if d.decides {
		out = append(out, change{What: "retraining", From: "decides about " + d.name})
	}
	for _, endpoint := range d.ends {
		out = append(out, change{What: "monitor of " + endpoint, From: "nothing of " + d.name + " serves it"})
	}
	for _, endpoint := range d.stays {
		out = append(out, change{What: "monitor of " + endpoint, From: "asks " + d.name + " to retrain", To: "goes on, and says that the pipeline is deleted"})
	}
	return out
}

// shownDeletion is what is printed.
type shownDeletion struct {
	Pipeline string   `json:"pipeline"`
	Changes  []change `json:"changes"`
	Live     []string `json:"live,omitempty"` // endpoints that go on answering
	Deleted  bool     `json:"deleted"`
}

func (a *app) delete(ctx context.Context, d *deletion, whileLive, sure bool) error {
	changes := d.changes()
	if len(changes) == 0 {
		return fault.New(fault.NotFound, "nothing of pipeline %s is applied", d.name).WithRemedy("see what it has made: esteira runs list --pipeline %s", d.name)
	}
	if a.output == "table" {
		for _, c := range changes {
			a.say("%s", c)
		}
	}
	live := strings.Join(d.live, ", ")
	if len(d.live) > 0 && !whileLive {
		return fault.New(fault.EndpointConflict, "%s is live: nothing was deleted", live).
			WithRemedy("add --while-live: it goes on answering and being watched, and nobody retrains it. Or deploy another model to it first")
	}
	if sure {
		if err := d.delete(ctx); err != nil {
			return err
		}
	}
	err := a.print(shownDeletion{d.name, changes, d.live, sure}, func() {
		if len(d.live) > 0 {
			a.say("= endpoint: %s goes on answering; its monitor says that the pipeline is deleted", live)
		}
		a.say("= history: runs, models, predictions, labels, windows and alerts stay")
		if !sure {
			a.say("Nothing was deleted. Delete it with --yes.")
			return
		}
		a.say("Deleted %s. To have it back: esteira apply FILE", d.name)
	})
	if err == nil && !sure {
		return exit(exitRejected)
	}
	return err
}

// delete takes back what look has found, so that it can be asked again where it
// failed: first that which would begin runs.
func (d *deletion) delete(ctx context.Context) error {
	said := fmt.Sprintf("pipeline %s was deleted by %s at %s", d.name, person(), time.Now().UTC().Format("2006-01-02 15:04"))
	gone := func(err error, what string) error {
		if err == nil || errors.As(err, new(*serviceerror.NotFound)) {
			return nil
		}
		return fault.Wrap(err, fault.TemporalUnavailable, "end the %s of %s", what, d.name).WithRemedy("run the command again")
	}
	schedules := d.t.ScheduleClient()
	if d.scheduled {
		if err := gone(schedules.GetHandle(ctx, d.name).Delete(ctx), "schedule"); err != nil {
			return err
		}
	}
	if d.decides {
		if err := gone(d.t.TerminateWorkflow(ctx, workflows.RetrainingID(d.name), "", said), "retraining"); err != nil {
			return err
		}
	}
	for _, endpoint := range d.ends {
		if err := gone(schedules.GetHandle(ctx, workflows.MonitorID(endpoint)).Delete(ctx), "monitor"); err != nil {
			return err
		}
	}
	for _, endpoint := range d.stays {
		m := &appliedMonitor{t: d.t, f: file{pipeline: &pipeline.Pipeline{Name: d.name, Deploy: pipeline.Deploy{Endpoint: endpoint}}}}
		in, err := m.current(ctx)
		if err != nil {
			return err
		}
		if in == nil {
			continue
		}
		in.Deleted = said
		err = schedules.GetHandle(ctx, m.id()).Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(u client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			schedule := u.Description.Schedule
			if action, ok := schedule.Action.(*client.ScheduleWorkflowAction); ok {
				action.Args = []any{*in}
			}
			return &client.ScheduleUpdate{Schedule: &schedule}, nil
		}})
		if err := gone(err, "retraining by the monitor"); err != nil {
			return err
		}
	}
	return nil
}
