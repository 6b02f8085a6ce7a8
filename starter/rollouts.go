package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/rollout"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

func (a *app) rolloutsCommand() *cobra.Command {
	return group("rollouts", "Start, list and show rollouts", a.rolloutsStart(), a.rolloutsList(), a.rolloutsShow())
}

func (a *app) rolloutsList() *cobra.Command {
	var endpoint string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Short:   "List rollouts, the newest first",
		Example: "  esteira rollouts list --endpoint flights",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 10_000 {
				return usage("--limit %d makes no sense", limit).WithRemedy("write 1 to 10000")
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				list, err := db.Rollouts(cmd.Context(), endpoint, limit)
				if err != nil {
					return err
				}
				return a.print(notNil(list), func() {
					rows := [][]string{}
					for _, r := range list {
						rows = append(rows, []string{r.ID, r.Model(), r.BaselineModel(), string(r.State), moment(r.Started), momentOf(r.Finished), r.ApprovedBy, r.Reason})
					}
					a.rows([]string{"ROLLOUT", "MODEL", "OVER", "STATE", "STARTED", "ENDED", "APPROVED BY", "REASON"}, rows)
				})
			})
		},
	}
	c.Flags().StringVar(&endpoint, "endpoint", "", "only those of this endpoint")
	c.Flags().IntVar(&limit, "limit", 50, "at most so many")
	return c
}

// shownRollout is a rollout with what its workflow says, while it can be asked.
type shownRollout struct {
	Rollout metadata.Rollout         `json:"rollout"`
	UI      string                   `json:"ui"`
	Status  *workflows.RolloutStatus `json:"status,omitempty"`
}

func (a *app) rolloutsShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ROLLOUT|RUN|ENDPOINT",
		Short:   "Show a rollout: its plan, where it stands, and the figures",
		Example: "  esteira rollouts show flights",
		Args:    exactly("ROLLOUT, RUN or ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error { return a.showRollout(cmd.Context(), db, args[0]) })
		},
	}
}

func (a *app) showRollout(ctx context.Context, db *metadata.DB, name string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	s := shownRollout{}
	if s.Rollout, err = db.Rollout(ctx, name); err != nil {
		return err
	}
	r := s.Rollout
	s.UI = temporal.UILink(cfg, r.ID, "")
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	// The table says what happened; the workflow says how, as long as it is kept.
	_ = a.withTemporal(asking, func(_ config.Config, t client.Client) error {
		if status, err := rolloutStatus(asking, t, r.ID); err == nil {
			s.Status = &status
		}
		return nil
	})
	return a.print(s, func() {
		a.facts("rollout", r.ID, "endpoint", r.Endpoint, "model", r.Model(), "over", r.BaselineModel(), "run", r.Run, "state", string(r.State), "step", r.Step,
			"approved by", r.ApprovedBy, "because", r.ApprovalReason, "ended by", r.Actor, "reason", r.Reason, "started", moment(r.Started), "ended", momentOf(r.Finished), "Temporal UI", s.UI)
		if s.Status != nil {
			a.printStatus(*s.Status)
		}
		if r.Finished == nil {
			a.say("")
			if r.State == metadata.RolloutApproval {
				a.facts("approve", "esteira approve "+r.ID+" --reason …", "reject", "esteira reject "+r.ID+" --reason …")
			}
			a.facts("make it live", "esteira promote "+r.Endpoint+" --reason …", "take it back", "esteira rollback "+r.Endpoint+" --reason …")
		}
	})
}

func (a *app) printStatus(s workflows.RolloutStatus) {
	rows := [][]string{}
	for _, step := range s.Steps {
		said := step.Figure
		if step.Error != "" {
			said = step.Error
		}
		rows = append(rows, []string{step.Name, step.State, seconds(step.Seconds), said})
	}
	a.table("STEP STATE TOOK WHAT-CAME-OUT", rows)
	if c := s.Comparison; c != nil {
		rows = [][]string{{"rows", fmt.Sprint(c.Candidate.Rows), fmt.Sprint(c.Champion.Rows), "", c.Insufficient},
			{"failed", fmt.Sprint(c.Candidate.Failed), fmt.Sprint(c.Champion.Failed), "", ""}}
		for _, check := range c.Checks {
			rows = append(rows, []string{check.Name, rollout.Number(check.Candidate) + check.Unit, check.Of(), check.Bound, verdictOf(check)})
		}
		a.table(string(s.Role)+" "+s.Model+" "+s.Baseline+" BOUND VERDICT", rows)
	}
}

// rolloutStatus asks where a rollout stands.
func rolloutStatus(ctx context.Context, t client.Client, id string) (s workflows.RolloutStatus, err error) {
	value, err := t.QueryWorkflow(ctx, id, "", "status")
	if err == nil {
		err = value.Get(&s)
	}
	if err != nil {
		err = fault.Wrap(err, fault.TemporalUnavailable, "ask rollout %s", id).WithRemedy("check that Temporal and a worker run: esteira doctor")
	}
	return s, err
}

func verdictOf(c rollout.Check) string {
	switch {
	case c.Breached:
		return "too bad"
	case c.Note != "":
		return c.Note
	}
	return "passed"
}
