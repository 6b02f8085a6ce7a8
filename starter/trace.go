package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/trace"
)

func (a *app) traceCommand() *cobra.Command {
	var source string
	var list bool
	c := &cobra.Command{
		Use:   "trace PREDICTION",
		Short: "Trace an answer back to the bytes it was learned from, or bytes forward to the answers",
		Long: "trace walks from one prediction to its labels, the revision that answered and who approved it, the run that made\n" +
			"the model, the gates it passed, its features, splits and dataset, and every source file with its checksum. A\n" +
			"prediction whose day was dropped from Postgres is found in the exported days.\n\n" +
			"With --source it goes the other way: from the checksum of a file, or the digest of a snapshot or dataset, to the\n" +
			"model versions learned from it, where and when they served, and how many predictions they answered; --list\n" +
			"prints those.",
		Example:     "  esteira trace 019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d\n  esteira trace --source sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --list --output csv",
		Annotations: map[string]string{moreOutputs: "csv"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.output == "csv" && !list {
				return usage("only a list of predictions is written as csv").WithRemedy("add --source DIGEST --list, or write --output json")
			}
			if source != "" {
				if err := exactly()(cmd, args); err != nil {
					return err
				}
				return a.traceSource(cmd.Context(), source, list)
			}
			if err := exactly("PREDICTION")(cmd, args); err != nil {
				return err
			}
			t, err := a.tracePrediction(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(t, func() { a.say("%s", strings.TrimSuffix(trace.Back(t).String(), "\n")) })
		},
	}
	c.Flags().StringVar(&source, "source", "", "go forward from this checksum or digest")
	c.Flags().BoolVar(&list, "list", false, "with --source: print the predictions")
	return c
}
