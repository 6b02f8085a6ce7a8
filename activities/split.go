package activities

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
)

// SplitParams name the rows to deal.
type SplitParams struct {
	Run     Run              `json:"run"`
	Valid   artifact.Ref     `json:"valid"`
	Split   pipeline.Split   `json:"split"`
	Dataset pipeline.Dataset `json:"dataset"`
	Rules   []pipeline.Rule  `json:"rules,omitempty"` // those about the splits
}

// SplitResult names the three parts.
type SplitResult struct {
	Outcome
	Train          artifact.Ref `json:"train"`
	Validation     artifact.Ref `json:"validation"`
	Test           artifact.Ref `json:"test"`
	TrainRows      int64        `json:"train_rows"`
	ValidationRows int64        `json:"validation_rows"`
	TestRows       int64        `json:"test_rows"`
	Left           int64        `json:"left,omitempty"`      // rows in no split
	Checks         []SplitCheck `json:"checks,omitempty"`    // in the order of the rules
	Violation      string       `json:"violation,omitempty"` // why the run must stop

	Crossings artifact.Ref `json:"crossings"` // []split.Crossing (JSON): what the parts have in common
	Report    artifact.Ref `json:"report"`    // the same as a page (HTML)
}

// SplitCheck is the outcome of one rule about the splits.
type SplitCheck struct {
	Rule     string            `json:"rule"` // for people
	Severity pipeline.Severity `json:"severity"`
	Leakage  split.Leakage     `json:"leakage"`
}

func (r *SplitResult) outputs() metadata.Outputs {
	return metadata.Outputs{"train": r.Train, "validation": r.Validation, "test": r.Test, "crossings": r.Crossings, "report": r.Report}
}

// Split deals the valid rows to train, validation and test.
func (a *Activities) Split(ctx context.Context, p SplitParams) (*SplitResult, error) {
	s := step{
		run: p.Run, name: "split", version: 5, inputs: []artifact.Ref{p.Valid},
		params: map[string]any{"split": p.Split, "key": p.Dataset.Key, "event_time": p.Dataset.EventTime, "rules": p.Rules, "pipeline": p.Run.Pipeline},
	}
	res, err := perform(ctx, a, s, &SplitResult{}, func(ctx context.Context, dir string, res *SplitResult) error {
		return a.withTable(ctx, dir, p.Valid, func(e *table.Engine, path string, schema pipeline.Schema) error {
			return a.split(ctx, dir, e, path, schema, p, res)
		})
	})
	if err != nil {
		return nil, err
	}
	if err := a.recordSplitChecks(ctx, p.Run.ID, res); err != nil {
		return nil, a.recorded(ctx, s, err)
	}
	return res, a.recorded(ctx, s, a.DB.RecordSplits(ctx, p.Run.ID, []metadata.Split{
		{Split: "train", Artifact: res.Train, Rows: res.TrainRows},
		{Split: "validation", Artifact: res.Validation, Rows: res.ValidationRows},
		{Split: "test", Artifact: res.Test, Rows: res.TestRows},
	}))
}

func (a *Activities) split(ctx context.Context, dir string, e *table.Engine, path string, schema pipeline.Schema, p SplitParams, res *SplitResult) error {
	out := split.Paths{
		Train: filepath.Join(dir, "train.parquet"), Validation: filepath.Join(dir, "validation.parquet"), Test: filepath.Join(dir, "test.parquet"),
	}
	dealt, err := split.Apply(ctx, e, path, schema, p.Split, p.Dataset.Key, p.Dataset.EventTime, out)
	if err != nil {
		return err
	}
	for _, rule := range p.Rules {
		if err := checkSplit(ctx, e, out, schema, p, rule, res); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		path string
		ref  *artifact.Ref
	}{{out.Train, &res.Train}, {out.Validation, &res.Validation}, {out.Test, &res.Test}} {
		if *part.ref, err = a.Store.PutFile(ctx, part.path, artifact.MediaTypeParquet); err != nil {
			return err
		}
	}
	if err := a.crossings(ctx, e, out, schema, p, dealt, res); err != nil {
		return err
	}
	res.Left = dealt.Left
	res.TrainRows, res.ValidationRows, res.TestRows = dealt.Train.Rows, dealt.Validation.Rows, dealt.Test.Rows
	res.Figure = fmt.Sprintf("%s / %s / %s rows", count(res.TrainRows), count(res.ValidationRows), count(res.TestRows))
	if res.Left > 0 {
		res.Figure += ", " + count(res.Left) + " left out"
	}
	return nil
}

// crossings tells what the parts have in common, for people: whatever the rules
// say.
func (a *Activities) crossings(ctx context.Context, e *table.Engine, parts split.Paths, schema pipeline.Schema, p SplitParams, dealt split.Result, res *SplitResult) error {
	found, err := split.Crossings(ctx, e, parts, schema, p.Split, p.Dataset.Key, p.Dataset.EventTime)
	if err != nil {
		return err
	}
	if res.Crossings, err = a.Store.PutJSON(ctx, found); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := dealt.HTML(&page, found, "Split of "+p.Run.Pipeline, "valid rows "+p.Valid.Short()+", crossings "+res.Crossings.Short()); err != nil {
		return err
	}
	res.Report, err = a.Store.PutBytes(ctx, page.Bytes(), artifact.MediaTypeHTML)
	return err
}

// checkSplit holds the parts against one rule.
func checkSplit(ctx context.Context, e *table.Engine, parts split.Paths, schema pipeline.Schema, p SplitParams, rule pipeline.Rule, res *SplitResult) error {
	across, at := rule.NoLeakage.Across, ""
	if len(across) == 0 {
		across = p.Dataset.Key
	}
	if rule.NoLeakage.Time {
		at = p.Dataset.EventTime
	}
	found, err := split.FindLeakage(ctx, e, parts, schema, across, at)
	if err != nil {
		return err
	}
	check := SplitCheck{Rule: quality.Text(rule), Severity: rule.OnFail, Leakage: found}
	res.Checks = append(res.Checks, check)
	if found.Any() && rule.OnFail == pipeline.Stop && res.Violation == "" {
		res.Violation = fault.New(fault.DataContractViolation, "%s: %s", check.Rule, found.Observed()).
			WithRemedy("split by group or by time, or change the rule").Error()
	}
	return nil
}

// recordSplitChecks adds the outcomes to those of validation; again replaces
// them.
func (a *Activities) recordSplitChecks(ctx context.Context, run string, res *SplitResult) error {
	if len(res.Checks) == 0 {
		return nil
	}
	all, err := a.DB.Checks(ctx, run)
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, c := range res.Checks {
		ours[c.Rule] = true
	}
	all = slices.DeleteFunc(all, func(c metadata.Check) bool { return ours[c.Name] })
	rows := res.TrainRows + res.ValidationRows + res.TestRows
	for _, c := range res.Checks {
		all = append(all, metadata.Check{Name: c.Rule, Severity: string(c.Severity), Passed: !c.Leakage.Any(), Failed: max(c.Leakage.Rows, c.Leakage.Future), Rows: rows, Message: c.Leakage.Observed()})
	}
	return a.DB.RecordChecks(ctx, run, all)
}
