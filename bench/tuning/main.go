// Tuning makes the fits of a run's search again in a plain loop, in one process and
// one after another: what they cost without workflows, queues, rows and artifacts.
// It reads the rows that the run learned from, and prints one line of JSON.
//
//	tuning -run flights-late/run/…
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/tuning"
)

func main() {
	run := flag.String("run", "", "the run whose search is made again")
	flag.Parse()
	if err := loop(context.Background(), *run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func loop(ctx context.Context, run string) error {
	p, plan, train, err := load(ctx, run)
	if err != nil {
		return err
	}
	begun, fits := time.Now(), 0
	search, err := tuning.NewSearch(p.Train, p.Problem)
	if err != nil {
		return err
	}
	folds := make([]*tuning.Prepared, p.Train.Folds)
	for asks := search.Next(); len(asks) > 0; asks = search.Next() {
		for _, ask := range slices.Clone(asks) {
			if folds[ask.Fold] == nil {
				dealt, err := split.FoldsOf(train, p.Train.Folds, p.Train.Seed, p.Split)
				if err != nil {
					return err
				}
				if folds[ask.Fold], err = tuning.Prepare(plan, p.Problem, train, dealt[ask.Fold].Train, dealt[ask.Fold].Held); err != nil {
					return err
				}
			}
			fit, err := folds[ask.Fold].FitScored(ctx, ask.Trial, p.Train.Seed, nil)
			if err != nil {
				return err
			}
			search.Tell(fit.Scores[p.Problem.Metric])
			fits++
		}
	}
	best, err := tuning.Choose(search.Scored(), p.Problem.Metric)
	if err != nil {
		return err
	}
	for _, b := range best {
		if _, err := tuning.FitFull(ctx, plan, p.Problem, train, b.Trial); err != nil {
			return err
		}
		fits++
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"fits": fits, "seconds": time.Since(begun).Seconds(), "rows": train.Rows})
}

// load reads what the run learned from.
func load(ctx context.Context, run string) (p *pipeline.Pipeline, plan []pipeline.Feature, train *frame.Frame, err error) {
	cfg, err := config.Load()
	if err != nil {
		return nil, nil, nil, err
	}
	db, err := metadata.Open(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return nil, nil, nil, err
	}
	defer db.Close()
	store, err := artifact.Open(ctx, cfg.ArtifactOptions())
	if err != nil {
		return nil, nil, nil, err
	}
	steps, err := db.Steps(ctx, run)
	if err != nil {
		return nil, nil, nil, err
	}
	outputs := map[string]artifact.Ref{}
	for _, s := range steps {
		for name, ref := range s.Outputs {
			outputs[s.Step+"/"+name] = ref
		}
	}
	body, err := store.Bytes(ctx, outputs["define/definition"], pipeline.MaxBytes)
	if err != nil {
		return nil, nil, nil, err
	}
	if p, err = pipeline.Decode(body); err != nil {
		return nil, nil, nil, err
	}
	if err := store.JSON(ctx, outputs["engineer/plan"], &plan); err != nil {
		return nil, nil, nil, err
	}
	path, release, err := store.File(ctx, outputs["split/train"])
	if err != nil {
		return nil, nil, nil, err
	}
	defer release()
	e, err := table.Open(table.Options{TempDir: os.TempDir()})
	if err != nil {
		return nil, nil, nil, err
	}
	defer e.Close()
	train, err = e.Read(ctx, path, tuning.Columns(plan, p.Problem))
	return p, plan, train, err
}
