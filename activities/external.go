package activities

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// maxRequest bounds a request to a trainer, which is part of a history.
const maxRequest = 256 << 10

// ExternalRows are the rows of one fit as a trainer elsewhere is given them: raw
// columns, as artifacts, so that fits on the same rows share them and it stays on
// record what a model learnt from.
type ExternalRows struct {
	Outcome
	Train    artifact.Ref `json:"train"` // Parquet
	Held     artifact.Ref `json:"held"`  // Parquet; perhaps without rows
	Learnt   int          `json:"learnt"`
	HeldRows int          `json:"held_rows"`

	// Contract is externalContract (JSON): the columns and the target, for the
	// activities alone.
	Contract artifact.Ref `json:"contract"`
}

func (r *ExternalRows) outputs() metadata.Outputs {
	return metadata.Outputs{"train": r.Train, "held": r.Held, "contract": r.Contract}
}

// externalContract is what a model of the rows must read and answer.
type externalContract struct {
	Inputs []feature.Input `json:"inputs"`
	Target *feature.Target `json:"target"`
}

// ExternalFit is a fit that a trainer elsewhere can be asked for.
type ExternalFit struct {
	Hit     bool              `json:"hit,omitempty"` // the cache knows what came of it: nobody need be asked
	Rows    ExternalRows      `json:"rows"`
	Request *external.Request `json:"request,omitempty"`
	Staged  artifact.Staged   `json:"staged,omitzero"` // where the model will be
	Report  artifact.Staged   `json:"report,omitzero"` // and a report, if there is one
}

// PrepareExternal writes the rows of a fit for a trainer elsewhere, and the request.
func (a *Activities) PrepareExternal(ctx context.Context, p FitParams) (*ExternalFit, error) {
	begun := time.Now()
	fit := p.step(p.part())
	key, err := fit.key()
	if err != nil {
		return nil, a.fail(ctx, fit, begun, err)
	}
	out := &ExternalFit{}
	if out.Hit, _, err = a.lookup(ctx, fit, key, p.result()); err != nil {
		return nil, a.fail(ctx, fit, begun, err)
	}
	rows, err := a.externalRows(ctx, p)
	if err != nil {
		return nil, err
	}
	if out.Rows = *rows; out.Hit {
		return out, nil
	}
	if err := a.request(ctx, p, out); err != nil {
		return nil, a.fail(ctx, fit, begun, err)
	}
	return out, nil
}

// part names the step of a fit, and result is what it gives.
func (p FitParams) part() string {
	if p.Folds > 0 {
		return foldPart(p.Fold)
	}
	return "all"
}

func (p FitParams) result() result {
	if p.Folds > 0 {
		return &FoldResult{}
	}
	return &FittedResult{}
}

func (a *Activities) externalRows(ctx context.Context, p FitParams) (*ExternalRows, error) {
	s := p.step(p.part() + "/rows")
	s.version, s.params = 1, map[string]any{"rows": p.rows(), "of": "external rows"}
	return perform(ctx, a, s, &ExternalRows{}, func(ctx context.Context, dir string, res *ExternalRows) error {
		var plan []pipeline.Feature
		if err := a.Store.JSON(ctx, p.Plan, &plan); err != nil {
			return err
		}
		train, err := a.read(ctx, p.Train, tuning.Columns(plan, p.Problem))
		if err != nil {
			return err
		}
		c, err := contractOf(plan, p.Problem, train)
		if err != nil {
			return err
		}
		w := subsets{a: a, dir: dir, problem: p.Problem, contract: c}
		fold := split.Fold{Train: everyRow(train.Rows)}
		if p.Folds > 0 {
			if fold, err = p.fold(train); err != nil {
				return err
			}
		}
		if res.Train, err = w.write(ctx, "train", p.Train, train, fold.Train); err != nil {
			return err
		}
		held, from := train, p.Train
		if p.Folds == 0 && p.Watch != nil {
			if held, err = a.readOnce(ctx, *p.Watch, tuning.Columns(plan, p.Problem)); err != nil {
				return err
			}
			from, fold.Held = *p.Watch, everyRow(held.Rows)
		}
		if res.Held, err = w.write(ctx, "held", from, held, fold.Held); err != nil {
			return err
		}
		res.Learnt, res.HeldRows = len(fold.Train), len(fold.Held)
		res.Figure = count(int64(res.Learnt)) + " rows to learn from, " + count(int64(res.HeldRows)) + " held out"
		res.Contract, err = a.Store.PutJSON(ctx, c)
		return err
	})
}

// contractOf is what a model over the columns of a plan must read and answer: each
// column once, in the order of first use, whatever the plan makes of it.
func contractOf(plan []pipeline.Feature, problem pipeline.Problem, train *frame.Frame) (*externalContract, error) {
	target, err := feature.FitTarget(problem, train.Column(problem.Target))
	if err != nil {
		return nil, err
	}
	c := &externalContract{Target: target}
	for _, f := range plan {
		for _, name := range f.Columns {
			if !slices.ContainsFunc(c.Inputs, func(in feature.Input) bool { return in.Name == name }) {
				c.Inputs = append(c.Inputs, feature.Input{Name: name, Kind: train.Column(name).Kind.String()})
			}
		}
	}
	if len(c.Inputs) == 0 {
		return nil, fault.New(fault.TrainingFailed, "there are no columns to learn from").WithRemedy("name at least one feature")
	}
	return c, nil
}

// subsets writes rows of the training and validation tables for a trainer.
type subsets struct {
	a        *Activities
	dir      string
	problem  pipeline.Problem
	contract *externalContract
}

func (w *subsets) write(ctx context.Context, name string, from artifact.Ref, f *frame.Frame, rows []int32) (artifact.Ref, error) {
	s := table.Subset{Rows: slices.Clone(rows)}
	slices.Sort(s.Rows)
	for _, in := range w.contract.Inputs {
		s.Columns = append(s.Columns, in.Name)
	}
	if weight := w.problem.Weight; weight != "" && !slices.Contains(s.Columns, weight) {
		s.Columns = append(s.Columns, weight)
	}
	target := w.contract.Target
	if target.Task == pipeline.Regression {
		s.Columns = append(s.Columns, target.Column)
	} else {
		s.Class, s.Classes = target.Column, target.Classes
		y, err := target.Values(f.Column(target.Column))
		if err != nil {
			return artifact.Ref{}, err
		}
		for _, row := range s.Rows {
			s.Codes = append(s.Codes, int32(y[row]))
		}
	}
	path, release, err := w.a.Store.File(ctx, from)
	if err != nil {
		return artifact.Ref{}, err
	}
	defer release()
	e, err := w.a.engine(w.dir)
	if err != nil {
		return artifact.Ref{}, err
	}
	defer e.Close()
	out := filepath.Join(w.dir, name+".parquet")
	if _, err := e.WriteSubset(ctx, path, s, w.dir, out); err != nil {
		return artifact.Ref{}, err
	}
	return w.a.Store.PutFile(ctx, out, artifact.MediaTypeParquet)
}

// request asks for a fit of rows that are written. Its addresses live as long as
// somebody may use them, and no longer.
func (a *Activities) request(ctx context.Context, p FitParams, fit *ExternalFit) (err error) {
	var c externalContract
	if err := a.Store.JSON(ctx, fit.Rows.Contract, &c); err != nil {
		return err
	}
	within := p.Trial.External.Within()
	lives := within + external.ExpiryMargin
	r := &external.Request{
		Version: external.Version, Run: p.Run.ID, Trial: p.Trial.ID, Fold: p.Fold, Task: p.Problem.Task, Target: p.Problem.Target, Classes: c.Target.Classes,
		Metric: p.Problem.Metric, Weight: p.Problem.Weight, Parameters: p.Trial.Params, Seed: p.Seed, Deadline: time.Now().Add(within).UTC().Round(time.Second),
	}
	if p.Folds == 0 {
		r.Fold = -1
	}
	if r.Parameters == nil {
		r.Parameters = map[string]float64{}
	}
	for _, in := range c.Inputs {
		r.Signature = append(r.Signature, external.Column{Name: in.Name, Type: in.Kind})
	}
	for _, t := range []struct {
		to   *external.Table
		ref  artifact.Ref
		rows int
	}{{&r.Train, fit.Rows.Train, fit.Rows.Learnt}, {&r.Validation, fit.Rows.Held, fit.Rows.HeldRows}} {
		address, err := a.Store.ReadAddress(ctx, t.ref, lives)
		if err != nil {
			return err
		}
		*t.to = external.Table{URL: address, Rows: int64(t.rows), Bytes: t.ref.Size, SHA256: t.ref.Digest}
	}
	r.Model.MaxBytes = external.MaxModel
	if fit.Staged, r.Model.PutURL, err = a.Store.Stage(ctx, lives); err != nil {
		return err
	}
	var address string
	if fit.Report, address, err = a.Store.Stage(ctx, lives); err != nil {
		return err
	}
	r.Report = external.ReportAt(address)
	if body, err := json.Marshal(r); err != nil || len(body) > maxRequest {
		return fault.New(fault.ResourceExhausted, "a request of %d bytes to a trainer is over the bound of %d", len(body), maxRequest).
			WithRemedy("name fewer or shorter columns and classes")
	}
	fit.Request = r
	return nil
}

// DiscardParams name what a trainer may have sent.
type DiscardParams struct {
	Run    Run               `json:"run"`
	Staged []artifact.Staged `json:"staged"`
}

// DiscardExternal removes what a trainer sent, whatever became of it. It may be done
// twice.
func (a *Activities) DiscardExternal(ctx context.Context, p DiscardParams) error {
	for _, staged := range p.Staged {
		if err := a.Store.Unstage(ctx, staged); err != nil {
			return applicationError(ctx, err)
		}
	}
	return nil
}

// everyRow are the indices of n rows.
func everyRow(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}
