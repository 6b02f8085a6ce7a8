package activities

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

// ScoreParams name one part of a scoring.
type ScoreParams struct {
	Run     Run          `json:"run"`
	Scoring Scoring      `json:"scoring"`
	Model   ScoringModel `json:"model"`
	Plan    artifact.Ref `json:"plan"` // scoringPlan (JSON)
	Part    int          `json:"part"`
}

// ScoreResult is what one part gave.
type ScoreResult struct {
	Outcome
	Scores   artifact.Ref `json:"scores"`           // Parquet: the answers, in the order of the input
	Rejects  artifact.Ref `json:"rejects,omitzero"` // Parquet: the rows that have none; where they are kept
	Rows     int64        `json:"rows"`             // of the input
	Rejected int64        `json:"rejected"`         // of them
}

func (r *ScoreResult) outputs() metadata.Outputs {
	out := metadata.Outputs{"scores": r.Scores}
	if !r.Rejects.IsZero() {
		out["rejects"] = r.Rejects
	}
	return out
}

// Score answers the rows of one part. A part that was scored before, by the same
// bundle and with the same columns kept, comes from the cache: what a killed worker
// had finished is not done again.
//
// Errors: RequestInvalid for a row that cannot be answered, if those stop the run;
// SignatureInvalid and BundleInvalid of the bundle; those of the store.
func (a *Activities) Score(ctx context.Context, p ScoreParams) (*ScoreResult, error) {
	s := step{run: p.Run, name: "score", part: fmt.Sprintf("%05d", p.Part), version: 1, inputs: []artifact.Ref{p.Model.Bundle}}
	var plan scoringPlan
	if err := a.Store.JSON(ctx, p.Plan, &plan); err != nil {
		return nil, a.recorded(ctx, s, err)
	}
	part := plan.Parts[p.Part]
	s.params = map[string]any{
		"keep": plan.Keep, "schema": plan.Schema, "layouts": plan.Layouts, "part": part,
		"reject": p.Scoring.rejects(), "explain": p.Scoring.Explain, "model": p.Model.Name, "version": p.Model.Version,
	}
	for _, piece := range part {
		s.inputs = append(s.inputs, piece.Data)
	}
	return perform(ctx, a, s, &ScoreResult{}, func(ctx context.Context, dir string, res *ScoreResult) error {
		return a.score(ctx, dir, p, plan, res)
	})
}

func (a *Activities) score(ctx context.Context, dir string, p ScoreParams, plan scoringPlan, res *ScoreResult) error {
	predictor, err := a.predictor(ctx, p.Model.Bundle)
	if err != nil {
		return err
	}
	rows, release, err := a.rowsOf(ctx, plan, p.Part)
	defer release()
	if err != nil {
		return err
	}
	question, err := questionOf(predictor.Signature(), plan.Schema)
	if err != nil {
		return err
	}
	reading, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer reading.Close()
	writing, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer writing.Close()
	answers, err := newAnswerer(predictor, p.Scoring.Explain)
	if err != nil {
		return err
	}
	if err := writing.Create(ctx, answered, answers.frame(0)); err != nil {
		return err
	}
	err = reading.EachFrameOf(ctx, question.over(rows), func(f *frame.Frame) error {
		got, rejected, err := answers.answer(f)
		if err != nil {
			return err
		}
		res.Rows, res.Rejected = res.Rows+int64(f.Rows), res.Rejected+rejected
		return writing.Append(ctx, answered, got)
	})
	if err != nil {
		return err
	}
	if res.Rejected > 0 && !p.Scoring.rejects() {
		return a.firstRejected(ctx, writing, rows, res.Rejected)
	}
	return a.putScores(ctx, writing, dir, p, plan.Keep, rows, answers, res)
}

// predictor loads what answers with a bundle.
func (a *Activities) predictor(ctx context.Context, ref artifact.Ref) (*bundle.Predictor, error) {
	b, err := a.bundle(ctx, ref)
	if err != nil {
		return nil, err
	}
	return b.Predictor()
}

// firstRejected is the fault of a row that cannot be answered.
func (a *Activities) firstRejected(ctx context.Context, e *table.Engine, rows string, rejected int64) error {
	row, err := e.QueryRow(ctx, "SELECT i."+fileColumn+", i."+placeColumn+"::BIGINT, p."+reasonColumn+" FROM ("+rows+") i JOIN "+answered+" p USING ("+rowColumn+
		") WHERE p."+reasonColumn+" IS NOT NULL ORDER BY "+rowColumn+" LIMIT 1")
	if err != nil {
		return err
	}
	more := ""
	if rejected > 1 {
		more = fmt.Sprintf("; %d more of this part cannot either", rejected-1)
	}
	return fault.New(fault.RequestInvalid, "row %d of %s cannot be answered: %s%s", row[1], row[0], row[2], more).
		WithRemedy("mend the rows, or put them aside: --on-error reject").
		WithDetails(map[string]any{"file": row[0], "row": row[1], "reason": row[2]})
}

// putScores writes what the part came to and stores it.
func (a *Activities) putScores(ctx context.Context, e *table.Engine, dir string, p ScoreParams, keep []string, rows string, answers *answerer, res *ScoreResult) (err error) {
	kept := make([]string, len(keep))
	for i, name := range keep {
		kept[i] = "i." + table.Ident(name)
	}
	joined := " FROM (" + rows + ") i JOIN " + answered + " p USING (" + rowColumn + ") WHERE p." + reasonColumn + " IS %s ORDER BY " + rowColumn
	columns := append([]string(nil), kept...)
	for _, name := range answers.names() {
		columns = append(columns, "p."+table.Ident(name))
	}
	columns = append(columns, table.Literal(p.Model.Name)+" AS "+modelColumn, fmt.Sprintf("%d::INTEGER AS %s", p.Model.Version, versionColumn))
	if res.Scores, err = a.putSelect(ctx, e, "SELECT "+strings.Join(columns, ", ")+fmt.Sprintf(joined, "NULL"), filepath.Join(dir, "scores.parquet")); err != nil {
		return err
	}
	if p.Scoring.rejects() {
		columns = append([]string{"i." + fileColumn + " AS " + rejectColumns[0], "i." + placeColumn + "::BIGINT AS " + rejectColumns[1], "p." + reasonColumn + " AS " + rejectColumns[2]}, kept...)
		if res.Rejects, err = a.putSelect(ctx, e, "SELECT "+strings.Join(columns, ", ")+fmt.Sprintf(joined, "NOT NULL"), filepath.Join(dir, "rejects.parquet")); err != nil {
			return err
		}
	}
	res.Figure = count(res.Rows-res.Rejected) + " rows"
	if res.Rejected > 0 {
		res.Figure += ", " + count(res.Rejected) + " rejected"
	}
	return nil
}

func (a *Activities) putSelect(ctx context.Context, e *table.Engine, query, path string) (artifact.Ref, error) {
	if _, err := e.Write(ctx, query, path); err != nil {
		return artifact.Ref{}, err
	}
	return a.Store.PutFile(ctx, path, artifact.MediaTypeParquet)
}
