package activities

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

// ValidateParams name the dataset and the contract.
type ValidateParams struct {
	Run       Run               `json:"run"`
	Dataset   artifact.Ref      `json:"dataset"`
	Pipeline  pipeline.Pipeline `json:"pipeline"`
	Snapshots []SnapshotResult  `json:"snapshots,omitempty"` // of the sources that rules refer to
	At        time.Time         `json:"at"`                  // the moment freshness is judged at
}

// ValidateResult says which rows go on.
type ValidateResult struct {
	Outcome
	Valid       artifact.Ref  `json:"valid"`                 // Parquet
	Quarantined *artifact.Ref `json:"quarantined,omitempty"` // Parquet, with the rules that caught each row
	Validation  artifact.Ref  `json:"validation"`            // JSON: every rule, counts, examples
	Report      artifact.Ref  `json:"report"`                // HTML: the same for people
	Rows        int64         `json:"rows"`
	Removed     int64         `json:"removed"`
	Violation   string        `json:"violation,omitempty"` // why the run must stop
}

func (r *ValidateResult) outputs() metadata.Outputs {
	out := metadata.Outputs{"valid": r.Valid, "validation": r.Validation, "report": r.Report}
	if r.Quarantined != nil {
		out["quarantined"] = *r.Quarantined
	}
	return out
}

// Validate holds the dataset against the pipeline's rules and those every
// dataset must meet.
func (a *Activities) Validate(ctx context.Context, p ValidateParams) (*ValidateResult, error) {
	begun := time.Now()
	s := step{
		run: p.Run, name: "validate", version: 3, inputs: []artifact.Ref{p.Dataset},
		params: map[string]any{"rules": p.Pipeline.Validation, "target": p.Pipeline.Problem.Target, "task": p.Pipeline.Problem.Task, "positive": p.Pipeline.Problem.Positive},
	}
	asked, err := a.askedFor(ctx, &s, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	res, err := perform(ctx, a, s, &ValidateResult{}, func(ctx context.Context, dir string, res *ValidateResult) error {
		return a.withTable(ctx, dir, p.Dataset, func(e *table.Engine, path string, schema pipeline.Schema) error {
			return a.validate(ctx, dir, e, path, schema, p, asked, res)
		})
	})
	if err != nil {
		return nil, err
	}
	begun = time.Now()
	var checks quality.Result
	if err := a.Store.JSON(ctx, res.Validation, &checks); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, a.recorded(ctx, s, a.DB.RecordChecks(ctx, p.Run.ID, checkRows(checks)))
}

// asked is what the rules ask for beside the rows.
type asked struct {
	at       time.Time
	history  []int64
	previous artifact.Ref
	sources  map[string]Snapshot
}

// askedFor finds what the rules ask for, and makes it part of the step: a check
// against other rows, or at another moment, is another check.
func (a *Activities) askedFor(ctx context.Context, s *step, p ValidateParams) (asked, error) {
	var out asked
	params := s.params.(map[string]any)
	runs, named := 0, map[string]bool{}
	for _, r := range p.Pipeline.Validation {
		switch {
		case r.Freshness != "":
			out.at = p.At
			params["at"] = p.At.UTC()
		case r.RowsSince != nil:
			runs = max(runs, r.RowsSince.Runs)
		case r.References != nil:
			named[r.References.Source] = true
		case r.Distribution != nil && r.Distribution.Source != "":
			named[r.Distribution.Source] = true
		case r.Distribution != nil:
			runs = max(runs, 1)
		}
	}
	if runs > 0 {
		earlier, err := a.DB.EarlierDatasets(ctx, p.Run.Pipeline, p.Run.asOf(), runs)
		if err != nil {
			return out, err
		}
		for _, d := range earlier {
			out.history = append(out.history, d.Rows)
		}
		params["history"] = out.history
		if len(earlier) > 0 {
			// A dataset that is gone can be compared with no more; counts can.
			there, err := a.Store.Exists(ctx, earlier[0].Artifact)
			if err != nil {
				return out, err
			}
			if there {
				out.previous = earlier[0].Artifact
				s.inputs = append(s.inputs, out.previous)
			}
		}
	}
	out.sources = map[string]Snapshot{}
	for _, snapshot := range p.Snapshots {
		if !named[snapshot.Name] {
			continue
		}
		var manifest Snapshot
		if err := a.Store.JSON(ctx, snapshot.Manifest, &manifest); err != nil {
			return out, err
		}
		out.sources[snapshot.Name] = manifest
		for _, part := range manifest.Parts {
			s.inputs = append(s.inputs, part.Data)
		}
	}
	return out, nil
}

// options brings what the rules ask for to local files; release lets them go.
func (a *Activities) options(ctx context.Context, dir string, asked asked) (o quality.Options, release func(), err error) {
	var held []func()
	release = func() {
		for _, f := range held {
			f()
		}
	}
	file := func(ref artifact.Ref) (string, error) {
		path, done, err := a.Store.File(ctx, ref)
		if err == nil {
			held = append(held, done)
		}
		return path, err
	}
	o = quality.Options{
		At: asked.at, History: asked.history, Sources: map[string]quality.Source{},
		Out: quality.Outputs{Valid: filepath.Join(dir, "valid.parquet"), Quarantined: filepath.Join(dir, "quarantined.parquet")},
	}
	if !asked.previous.IsZero() {
		if o.Previous, err = file(asked.previous); err != nil {
			return o, release, err
		}
	}
	for name, snapshot := range asked.sources {
		t, err := snapshot.table(file)
		if err != nil {
			return o, release, err
		}
		o.Sources[name] = quality.Source{Table: t, Schema: snapshot.Schema}
	}
	return o, release, nil
}

func (a *Activities) validate(ctx context.Context, dir string, e *table.Engine, path string, schema pipeline.Schema, p ValidateParams, asked asked, res *ValidateResult) error {
	o, release, err := a.options(ctx, dir, asked)
	defer release()
	if err != nil {
		return err
	}
	found, err := quality.Check(ctx, e, path, schema, quality.For(p.Pipeline, schema, pipeline.Training), o)
	if err != nil {
		return err
	}
	if err := a.putValidation(ctx, p, found, res); err != nil {
		return err
	}
	res.Valid, res.Rows, res.Removed = p.Dataset, found.Valid, found.Quarantined+found.Dropped
	valid := ""
	if violation := found.Violation(); violation != nil {
		res.Violation = violation.Error()
	} else if found.Changed {
		valid = o.Out.Valid
		if res.Valid, err = a.Store.PutFile(ctx, valid, artifact.MediaTypeParquet); err != nil {
			return err
		}
		if found.Quarantined > 0 {
			caught, err := a.Store.PutFile(ctx, o.Out.Quarantined, artifact.MediaTypeParquet)
			if err != nil {
				return err
			}
			res.Quarantined = &caught
		}
	}
	if res.Violation == "" {
		if err := checkTarget(ctx, e, cmp.Or(valid, path), p.Pipeline.Problem); err != nil {
			return err
		}
	}
	failed, corrected := 0, int64(0)
	for _, r := range found.Rules {
		if !r.Passed {
			failed++
		}
		corrected += r.Corrected
	}
	res.Figure = fmt.Sprintf("%d of %d rules passed, %s rows quarantined", len(found.Rules)-failed, len(found.Rules), count(found.Quarantined))
	if corrected > 0 {
		res.Figure += ", " + count(corrected) + " corrected"
	}
	return nil
}

// putValidation stores the result, for programs and for people.
func (a *Activities) putValidation(ctx context.Context, p ValidateParams, found *quality.Result, res *ValidateResult) (err error) {
	if res.Validation, err = a.Store.PutJSON(ctx, found); err != nil {
		return err
	}
	footer := "dataset " + p.Dataset.Short()
	if p.Pipeline.Contract != "" {
		footer += ", contract " + p.Pipeline.Contract
	}
	var page bytes.Buffer
	if err := found.HTML(&page, "Validation of "+p.Run.Pipeline, footer); err != nil {
		return err
	}
	res.Report, err = a.Store.PutBytes(ctx, page.Bytes(), artifact.MediaTypeHTML)
	return err
}

// checkTarget refuses a target that no split of these rows could be learnt from:
// constant, of one class or of too many. It is known here, long before a fit
// would stumble over it.
func checkTarget(ctx context.Context, e *table.Engine, path string, problem pipeline.Problem) error {
	var rows feature.TargetRows
	err := e.EachFrame(ctx, path, []string{problem.Target}, func(f *frame.Frame) error {
		rows.Add(&f.Columns[0])
		return nil
	})
	if err == nil {
		_, err = rows.Fit(problem)
	}
	return err
}

func checkRows(r quality.Result) []metadata.Check {
	rows := make([]metadata.Check, len(r.Rules))
	for i, c := range r.Rules {
		rows[i] = metadata.Check{Column: strings.Join(c.Columns, ", "), Name: c.Rule, Severity: string(c.Severity), Failed: c.Failed, Rows: r.Rows, Passed: c.Passed, Message: c.Observed}
		// Sizes and names alone: a row of a table is no place for example rows. By the
		// figure of row_count later runs know how many rows went on.
		rows[i].Details, _ = json.Marshal(map[string]any{"check": c.Check, "figure": c.Figure, "corrected": c.Corrected, "examples": len(c.Examples)})
	}
	return rows
}
