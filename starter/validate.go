package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

func (a *app) validateCommand() *cobra.Command {
	var sources []string
	c := &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a pipeline file, and its columns where the sources are on this machine",
		Long: "validate reads a pipeline file strictly and reports every mistake with its line and what to write\n" +
			"instead. If all sources are files on this machine it also looks at their columns, binds the SQL and\n" +
			"checks every column the file names. Regular expressions, formats of times, repairs and SQL of rules are\n" +
			"tried in the engine. Nothing is run. Exit code 2 says that the file is not valid.",
		Example: "  esteira validate examples/flights/flights.yaml",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readFile(args[0], sources)
			if err != nil {
				return err
			}
			v, err := a.look(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.print(v, func() { a.printValidation(v) })
		},
	}
	c.Flags().StringArrayVar(&sources, "source", nil, "read a source from elsewhere: NAME=PATH (repeatable)")
	return c
}

type validation struct {
	File     string             `json:"file"`
	Name     string             `json:"name"`
	Digest   string             `json:"digest"`
	Sources  []validatedSource  `json:"sources"`
	Columns  pipeline.Schema    `json:"columns,omitempty"`  // of the dataset, if every source was looked at
	Features []pipeline.Feature `json:"features,omitempty"` // what features, auto among them, come to
}

type validatedSource struct {
	Name    string          `json:"name"`
	Path    string          `json:"path"`
	Files   int             `json:"files"`
	Columns pipeline.Schema `json:"columns,omitempty"`
	Note    string          `json:"note,omitempty"` // why it was not looked at
}

// look checks a pipeline against its sources, as far as they are at hand.
func (a *app) look(ctx context.Context, f file) (validation, error) {
	v := validation{File: f.path, Name: f.pipeline.Name}
	var err error
	if v.Digest, err = pipeline.Digest(f.pipeline); err != nil {
		return v, err
	}
	engine, err := table.Open(table.Options{})
	if err != nil {
		return v, err
	}
	defer engine.Close()
	schemas := map[string]pipeline.Schema{}
	for _, name := range sortedKeys(f.pipeline.Sources) {
		source := f.pipeline.Sources[name]
		found := validatedSource{Name: name, Path: source.String()}
		if paths := f.local(source); source.CSV != nil && source.CSV.Encoding != "" {
			found.Note = "is " + source.CSV.Encoding + ": its columns were not checked"
		} else if len(paths) > 0 {
			found.Files = len(paths)
			if found.Columns, err = engine.Describe(ctx, table.Source{Paths: paths, Format: source.Format, CSV: source.CSV}); err != nil {
				return v, f.at(err, "sources."+name+".path")
			}
			schemas[name] = found.Columns
		} else {
			found.Note = "not on this machine: its columns were not checked"
		}
		v.Sources = append(v.Sources, found)
	}
	if len(schemas) < len(f.pipeline.Sources) {
		return v, f.at(quality.Try(ctx, engine, f.pipeline, nil), "validation")
	}
	if v.Columns, err = engine.BindQuery(ctx, schemas, f.pipeline.Dataset.SQL); err != nil {
		return v, f.at(err, "dataset.sql")
	}
	if err := pipeline.Check(f.pipeline, v.Columns); err != nil {
		return v, f.at(err, "")
	}
	if err := quality.Try(ctx, engine, f.pipeline, v.Columns); err != nil {
		return v, f.at(err, "validation")
	}
	if v.Features, err = feature.Resolve(f.pipeline.Features, f.pipeline.Problem, pipeline.Repaired(v.Columns, f.pipeline.Validation), f.pipeline.Dataset.Identifying()...); err != nil {
		return v, f.at(err, "features")
	}
	return v, nil
}

// at turns an error about data into one about the line of the file that asks for
// it. A file that data contradict is not valid, whatever kind of error says so.
func (f *file) at(err error, path string) error {
	kind := fault.KindOf(err)
	switch kind {
	case fault.PipelineInvalid, fault.QueryInvalid, fault.ColumnMissing, fault.TypeMismatch, fault.FeatureInvalid, fault.SourceNotFound, fault.SourceUnreadable:
	default:
		return err
	}
	list := pipeline.Mistakes(err)
	if len(list) == 0 {
		said := explain(err)
		list = []pipeline.Mistake{{File: f.path, Path: path, Message: said.Message, Remedy: said.Remedy}}
	}
	list = pipeline.Locate(f.path, f.data, list)
	if kind == fault.SourceNotFound || kind == fault.SourceUnreadable {
		return fault.New(kind, "%s", list[0].Message).WithRemedy("%s", list[0].Remedy).WithDetails(list)
	}
	return fault.New(fault.PipelineInvalid, "%s", list[0].String()).WithRemedy("%s", list[0].Remedy).WithDetails(list)
}

func (a *app) printValidation(v validation) {
	a.say("%s is valid: pipeline %s, version %s", v.File, v.Name, v.Digest[:12])
	var rows [][]string
	for _, s := range v.Sources {
		note := s.Note
		if note == "" {
			note = plural(s.Files, "file") + ", " + plural(len(s.Columns), "column")
		}
		rows = append(rows, []string{"source " + s.Name, s.Path, note})
	}
	a.rows(nil, rows)
	if v.Columns == nil {
		return
	}
	a.say("\nThe dataset has %s:", plural(len(v.Columns), "column"))
	rows = nil
	for _, c := range v.Columns {
		rows = append(rows, []string{"  " + c.Name, c.Type, c.SQL})
	}
	a.rows(nil, rows)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
