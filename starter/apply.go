package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// applied is one thing that a file asks for beyond a run.
type applied interface {
	// differs lists what would change, a line each; none: it is so already.
	differs(ctx context.Context) ([]change, error)
	apply(ctx context.Context) error
}

// change is one line of a difference.
type change struct {
	What string `json:"what"` // path, as in the file
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

func (c change) String() string {
	switch {
	case c.From == "":
		return fmt.Sprintf("+ %s: %s", c.What, shown(c.To))
	case c.To == "":
		return fmt.Sprintf("- %s: %s", c.What, shown(c.From))
	}
	return fmt.Sprintf("~ %s: %s -> %s", c.What, shown(c.From), shown(c.To))
}

func (a *app) applyCommand() *cobra.Command {
	var dry bool
	var sources []string
	c := &cobra.Command{
		Use:   "apply FILE",
		Short: "Make schedule, retraining and monitor what the file says, after showing what changes",
		Long: "apply sets up what a pipeline file asks for beyond a run: the schedule of retrain.schedule, the\n" +
			"workflow that decides about retraining, and the schedule of monitor, which watches the endpoint. From\n" +
			"then on all three know this file, as it is now. It shows the difference first. Applying the same file\n" +
			"again changes nothing; a schedule that the file no longer has is removed.",
		Example: "  esteira apply flights.yaml --dry-run\n  esteira apply flights.yaml", Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readFile(args[0], sources)
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				return a.apply(cmd.Context(), []applied{&appliedSchedule{cfg, t, f}, &appliedRetraining{cfg, t, f}, &appliedMonitor{cfg, t, f}}, f.pipeline.Name, dry)
			})
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would change, and change nothing; exit code 3 if something would")
	c.Flags().StringArrayVar(&sources, "source", nil, "read a source from elsewhere: NAME=PATH (repeatable)")
	return c
}

func (a *app) apply(ctx context.Context, parts []applied, name string, dry bool) error {
	all := []change{}
	var due []applied
	for _, p := range parts {
		changes, err := p.differs(ctx)
		if err != nil {
			return err
		}
		if len(changes) > 0 {
			due = append(due, p)
		}
		all = append(all, changes...)
	}
	if a.output == "table" {
		for _, c := range all {
			a.say("%s", c)
		}
	}
	if !dry {
		for _, p := range due {
			if err := p.apply(ctx); err != nil {
				return err
			}
		}
	}
	err := a.print(map[string]any{"pipeline": name, "changes": all, "applied": !dry}, func() {
		switch {
		case len(all) == 0:
			a.say("%s is so already; nothing to change.", name)
		case dry:
			a.say("%s would change.", plural(len(all), "setting"))
		default:
			a.say("Applied: %s changed. See: esteira retrain show %s", plural(len(all), "setting"), name)
		}
	})
	if err == nil && dry && len(all) > 0 {
		return exit(exitRejected)
	}
	return err
}

// differences compares two sets of settings by name.
func differences(under string, from, to map[string]string) []change {
	var out []change
	names := sortedKeys(from)
	for name := range to {
		if _, both := from[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if from[name] != to[name] {
			out = append(out, change{under + name, from[name], to[name]})
		}
	}
	return out
}

// appliedSchedule is the Temporal Schedule of retrain.schedule.
type appliedSchedule struct {
	cfg config.Config
	t   client.Client
	f   file
}

func (s *appliedSchedule) wanted() *pipeline.Schedule { return s.f.pipeline.Retrain.Schedule }

func (s *appliedSchedule) differs(ctx context.Context) ([]change, error) {
	const under = "retrain.schedule."
	wanted := map[string]string{}
	if w := s.wanted(); w != nil {
		runs, err := runsOf(s.launch().input(), temporal.QueuesOf(s.cfg.TaskQueue).Workflow)
		if err != nil {
			return nil, err
		}
		wanted = map[string]string{
			"moments": momentsOf(*w), "overlap": overlaps[w.Overlap].String(), "catch_up": w.CatchUpOf().String(), "pause_on_failure": fmt.Sprint(w.Pauses()),
			"runs": runs,
		}
		if w.Jitter != "" {
			wanted["jitter"] = span(w.Jitter)
		}
	}
	d, err := s.t.ScheduleClient().GetHandle(ctx, s.f.pipeline.Name).Describe(ctx)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return differences(under, nil, wanted), nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "look at the schedule of %s", s.f.pipeline.Name).WithRemedy("check that Temporal runs: esteira doctor")
	}
	return differences(under, scheduled(d.Schedule), wanted), nil
}

// scheduled are the settings of a schedule that is there. Temporal keeps a cron
// expression as a calendar; the words it came from are in the memo of its action.
func scheduled(s client.Schedule) map[string]string {
	out := map[string]string{"catch_up": s.Policy.CatchupWindow.String(), "overlap": s.Policy.Overlap.String(), "pause_on_failure": fmt.Sprint(s.Policy.PauseOnFailure)}
	if s.Spec.Jitter > 0 {
		out["jitter"] = s.Spec.Jitter.String()
	}
	out["moments"], out["runs"] = "another schedule", "something else"
	if action, ok := s.Action.(*client.ScheduleWorkflowAction); ok {
		if words, ok := action.Memo[momentsMemo]; ok {
			out["moments"] = wording(words)
		}
		var in workflows.PipelineInput
		if argument(action, &in) {
			if runs, err := runsOf(in, action.TaskQueue); err == nil {
				out["runs"] = runs
			}
		}
	}
	return out
}

// runsOf says what a schedule starts: the file is part of it, so that a change of any
// of it is a change of the schedule.
func runsOf(in workflows.PipelineInput, queue string) (string, error) {
	digest, err := pipeline.Digest(&in.Pipeline)
	return fmt.Sprintf("version %.12s, trigger %s, paths from %s, queue %s", digest, in.Trigger, in.BaseDir, queue), err
}

// argument decodes what a schedule gives its workflow; false: it is no such thing.
func argument(action *client.ScheduleWorkflowAction, into any) bool {
	if len(action.Args) != 1 {
		return false
	}
	payload, ok := action.Args[0].(*commonpb.Payload)
	return ok && converter.GetDefaultDataConverter().FromPayload(payload, into) == nil
}

func (s *appliedSchedule) launch() launch {
	return launch{file: s.f, trigger: pipeline.TriggerSchedule}
}

func (s *appliedSchedule) apply(ctx context.Context) error {
	if s.wanted() == nil {
		err := s.t.ScheduleClient().GetHandle(ctx, s.f.pipeline.Name).Delete(ctx)
		return noSchedule(err, s.f.pipeline.Name)
	}
	_, err := putSchedule(ctx, s.t, pipelineSchedule(s.cfg, s.launch(), *s.wanted(), false))
	return err
}

// appliedRetraining is the workflow that decides about retraining.
type appliedRetraining struct {
	cfg config.Config
	t   client.Client
	f   file
}

func (r *appliedRetraining) input() workflows.RetrainingInput {
	return workflows.RetrainingInput{Pipeline: *r.f.pipeline, BaseDir: r.f.dir}
}

func (r *appliedRetraining) differs(ctx context.Context) ([]change, error) {
	wanted, err := flat(r.input())
	if err != nil {
		return nil, err
	}
	d, err := r.t.DescribeWorkflowExecution(ctx, workflows.RetrainingID(r.f.pipeline.Name), "")
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) || err == nil && d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		digest, err := pipeline.Digest(r.f.pipeline)
		return []change{{What: "retraining", To: fmt.Sprintf("decides about %s, version %.12s", r.f.pipeline.Name, digest)}}, err
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "look at the retraining of %s", r.f.pipeline.Name).WithRemedy("check that Temporal runs: esteira doctor")
	}
	status, err := retrainingStatus(ctx, r.t, r.f.pipeline.Name)
	if err != nil {
		return nil, err
	}
	current, err := flat(status.Applied)
	return differences("", current, wanted), err
}

func (r *appliedRetraining) apply(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	name := r.f.pipeline.Name
	start := r.t.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: workflows.RetrainingID(name), TaskQueue: temporal.QueuesOf(r.cfg.TaskQueue).Workflow,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "retraining of " + name,
		TypedSearchAttributes:    sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(name)),
	}, workflows.Retraining, r.input())
	h, err := r.t.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions:          client.UpdateWorkflowOptions{UpdateName: workflows.UpdateApply, Args: []any{r.input()}, WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err == nil {
		err = h.Get(ctx, nil)
	}
	if err != nil {
		return notApplied(err, name)
	}
	return nil
}
