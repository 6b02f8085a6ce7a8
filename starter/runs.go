package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/temporal"
)

func (a *app) runsCommand() *cobra.Command {
	return group("runs", "List, show and cancel runs", a.runsList(), a.runsShow(), a.runsCancel())
}

var runStates = []string{"running", "completed", "failed", "rejected", "cancelled"}

func (a *app) runsList() *cobra.Command {
	var filter metadata.RunFilter
	var state string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Short:   "List runs, the newest first",
		Example: "  esteira runs list --pipeline flights --state rejected",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(runStates, state) {
				return usage("--state %s is not a state of a run", plain(state)).WithRemedy("name one of %s", strings.Join(runStates, ", "))
			}
			if limit < 1 || limit > 1000 {
				return usage("--limit %d is not between 1 and 1000", limit).WithRemedy("write --limit 20")
			}
			filter.State = metadata.RunState(state)
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				runs, err := db.Runs(cmd.Context(), filter, limit)
				if err != nil {
					return err
				}
				return a.print(notNil(runs), func() {
					rows := [][]string{}
					for _, r := range runs {
						rows = append(rows, []string{r.ID, string(r.State), r.Decision, score(r), version(r.ModelVersion), moment(r.Started), took(r.Started, r.Finished)})
					}
					a.rows([]string{"RUN", "STATE", "DECISION", "SCORE", "MODEL", "STARTED", "TOOK"}, rows)
				})
			})
		},
	}
	c.Flags().StringVar(&filter.Pipeline, "pipeline", "", "only runs of this pipeline")
	c.Flags().StringVar(&state, "state", "", "only runs in this state: "+strings.Join(runStates, ", "))
	c.Flags().StringVar(&filter.Trigger, "trigger", "", "only runs with this trigger")
	c.Flags().IntVar(&limit, "limit", 20, "at most this many")
	return c
}

// shownRun is a run with all that is known of it.
type shownRun struct {
	metadata.RunFacts
	UI string `json:"ui"`
}

func (a *app) runsShow() *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use:     "show RUN",
		Short:   "Show a run: its steps, checks, metrics, gates and decision",
		Example: "  esteira runs show flights/run/2026-11-23T03-00Z-7c1f",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait {
				return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
					found, err := describe(cmd.Context(), t, args[0])
					if err != nil {
						return err
					}
					if strings.Contains(args[0], "/score/") {
						return a.followScoring(cmd.Context(), cfg, t, scored{started: started{Run: args[0], TemporalRunID: found, Existing: true, UI: temporal.UILink(cfg, args[0], found)}})
					}
					return a.follow(cmd.Context(), cfg, t, args[0], found)
				})
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				return a.showRun(cmd.Context(), db, args[0])
			})
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "follow the run to its decision, as run --wait does")
	return c
}

func (a *app) showRun(ctx context.Context, db *metadata.DB, id string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	facts, err := db.RunFacts(ctx, id)
	if err != nil {
		return err
	}
	s := shownRun{facts, temporal.UILink(cfg, id, facts.Run.TemporalRunID)}
	return a.print(s, func() { a.printRun(cfg, s) })
}

func (a *app) printRun(cfg config.Config, s shownRun) {
	r := s.Run
	a.facts("run", r.ID, "pipeline", r.Pipeline+", version "+clip(r.PipelineDigest, 12), "trigger", r.Trigger, "moment", momentOf(r.Moment),
		"problem", problemOf(s.RunFacts), "state", string(r.State), "decision", r.Decision, "reason", r.Reason, "rollout", rolloutOf(s.Rollout), "error", r.ErrorKind, "score", score(r), "model version", version(r.ModelVersion),
		"started", moment(r.Started), "took", took(r.Started, r.Finished), "Temporal UI", s.UI)
	rows := [][]string{}
	for _, step := range s.Steps {
		said := step.Figure
		if step.ErrorMessage != "" {
			said = step.ErrorMessage
		}
		rows = append(rows, []string{step.Step, string(step.State), took(step.Started, step.Finished), said, string(step.Cache)})
	}
	a.table("STEP STATE TOOK WHAT-CAME-OUT CACHE", rows)
	rows = nil
	for _, c := range s.Checks {
		if !c.Passed {
			rows = append(rows, []string{c.Name, c.Column, c.Severity, fmt.Sprintf("%d of %d", c.Failed, c.Rows), c.Message})
		}
	}
	a.table("FAILED-CHECK COLUMN SEVERITY ROWS MESSAGE", rows)
	rows = nil
	for _, m := range s.Metrics {
		rows = append(rows, []string{m.Model, m.Split, m.Metric.Metric, number(&m.Metric.Value)})
	}
	a.table("MODEL SPLIT METRIC VALUE", rows)
	rows = nil
	for _, g := range s.Gates {
		rows = append(rows, []string{g.Condition, passed(g.Passed), number(&g.Gate.Value), number(&g.Gate.Bound), g.Reason})
	}
	a.table("GATE ANSWER VALUE BOUND REASON", rows)
	rows = nil
	for _, name := range sortedKeys(r.Reports) {
		rows = append(rows, []string{name, cfg.ServerAddress + "/artifacts/" + r.Reports[name].Digest})
	}
	a.table("REPORT ADDRESS", rows)
}

// rolloutOf says what became of the model a run made.
func rolloutOf(r *metadata.Rollout) string {
	switch {
	case r == nil:
		return ""
	case r.Finished == nil:
		return r.ID + ", " + string(r.State) + ": " + r.Step
	}
	return r.ID + ", " + string(r.State)
}

// problemOf says which version of the problem a run answered, and how.
func problemOf(f metadata.RunFacts) string {
	if f.Run.ProblemVersion == 0 {
		return ""
	}
	said := fmt.Sprintf("version %d", f.Run.ProblemVersion)
	if f.ProblemDigest != "" {
		said += ", " + clip(f.ProblemDigest, 12)
	}
	switch solved := f.Run.Solved; {
	case solved == nil:
		return said
	case *solved:
		return said + ", success threshold met"
	}
	return said + ", success threshold not met"
}

// table writes a table after a blank line, or nothing if it has no rows. A
// hyphen in the header stands for a space.
func (a *app) table(header string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	names := strings.Fields(header)
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], "-", " ")
	}
	a.say("")
	a.rows(names, rows)
}

func (a *app) runsCancel() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel RUN",
		Short:   "Cancel a run; endpoints stay as they are",
		Example: "  esteira runs cancel flights/run/2026-11-23T03-00Z-7c1f",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				id := args[0]
				found, err := t.DescribeWorkflowExecution(cmd.Context(), id, "")
				if err != nil {
					return noRun(err, id)
				}
				if state := found.GetWorkflowExecutionInfo().GetStatus(); state != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
					return fault.New(fault.NotFound, "run %s is not running: it is %s", id, strings.ToLower(state.String())).WithRemedy("look at it: esteira runs show %s", id)
				}
				if err := t.CancelWorkflow(cmd.Context(), id, ""); err != nil {
					return noRun(err, id)
				}
				answer := map[string]string{"run": id, "state": "cancelling", "ui": temporal.UILink(cfg, id, "")}
				return a.print(answer, func() { a.say("Run %s is being cancelled; its endpoint stays as it is.", id) })
			})
		},
	}
}

// describe returns the Temporal run id of the latest execution of a run.
func describe(ctx context.Context, t client.Client, id string) (string, error) {
	found, err := t.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return "", noRun(err, id)
	}
	return found.GetWorkflowExecutionInfo().GetExecution().GetRunId(), nil
}

func noRun(err error, id string) error {
	return missing(err, "list them: esteira runs list", "Temporal has no run %s", id)
}

func score(r metadata.Run) string {
	if r.Score == nil {
		return ""
	}
	return r.Metric + " " + number(r.Score)
}

func version(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func took(from time.Time, to *time.Time) string {
	if to == nil || from.IsZero() {
		return ""
	}
	return seconds(to.Sub(from).Seconds())
}

func passed(ok bool) string {
	if ok {
		return "passed"
	}
	return "failed"
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// notNil makes an empty list print as [] and not as null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
