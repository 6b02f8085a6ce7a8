package activities

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

// WriteScoresParams name what the parts came to, in order.
type WriteScoresParams struct {
	Run     Run           `json:"run"`
	Scoring Scoring       `json:"scoring"`
	Model   ScoringModel  `json:"model"`
	Input   string        `json:"input"` // checksum
	Parts   []ScoredParts `json:"parts"`
	Rows    int64         `json:"rows"`
}

// ScoredParts are the artifacts of one part.
type ScoredParts struct {
	Scores   artifact.Ref `json:"scores"`
	Rejects  artifact.Ref `json:"rejects,omitzero"`
	Rejected int64        `json:"rejected,omitempty"`
}

// ScoredFile is a file that was written.
type ScoredFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Rows   int64  `json:"rows"`
}

// ref names the bytes of a file outside the store, where lineage ends.
func (f ScoredFile) ref() artifact.Ref {
	return artifact.Ref{Digest: f.SHA256, Size: f.Size, MediaType: artifact.MediaTypeOther}
}

// ScoringRecord is what is kept of a scoring: from the output's bytes to what made
// them.
type ScoringRecord struct {
	Run     string       `json:"run"`
	Model   ScoringModel `json:"model"`
	Input   string       `json:"input"`  // as it was asked for
	Source  string       `json:"source"` // checksum over the digests of its files
	Output  ScoredFile   `json:"output"`
	Rejects *ScoredFile  `json:"rejects,omitempty"`
}

// WriteScoresResult is where the answers are.
type WriteScoresResult struct {
	Outcome
	Output  ScoredFile   `json:"output"`
	Rejects *ScoredFile  `json:"rejects,omitempty"`
	Record  artifact.Ref `json:"record"` // ScoringRecord (JSON)
}

// WriteScores puts the parts together, in the order of the input, and the output in
// its place, whole: the rejects first, so that where the output is all is. The same
// parts give the same bytes; a second attempt that finds them in place is done.
func (a *Activities) WriteScores(ctx context.Context, p WriteScoresParams) (*WriteScoresResult, error) {
	s := step{run: p.Run, name: "write"}
	begun := time.Now()
	res := &WriteScoresResult{}
	if err := a.begin(ctx, s, "written for each run"); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	err := a.inScratch(ctx, s, func(ctx context.Context, dir string) error { return a.writeScores(ctx, dir, p, res) })
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	inputs := []artifact.Ref{p.Model.Bundle}
	for _, part := range p.Parts {
		inputs = append(inputs, part.Scores)
	}
	outputs := metadata.Outputs{"output": res.Output.ref(), "record": res.Record}
	if res.Rejects != nil {
		outputs["rejects"] = res.Rejects.ref()
	}
	res.Cache = metadata.CacheOff
	return res, a.recorded(ctx, s, a.DB.SaveStep(ctx, metadata.StepRecord{
		Run: p.Run.ID, Step: s.name, Attempt: attempt(ctx), Cache: metadata.CacheOff, Figure: res.Figure, Result: res, Inputs: inputs, Outputs: outputs, Started: begun,
	}))
}

func (a *Activities) writeScores(ctx context.Context, dir string, p WriteScoresParams, res *WriteScoresResult) (err error) {
	e, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	var scores, rejects []artifact.Ref
	var rejected int64
	for _, part := range p.Parts {
		scores, rejected = append(scores, part.Scores), rejected+part.Rejected
		if p.Scoring.rejects() {
			rejects = append(rejects, part.Rejects)
		}
	}
	paths := p.Scoring.outputs()
	if len(rejects) > 0 {
		res.Rejects = &ScoredFile{Path: paths[1], Rows: rejected}
		if err := a.join(ctx, e, dir, rejects, p.Scoring.Overwrite, res.Rejects); err != nil {
			return err
		}
	}
	res.Output = ScoredFile{Path: paths[0], Rows: p.Rows - rejected}
	if err := a.join(ctx, e, dir, scores, p.Scoring.Overwrite, &res.Output); err != nil {
		return err
	}
	res.Figure = fmt.Sprintf("%s rows in %s", count(res.Output.Rows), res.Output.Path)
	if rejected > 0 {
		res.Figure += fmt.Sprintf(", %s in %s", count(rejected), res.Rejects.Path)
	}
	res.Record, err = a.Store.PutJSON(ctx, ScoringRecord{
		Run: p.Run.ID, Model: p.Model, Input: p.Scoring.Input.String(), Source: p.Input, Output: res.Output, Rejects: res.Rejects,
	})
	return err
}

// join writes Parquet parts as one file of the format that the output's ending says,
// and puts it in its place.
func (a *Activities) join(ctx context.Context, e *table.Engine, dir string, parts []artifact.Ref, overwrite bool, file *ScoredFile) error {
	local := make([]string, len(parts))
	for i, ref := range parts {
		path, release, err := a.Store.File(ctx, ref)
		defer release()
		if err != nil {
			return err
		}
		local[i] = path
	}
	whole := filepath.Join(dir, "whole"+formatEnding(file.Path))
	query, err := "SELECT * FROM "+table.Scan(local...), error(nil)
	if strings.HasSuffix(whole, ".csv") {
		err = e.WriteCSV(ctx, query, whole)
	} else {
		_, err = e.Write(ctx, query, whole, local[0])
	}
	if err != nil {
		return err
	}
	defer os.Remove(whole)
	if file.SHA256, file.Size, err = digestOf(whole); err != nil {
		return err
	}
	return a.deliver(ctx, whole, *file, overwrite)
}
