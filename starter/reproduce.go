package main

import (
	"strings"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

func (a *app) reproduceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reproduce RUN",
		Short: "Run a run again from its recorded snapshots and compare every digest",
		Long: "reproduce repeats a run from the snapshots of its sources that it recorded: nothing is collected, nothing\n" +
			"comes from the cache, no endpoint is touched. What earlier runs and the live model were is looked up as\n" +
			"that run saw them. Then the digest of every output of every step, and the score of every fit, is held\n" +
			"against what is recorded: exit code 0 if all are the same, 3 if one differs, with the first and how.\n\n" +
			"It needs the same build on the same kind of processor; the number of workers and threads does not matter.",
		Example: "  esteira reproduce flights/run/2026-11-23T03-00Z-7c1f",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, rest, ok := strings.Cut(args[0], "/run/")
			if !ok {
				return usage("%q is not the id of a run", plain(args[0])).WithRemedy("name one of: esteira runs list")
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				id := name + "/reproduction/" + rest
				run, err := t.ExecuteWorkflow(cmd.Context(), client.StartWorkflowOptions{
					ID: id, TaskQueue: temporal.QueuesOf(cfg.TaskQueue).Workflow,
					WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
					WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
					StaticSummary:            "repeat " + args[0],
				}, workflows.Reproduction, workflows.ReproductionInput{Pipeline: name, Run: args[0]})
				if err != nil {
					return err
				}
				return a.follow(cmd.Context(), cfg, t, run.GetID(), run.GetRunID())
			})
		},
	}
}
