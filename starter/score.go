package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

func (a *app) scoreCommand() *cobra.Command {
	in := workflows.ScoringInput{}
	var wait bool
	var key, format string
	c := &cobra.Command{
		Use:   "score ENDPOINT|MODEL[@VERSION|@ALIAS] INPUT OUTPUT",
		Short: "Answer a whole table: a workflow over its rows, in parallel parts",
		Long: "score answers every row of INPUT, files, a glob, s3:// or https://, Parquet, CSV or JSON, and writes OUTPUT,\n" +
			"Parquet or CSV by its ending, to a path of the worker or to s3://BUCKET/KEY. An endpoint means the version\n" +
			"that is live on it when the run begins; a name that is both is the endpoint's.\n\n" +
			"The output has the columns of the input (or those of --keys), prediction, or label and probability_CLASS,\n" +
			"and model and model_version, in the order of the input. It appears whole, when every row is answered: a run\n" +
			"that was killed goes on with the parts that are missing, and one that failed leaves nothing. The same input\n" +
			"and model give the same bytes.\n\n" +
			"A scoring is recorded as a run, with its lineage (digests of the input, the bundle and the output); its rows\n" +
			"are not predictions in the audit log, and trace does not find them. List scorings with:\n" +
			"esteira runs list --trigger score.",
		Example: "  esteira score flights flights-2026-11.parquet scores.parquet --wait\n" +
			"  esteira score flights@champion 's3://lake/flights/*' s3://lake/scores.csv --keys id --on-error reject",
		Args: exactly("TARGET", "INPUT", "OUTPUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := scoringOf(&in.Scoring, args, format); err != nil {
				return err
			}
			if len(key) > 200 {
				return usage("--key is longer than 200 bytes").WithRemedy("use a shorter key")
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				return a.score(cmd.Context(), cfg, t, in, key, wait)
			})
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "follow the run to its end")
	c.Flags().BoolVar(&in.NoCache, "no-cache", false, "score parts again that were scored before")
	c.Flags().BoolVar(&in.Overwrite, "overwrite", false, "replace what is at OUTPUT")
	c.Flags().BoolVar(&in.Explain, "explain", false, "add what each feature contributed to the answer, or to the log-odds of the second class")
	c.Flags().StringSliceVar(&in.Keys, "keys", nil, "columns of the input to keep; default: all")
	c.Flags().StringVar(&in.OnError, "on-error", "stop", "what a row that cannot be answered does: stop the run, or reject it into OUTPUT's .rejects file, with the reason")
	c.Flags().StringVar(&format, "format", "", "format of the input where its ending does not say it: parquet, csv or json")
	c.Flags().Int64Var(&in.PartRows, "part-rows", activities.DefaultPartRows, "rows of a part, at least 1000; larger inputs have larger parts")
	c.Flags().StringVar(&key, "key", "", "your own key for the run: the same key is the same run")
	return c
}

var targetPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$`)

// scoringOf completes a scoring from the arguments and refuses what cannot be.
func scoringOf(s *activities.Scoring, args []string, format string) error {
	s.Target = args[0]
	_, which, at := strings.Cut(s.Target, "@")
	if number, err := strconv.Atoi(which); !targetPattern.MatchString(s.Target) || at && err == nil && number < 1 {
		return usage("%q names no endpoint and no version of a model", plain(s.Target)).WithRemedy("write ENDPOINT, MODEL, MODEL@3 or MODEL@champion")
	}
	if !slices.Contains([]string{"stop", "reject"}, s.OnError) {
		return usage("--on-error %s is not a way", plain(s.OnError)).WithRemedy("write --on-error stop or --on-error reject")
	}
	if s.PartRows < 1000 {
		return usage("--part-rows %d is less than 1000", s.PartRows).WithRemedy("leave it out, or write a larger one")
	}
	input, err := pipeline.Source{Format: format}.WithPath(args[1])
	if err != nil {
		return usage("INPUT %s: %s", plain(args[1]), explain(err).Message).WithRemedy("%s", explain(err).Remedy)
	}
	if input.Local() && !filepath.IsAbs(input.Path) {
		if input.Path, err = filepath.Abs(input.Path); err != nil {
			return fault.Wrap(err, fault.ConfigInvalid, "find %s", args[1])
		}
	}
	s.Input, s.BaseDir = input, filepath.Dir(input.Path)
	if !input.Local() {
		s.BaseDir = "/"
	}
	s.Output = args[2]
	if ending := strings.ToLower(filepath.Ext(s.Output)); ending != ".csv" && ending != ".parquet" {
		return usage("OUTPUT %s is neither Parquet nor CSV by its ending", plain(s.Output)).WithRemedy("end it with .parquet or .csv")
	}
	scheme, _, address := strings.Cut(s.Output, "://")
	switch {
	case address && scheme != "s3":
		return usage("OUTPUT %s is not where a worker writes", plain(s.Output)).WithRemedy("name a path, or s3://BUCKET/KEY")
	case !address:
		if s.Output, err = filepath.Abs(s.Output); err != nil {
			return fault.Wrap(err, fault.ConfigInvalid, "find %s", args[2])
		}
	}
	return nil
}

// scoringID names a scoring. For a key it depends on nothing else.
func scoringID(target, key string, now time.Time) (string, error) {
	name, _, _ := strings.Cut(target, "@")
	if key != "" {
		return fmt.Sprintf("%s/score/%s-%s", name, slug(key), short(name, "score", key)), nil
	}
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/score/%s-%s", name, now.UTC().Format(idTime), hex.EncodeToString(b[:])), nil
}

// scored is what score prints.
type scored struct {
	started
	Error  *told                    `json:"error,omitempty"`
	Steps  []workflows.StepStatus   `json:"steps,omitempty"`
	Result *workflows.ScoringResult `json:"result,omitempty"`
}

func (a *app) score(ctx context.Context, cfg config.Config, t client.Client, in workflows.ScoringInput, key string, wait bool) error {
	id, err := scoringID(in.Target, key, time.Now())
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(in.Target, "@")
	options := client.StartWorkflowOptions{
		ID: id, TaskQueue: temporal.QueuesOf(cfg.TaskQueue).Workflow,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("score %s by %s", filepath.Base(in.Input.Path), in.Target),
		TypedSearchAttributes:    sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(name), temporal.Trigger.ValueSet("score")),

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
	s := scored{started: started{Run: id}}
	if key != "" {
		found, err := t.DescribeWorkflowExecution(ctx, id, "")
		s.Existing = err == nil && found.GetWorkflowExecutionInfo().GetCloseTime() == nil
	}
	run, err := t.ExecuteWorkflow(ctx, options, workflows.Scoring, in)
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
	if !wait {
		return a.print(s, func() {
			state := "started"
			if s.Existing {
				state = "was already asked for"
			}
			a.say("Scoring %s %s.", s.Run, state)
			a.facts("Temporal UI", s.UI, "follow it", "esteira runs show "+s.Run+" --wait")
		})
	}
	return a.followScoring(ctx, cfg, t, s)
}

// followScoring shows a scoring to its end.
func (a *app) followScoring(ctx context.Context, cfg config.Config, t client.Client, s scored) error {
	a.say("Scoring %s", s.Run)
	a.say("Temporal UI: %s\n", s.UI)
	var result workflows.ScoringResult
	steps, err := a.watch(ctx, cfg, t, s.Run, s.TemporalRunID, &result)
	if gone := exit(0); errors.As(err, &gone) {
		return err
	}
	s.Steps = steps
	if err != nil {
		failure := failureOf(err)
		s.Error = &failure
	} else {
		s.Result = &result
	}
	if err := a.print(s, func() { a.printScoring(s) }); err != nil {
		return err
	}
	if s.Error != nil {
		return exit(exitFailed)
	}
	return nil
}

func (a *app) printScoring(s scored) {
	if s.Error != nil {
		a.say("\nfailed: %s", plain(s.Error.Message))
		a.facts("kind", string(s.Error.Kind), "fix", s.Error.Remedy, "look", "esteira runs show "+s.Run, "Temporal UI", s.UI)
		return
	}
	r := s.Result
	a.say("\n%s: %s", r.Decision, plain(r.Reason))
	facts := []string{"model", r.Model.String()}
	if r.Model.Endpoint != "" {
		facts = append(facts, "endpoint", fmt.Sprintf("%s, revision %d", r.Model.Endpoint, r.Model.Revision))
	}
	facts = append(facts, "output", r.Output.Path, "sha256", r.Output.SHA256)
	if r.Rejects != nil {
		facts = append(facts, "rejects", fmt.Sprintf("%s, %d rows", r.Rejects.Path, r.Rejects.Rows))
	}
	if r.Seconds > 0 {
		facts = append(facts, "speed", fmt.Sprintf("%.0f rows/s", float64(r.Rows)/r.Seconds))
	}
	a.facts(append(facts, "look", "esteira runs show "+s.Run, "Temporal UI", s.UI)...)
}
