// Accuracy writes what a run learned from and was judged on to files, so that
// another program can learn from the same rows: train.parquet, validation.parquet
// and test.parquet. It prints what the run made of them as one line of JSON.
//
//	accuracy -run weather/run/… -to DIRECTORY
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/split"
)

func main() {
	run := flag.String("run", "", "the run whose rows are written")
	to := flag.String("to", "", "the directory they are written to")
	flag.Parse()
	if err := export(context.Background(), *run, *to); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// said is what the run made of its rows.
type said struct {
	Run        string             `json:"run"`
	Metric     string             `json:"metric"`
	Target     string             `json:"target"`
	RowColumn  string             `json:"row_column"` // of the files: not a feature
	Kind       string             `json:"kind"`       // the chosen one
	Test       map[string]float64 `json:"test"`
	Interval   []float64          `json:"interval"` // 95 %, of the metric on the test rows
	Baseline   map[string]float64 `json:"baseline"` // on the test rows
	Validation map[string]float64 `json:"validation"`
	Rows       map[string]int64   `json:"rows"`
}

func export(ctx context.Context, run, to string) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	db, err := metadata.Open(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := artifact.Open(ctx, cfg.ArtifactOptions())
	if err != nil {
		return err
	}
	out := said{Run: run, RowColumn: split.RowColumn, Validation: map[string]float64{}, Rows: map[string]int64{}}
	parts, err := db.Splits(ctx, run)
	if err != nil {
		return err
	}
	for _, p := range parts {
		out.Rows[p.Split] = p.Rows
		if err := save(ctx, store, p.Artifact, filepath.Join(to, p.Split+".parquet")); err != nil {
			return err
		}
	}
	if err := judged(ctx, db, store, run, &out); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// save copies an artifact, whose bytes the store has held against their digest.
func save(ctx context.Context, store *artifact.Store, ref artifact.Ref, to string) error {
	path, release, err := store.File(ctx, ref)
	if err != nil {
		return err
	}
	defer release()
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, from); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

func judged(ctx context.Context, db *metadata.DB, store *artifact.Store, run string, out *said) error {
	steps, err := db.Steps(ctx, run)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s.Step != "evaluate" {
			continue
		}
		var e evaluation.Evaluation
		if err := store.JSON(ctx, s.Outputs["evaluation"], &e); err != nil {
			return err
		}
		out.Metric, out.Target = e.Problem.Metric, e.Problem.Target
		out.Kind, out.Test, out.Baseline = e.Test.Kind, e.Test.Scores, e.Baseline.Scores
		if in, ok := e.Test.Intervals[out.Metric]; ok {
			out.Interval = []float64{in.Low, in.High}
		}
		for _, c := range e.Validation {
			out.Validation[c.Kind] = c.Scores[out.Metric]
		}
		return nil
	}
	return fmt.Errorf("%s has evaluated nothing", run)
}
