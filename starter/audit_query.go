package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/archive"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

func (a *app) auditQuery() *cobra.Command {
	var q archive.Question
	var from, to, file string
	c := &cobra.Command{
		Use:   "query",
		Short: "Ask the audit log, in Postgres and in the exported days alike",
		Long: "query prints predictions, each once, wherever they lie. --where is a condition over their columns, --sql one\n" +
			"SELECT over the table predictions, both in DuckDB's SQL; features, outputs and redacted are JSON as text:\n" +
			"features->>'$.distance'. A time is prediction_at. With --output csv, json or parquet the rows are for programs.",
		Example: "  esteira audit query --endpoint flights --from 2026-11-20 --where 'status <> 200'\n" +
			"  esteira audit query --sql \"SELECT endpoint, count(*) AS n FROM predictions GROUP BY ALL\" --output csv",
		Args:        exactly(),
		Annotations: map[string]string{moreOutputs: "csv parquet"},
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for _, bound := range []struct {
				flag, text string
				to         *time.Time
			}{{"--from", from, &q.From}, {"--to", to, &q.To}} {
				if bound.text != "" {
					if *bound.to, err = parseMoment(bound.flag, bound.text); err != nil {
						return err
					}
				}
			}
			if a.output == "parquet" && file == "" {
				return usage("--output parquet needs a file").WithRemedy("name it with --file OUT.parquet")
			}
			return a.withArchive(cmd.Context(), func(r *archive.Archive) error { return a.answer(cmd.Context(), r, q, file) })
		},
	}
	c.Flags().StringVar(&q.Endpoint, "endpoint", "", "of this endpoint alone")
	c.Flags().StringVar(&from, "from", "", "asked at or after, RFC 3339 or a date")
	c.Flags().StringVar(&to, "to", "", "asked before, RFC 3339 or a date")
	c.Flags().StringVar(&q.Where, "where", "", "a condition over the columns")
	c.Flags().StringVar(&q.SQL, "sql", "", "one SELECT over predictions")
	c.Flags().StringVar(&file, "file", "", "write there instead of standard output")
	c.MarkFlagsMutuallyExclusive("where", "sql")
	return c
}

// answer runs a question and prints its rows.
func (a *app) answer(ctx context.Context, r *archive.Archive, q archive.Question, file string) error {
	dir, err := os.MkdirTemp("", "esteira-query-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "answer.parquet")
	info, err := r.Query(ctx, q, out)
	if err != nil {
		return err
	}
	to := a.out
	if file != "" {
		f, err := os.Create(file)
		if err != nil {
			return usage("%s cannot be written: %s", file, err).WithRemedy("name another --file")
		}
		defer f.Close()
		to = f
	}
	if a.output == "parquet" {
		in, err := os.Open(out)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(to, in)
		return err
	}
	engine, err := r.Open(dir)
	if err != nil {
		return err
	}
	defer engine.Close()
	return a.writeRows(ctx, engine, out, info, to)
}

// writeRows prints a Parquet file: one JSON object a line, CSV, or a table.
func (a *app) writeRows(ctx context.Context, engine archive.Engine, path string, info table.Info, to io.Writer) error {
	if a.output == "json" {
		return engine.Stream(ctx, "SELECT to_json(t)::VARCHAR FROM "+table.Scan(path)+" t", func(row []any) error {
			_, err := fmt.Fprintln(to, row[0])
			return err
		})
	}
	var header []string
	for _, c := range info.Schema {
		header = append(header, c.Name)
	}
	var rows [][]string
	w := csv.NewWriter(to)
	if a.output == "csv" {
		if err := w.Write(header); err != nil {
			return err
		}
	}
	err := engine.Stream(ctx, "SELECT COLUMNS(*)::VARCHAR FROM "+table.Scan(path), func(row []any) error {
		cells := make([]string, len(row))
		for i, v := range row {
			if v != nil {
				cells[i] = v.(string)
			}
		}
		if a.output == "csv" {
			return w.Write(cells)
		}
		if len(rows) < maxPrinted {
			rows = append(rows, cells)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if a.output == "csv" {
		w.Flush()
		return w.Error()
	}
	for i := range header {
		header[i] = plain(header[i])
	}
	(&app{out: to}).rows(header, rows)
	if info.Rows > maxPrinted {
		a.say("%d of %d rows; ask for --output csv, json or parquet for all.", maxPrinted, info.Rows)
	}
	return nil
}

// maxPrinted bounds the rows of a table for people.
const maxPrinted = 100

func (a *app) auditPolicy() *cobra.Command {
	return &cobra.Command{
		Use:   "policy ENDPOINT",
		Short: "Show what the audit log keeps of an endpoint, and since when",
		Long: "policy lists the audit policies of an endpoint, the one in force first. A policy is deploy.audit of a pipeline\n" +
			"file, and comes into force with its deployment. An endpoint without one is under strict audit of everything.",
		Example: "  esteira audit policy flights",
		Args:    exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				list, err := db.AuditPolicyHistory(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.print(list, func() {
					rows := [][]string{}
					for _, p := range list {
						bound, columns := "", ""
						if p.Mode == metadata.AuditBounded {
							bound = fmt.Sprintf("%d records, %s", p.MaxRecords, p.MaxDelay)
						}
						for _, name := range slices.Sorted(maps.Keys(p.Columns)) {
							columns += name + ": " + p.Columns[name] + " "
						}
						rows = append(rows, []string{fmt.Sprint(p.Version), moment(p.Created), string(p.Mode), bound, columns, p.Actor, p.Reason})
					}
					a.rows([]string{"VERSION", "SINCE", "MODE", "MAY LOSE", "WITHHELD", "BY", "BECAUSE"}, rows)
				})
			})
		},
	}
}
