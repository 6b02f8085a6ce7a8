package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

func (a *app) contractCommand() *cobra.Command {
	return group("contract", "Infer what a dataset should satisfy, and hold rows against it", a.contractInferCommand(), a.contractCheckCommand())
}

func (a *app) contractInferCommand() *cobra.Command {
	var sources []string
	var write string
	c := &cobra.Command{
		Use:   "infer FILE",
		Short: "Suggest the rules of a contract from the data, with the reasons",
		Long: "infer reads the sources of a pipeline file on this machine, makes its dataset and prints the rules the rows\n" +
			"suggest, each with its reason, as a contract file. Edit it, keep it beside the pipeline file and name it\n" +
			"there: contract: FILE. The pipeline's version then names the contract's digest.",
		Example: "  esteira contract infer examples/flights/flights.yaml --write examples/flights/flights.contract.yaml",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readFileAlone(args[0], sources)
			if err != nil {
				return err
			}
			return a.withDataset(cmd.Context(), f, "", func(e *table.Engine, d localDataset) error {
				found, err := quality.Infer(cmd.Context(), e, d.path, d.schema, *f.pipeline)
				if err != nil {
					return err
				}
				text, err := quality.ContractYAML(found, f.pipeline.Name)
				if err != nil {
					return err
				}
				if write != "" {
					if err := os.WriteFile(write, text, 0o644); err != nil {
						return fault.Wrap(err, fault.ConfigInvalid, "the contract cannot be written").WithRemedy("give --write a path that can be written")
					}
					a.say("%s in %s; name it in %s: contract: %s", plural(len(found), "rule"), write, f.path, filepath.Base(write))
				}
				return a.print(found, func() {
					if write == "" {
						fmt.Fprint(a.out, string(text))
					}
				})
			})
		},
	}
	c.Flags().StringArrayVar(&sources, "source", nil, "read a source from elsewhere: NAME=PATH (repeatable)")
	c.Flags().StringVar(&write, "write", "", "write the contract to this file instead of printing it")
	return c
}

func (a *app) contractCheckCommand() *cobra.Command {
	var sources []string
	var environment, data string
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Hold the rows on this machine against the rules of a pipeline file",
		Long: "check makes the dataset of a pipeline file from its sources on this machine, or takes the rows of --data, and\n" +
			"holds them against its rules, as the validate step does; nothing is run and nothing is kept. With --environment\n" +
			"serving the rows are those that ask for a prediction: they have no target. Exit code 3 says that a rule that\n" +
			"must hold does not.",
		Example: "  esteira contract check examples/flights/flights.yaml\n  esteira contract check flights.yaml --environment serving --data requests.parquet",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			where := pipeline.Environment(environment)
			if where != pipeline.Training && where != pipeline.Serving {
				return usage("--environment %s is neither training nor serving", environment).WithRemedy("write --environment training or serving")
			}
			f, err := readFile(args[0], sources)
			if err != nil {
				return err
			}
			return a.withDataset(cmd.Context(), f, data, func(e *table.Engine, d localDataset) error {
				rules := quality.For(*f.pipeline, d.schema, where)
				found, err := quality.Check(cmd.Context(), e, d.path, d.schema, rules, quality.Options{
					At: time.Now().UTC(), Environment: where, Sources: d.sources,
					Out: quality.Outputs{Valid: filepath.Join(d.dir, "valid.parquet"), Quarantined: filepath.Join(d.dir, "quarantined.parquet")},
				})
				if err != nil {
					return err
				}
				if err := a.print(found, func() { a.printChecks(found) }); err != nil {
					return err
				}
				if found.Violation() != nil {
					return exit(exitRejected)
				}
				return nil
			})
		},
	}
	c.Flags().StringArrayVar(&sources, "source", nil, "read a source from elsewhere: NAME=PATH (repeatable)")
	c.Flags().StringVar(&environment, "environment", string(pipeline.Training), "whose rows they are: training or serving")
	c.Flags().StringVar(&data, "data", "", "take the rows of this file instead of making the dataset")
	return c
}

func (a *app) printChecks(r *quality.Result) {
	var rows [][]string
	failed := 0
	for _, rule := range r.Rules {
		said := "passed"
		if !rule.Passed {
			said = "FAILED"
			failed++
		}
		rows = append(rows, []string{said, string(rule.Severity), rule.Rule, rule.Observed})
	}
	a.rows([]string{"RESULT", "IF IT FAILS", "RULE", "OBSERVED"}, rows)
	a.say("\n%d of %s failed; %d of %s go on", failed, plural(len(r.Rules), "rule"), r.Valid, plural(int(r.Rows+r.Dropped), "row"))
}

// localDataset is a dataset made on this machine.
type localDataset struct {
	dir, path string
	schema    pipeline.Schema
	sources   map[string]quality.Source
}

// withDataset makes the dataset of a pipeline file from sources on this machine,
// or takes the rows of the file data.
func (a *app) withDataset(ctx context.Context, f file, data string, use func(*table.Engine, localDataset) error) error {
	dir, err := os.MkdirTemp("", "esteira-contract-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	engine, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return err
	}
	defer engine.Close()
	d := localDataset{dir: dir, path: filepath.Join(dir, "dataset.parquet"), sources: map[string]quality.Source{}}
	tables := map[string]table.Table{}
	for _, name := range sortedKeys(f.pipeline.Sources) {
		source := f.pipeline.Sources[name]
		paths := f.local(source)
		if len(paths) == 0 && data == "" {
			return fault.New(fault.SourceNotFound, "source %s, %s, is not on this machine", name, source.Path).
				WithRemedy("give it with --source %s=PATH", name)
		}
		if len(paths) == 0 {
			continue
		}
		part := filepath.Join(dir, "source-"+name+".parquet")
		info, err := engine.Convert(ctx, table.Source{Paths: paths, Format: source.Format}, part)
		if err != nil {
			return f.at(err, "sources."+name+".path")
		}
		tables[name], d.sources[name] = table.Parts(part), quality.Source{Table: table.Parts(part), Schema: info.Schema}
	}
	var info table.Info
	if data != "" {
		info, err = engine.Convert(ctx, table.Source{Paths: []string{data}, Format: pipeline.FormatOf(data)}, d.path)
	} else if info, err = engine.Integrate(ctx, tables, f.pipeline.Dataset.SQL, f.pipeline.Dataset.Key, d.path); err != nil {
		err = f.at(err, "dataset.sql")
	}
	if err != nil {
		return err
	}
	d.schema = info.Schema
	return use(engine, d)
}
