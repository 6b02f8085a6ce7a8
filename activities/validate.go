package activities

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

// ValidateParams name the dataset and the contract.
type ValidateParams struct {
	Run      Run               `json:"run"`
	Dataset  artifact.Ref      `json:"dataset"`
	Pipeline pipeline.Pipeline `json:"pipeline"`
}

// ValidateResult says which rows go on.
type ValidateResult struct {
	Outcome
	Valid       artifact.Ref  `json:"valid"`                 // Parquet
	Quarantined *artifact.Ref `json:"quarantined,omitempty"` // Parquet, with the rules that caught each row
	Validation  artifact.Ref  `json:"validation"`            // JSON: every rule, counts, examples
	Rows        int64         `json:"rows"`
	Removed     int64         `json:"removed"`
	Violation   string        `json:"violation,omitempty"` // why the run must stop
}

func (r *ValidateResult) outputs() metadata.Outputs {
	out := metadata.Outputs{"valid": r.Valid, "validation": r.Validation}
	if r.Quarantined != nil {
		out["quarantined"] = *r.Quarantined
	}
	return out
}

// Validate holds the dataset against the pipeline's rules and those every
// dataset must meet.
func (a *Activities) Validate(ctx context.Context, p ValidateParams) (*ValidateResult, error) {
	s := step{
		run: p.Run, name: "validate", version: 1, inputs: []artifact.Ref{p.Dataset},
		params: map[string]any{"rules": p.Pipeline.Validation, "target": p.Pipeline.Problem.Target, "task": p.Pipeline.Problem.Task, "positive": p.Pipeline.Problem.Positive},
	}
	res, err := perform(ctx, a, s, &ValidateResult{}, func(ctx context.Context, dir string, res *ValidateResult) error {
		return a.withTable(ctx, dir, p.Dataset, func(e *table.Engine, path string, schema pipeline.Schema) error {
			return a.validate(ctx, dir, e, path, schema, p, res)
		})
	})
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	var checks quality.Result
	if err := a.Store.JSON(ctx, res.Validation, &checks); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, a.recorded(ctx, s, a.DB.RecordChecks(ctx, p.Run.ID, checkRows(checks)))
}

func (a *Activities) validate(ctx context.Context, dir string, e *table.Engine, path string, schema pipeline.Schema, p ValidateParams, res *ValidateResult) error {
	rules := append(quality.Implicit(p.Pipeline, schema), p.Pipeline.Validation...)
	out := quality.Outputs{Valid: filepath.Join(dir, "valid.parquet"), Quarantined: filepath.Join(dir, "quarantined.parquet")}
	found, err := quality.Check(ctx, e, path, schema, rules, out)
	if err != nil {
		return err
	}
	if res.Validation, err = a.Store.PutJSON(ctx, found); err != nil {
		return err
	}
	res.Valid, res.Rows, res.Removed = p.Dataset, found.Rows-found.Quarantined, found.Quarantined
	valid := ""
	if violation := found.Violation(); violation != nil {
		res.Violation = violation.Error()
	} else if found.Quarantined > 0 {
		valid = out.Valid
		if res.Valid, err = a.Store.PutFile(ctx, valid, artifact.MediaTypeParquet); err != nil {
			return err
		}
		caught, err := a.Store.PutFile(ctx, out.Quarantined, artifact.MediaTypeParquet)
		if err != nil {
			return err
		}
		res.Quarantined = &caught
	}
	if res.Violation == "" {
		if err := checkTarget(ctx, e, cmp.Or(valid, path), p.Pipeline.Problem); err != nil {
			return err
		}
	}
	failed := 0
	for _, r := range found.Rules {
		if !r.Passed {
			failed++
		}
	}
	res.Figure = fmt.Sprintf("%d of %d rules passed, %s rows quarantined", len(found.Rules)-failed, len(found.Rules), count(res.Removed))
	return nil
}

// checkTarget refuses a target that no split of these rows could be learnt from:
// constant, of one class or of too many. It is known here, long before a fit
// would stumble over it.
func checkTarget(ctx context.Context, e *table.Engine, path string, problem pipeline.Problem) error {
	rows, err := e.Read(ctx, path, []string{problem.Target})
	if err != nil {
		return err
	}
	_, err = feature.FitTarget(problem, &rows.Columns[0])
	return err
}

func checkRows(r quality.Result) []metadata.Check {
	rows := make([]metadata.Check, len(r.Rules))
	for i, c := range r.Rules {
		rows[i] = metadata.Check{Column: strings.Join(c.Columns, ", "), Name: c.Rule, Severity: string(c.Severity), Failed: c.Failed, Rows: r.Rows, Passed: c.Passed, Message: c.Observed}
	}
	return rows
}
