package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/label/labeltable"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxBundle bounds the bundle that says what labels are of.
const maxBundle = 1 << 30

func (a *app) labelsCommand() *cobra.Command {
	return group("labels", "Say what became known to be true of predictions", a.labelsAdd())
}

func (a *app) labelsAdd() *cobra.Command {
	var source string
	c := &cobra.Command{
		Use:   "add ENDPOINT FILE",
		Short: "Keep the labels of a file: CSV, JSON, NDJSON or Parquet",
		Long: "add reads a table with the columns label, prediction_id or request_id (the key that the caller sent with its\n" +
			"request), and, if it has one, observed_at: when the truth was known; without, that is now. Other columns are\n" +
			"not read. Every row is checked before the first is kept. The same file twice is the same labels; a label\n" +
			"observed later corrects an earlier one, which stays in the history that trace shows. A label may come before\n" +
			"its prediction is in the audit table; they are joined when both are there.",
		Example: "  esteira labels add flights delays.csv\n  esteira trace 019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d",
		Args:    exactly("ENDPOINT", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if source == "" {
				source = filepath.Base(args[1])
			}
			var counts label.Counts
			err := a.withDatabase(cmd.Context(), func(db *metadata.DB) (err error) {
				counts, err = a.addLabels(cmd.Context(), db, metadata.AddLabels{Endpoint: args[0], Source: source}, args[1])
				return err
			})
			if err != nil {
				return err
			}
			return a.print(counts, func() { a.printCounts(counts) })
		},
	}
	c.Flags().StringVar(&source, "source", "", "who tells, for the history; default: the file's name")
	return c
}

func (a *app) printCounts(c label.Counts) {
	var rows [][]string
	for _, r := range []struct {
		name, means string
		n           int
		always      bool
	}{
		{"accepted", "", c.Accepted, true},
		{"repeated", "they were there already", c.Repeated, true},
		{"corrected", "they replace another value", c.Corrected, true},
		{"conflicting", "another value was known at the same time; these are in force", c.Conflicting, true},
		{"superseded", "one observed later was there first", c.Superseded, true},
		{"unknown", "of these: no such answer yet; joined when there is one", c.Unknown, false},
		{"ambiguous", "of these: the request had several rows; give prediction_id", c.Ambiguous, false},
		{"unseen class", "of these: the live model does not know the class", c.UnseenClass, false},
	} {
		if r.always || r.n > 0 {
			rows = append(rows, []string{r.name, strconv.Itoa(r.n), r.means})
		}
	}
	a.rows([]string{"LABELS", "ROWS", ""}, rows)
}

// addLabels reads the file twice: all rows are checked, then they are kept.
func (a *app) addLabels(ctx context.Context, db *metadata.DB, in metadata.AddLabels, path string) (counts label.Counts, err error) {
	target, err := a.targetOf(ctx, db, in.Endpoint)
	if err != nil {
		return counts, err
	}
	dir, err := os.MkdirTemp("", "esteira-labels-")
	if err != nil {
		return counts, err
	}
	defer os.RemoveAll(dir)
	engine, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return counts, err
	}
	defer engine.Close()
	source := table.Source{Paths: []string{path}, Format: pipeline.FormatOf(path)}
	return labeltable.Keep(ctx, db, engine, target, in, source, filepath.Join(dir, "labels.parquet"))
}

// targetOf reads what the endpoint's live model predicts.
func (a *app) targetOf(ctx context.Context, db *metadata.DB, endpoint string) (label.Target, error) {
	e, err := db.Endpoint(ctx, endpoint)
	if err != nil || e.Live == nil {
		return label.Target{}, err
	}
	c, err := a.config()
	if err != nil {
		return label.Target{}, err
	}
	store, err := artifact.Open(ctx, c.ArtifactOptions())
	if err != nil {
		return label.Target{}, err
	}
	data, err := store.Bytes(ctx, e.Live.Bundle, maxBundle)
	if err != nil {
		return label.Target{}, err
	}
	b, err := a.openTrusted(data)
	if err != nil {
		return label.Target{}, err
	}
	return label.TargetOf(&b.Signature), nil
}
