package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/archive"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Ask, export and prove the audit log", a.auditQuery(), a.auditExport(), a.auditSchedule(), a.auditVerify(), a.auditPolicy())
}

// withArchive gives f the table and the exported days of the audit log.
func (a *app) withArchive(ctx context.Context, f func(*archive.Archive) error) error {
	return a.withDatabase(ctx, func(db *metadata.DB) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		store, err := artifact.Open(ctx, cfg.ArtifactOptions())
		if err != nil {
			return err
		}
		return f(&archive.Archive{DB: db, Store: store, Dir: os.TempDir(), Open: func(dir string) (archive.Engine, error) {
			return table.Open(table.Options{TempDir: dir, MemoryLimit: cfg.MemoryLimit, Threads: cfg.Threads})
		}})
	})
}

// parseDay reads a date in UTC; empty is the zero time.
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, usage("%s %s is not a day", flag, text).WithRemedy("write it as 2026-11-20 (UTC)")
	}
	return day, nil
}

func (a *app) auditExport() *cobra.Command {
	var day, until string
	var retain int
	c := &cobra.Command{
		Use:   "export",
		Short: "Export days of the audit log to the object store, as links of one chain; drop old ones from Postgres",
		Long: "export writes the predictions of each day that is over (UTC) and has rows which are not exported yet as Parquet,\n" +
			"with a manifest that names the one before it. Records that came late make a supplement. With --retain, days\n" +
			"older than that are dropped from Postgres, each only after all of it was exported and verified. Run it daily,\n" +
			"from cron or any scheduler; running it again changes nothing.",
		Example: "  esteira audit export\n  esteira audit export --day 2026-11-20\n  esteira audit export --retain 90",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			one, err := parseDay("--day", day)
			if err != nil {
				return err
			}
			end, err := parseDay("--until", until)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("retain") && retain < 1 {
				return usage("--retain %d is not a number of days", retain).WithRemedy("write 1 or more")
			}
			return a.withArchive(cmd.Context(), func(r *archive.Archive) error {
				results, err := exportDays(cmd.Context(), r, one, end, retain)
				if err != nil {
					return err
				}
				return a.print(results, func() {
					rows := [][]string{}
					for _, x := range results {
						digest := ""
						if x.Export != nil {
							digest = clip(x.Export.Manifest.Digest, 12)
						}
						rows = append(rows, []string{x.Day, x.State, fmt.Sprint(x.Rows), digest})
					}
					a.rows([]string{"DAY", "STATE", "ROWS", "MANIFEST"}, rows)
				})
			})
		},
	}
	c.Flags().StringVar(&day, "day", "", "export this day alone, 2026-11-20 (UTC)")
	c.Flags().StringVar(&until, "until", "", "export the days before this one; default: today")
	c.Flags().IntVar(&retain, "retain", 0, "drop days that began more than so many days ago from Postgres, once exported and verified")
	c.MarkFlagsMutuallyExclusive("day", "until")
	return c
}

func exportDays(ctx context.Context, r *archive.Archive, one, until time.Time, retain int) ([]archive.Outcome, error) {
	days := []time.Time{one}
	if one.IsZero() {
		if until.IsZero() {
			until = time.Now()
		}
		var err error
		if days, err = r.Days(ctx, until); err != nil {
			return nil, err
		}
	}
	out := []archive.Outcome{}
	each := func(o archive.Outcome) { out = append(out, o) }
	if err := r.ExportDays(ctx, days, each); err != nil || retain == 0 {
		return out, err
	}
	return out, r.Retain(ctx, retain, each)
}

func (a *app) auditVerify() *cobra.Command {
	var from, to, head string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing of the exported days was removed or altered",
		Long: "verify follows the chain of all manifests, recomputes the hash of every exported row, and holds the rows that\n" +
			"Postgres still has against them. The first difference is named and exits with 1. The head it prints stands for\n" +
			"the whole log: keep it elsewhere, and give it back with --head to prove that the chain still contains it.",
		Example: "  esteira audit verify\n  esteira audit verify --from 2026-11-01 --to 2026-11-30",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, err := parseDay("--from", from)
			if err != nil {
				return err
			}
			until, err := parseDay("--to", to)
			if err != nil {
				return err
			}
			return a.withArchive(cmd.Context(), func(r *archive.Archive) error {
				report, err := r.Verify(cmd.Context(), since, until)
				if err != nil {
					return err
				}
				if err := report.Broken(); err != nil {
					return err
				}
				if err := contains(cmd.Context(), r, head); err != nil {
					return err
				}
				return a.print(report, func() {
					a.facts("manifests", fmt.Sprint(report.Manifests), "files", fmt.Sprint(report.Files), "rows", fmt.Sprint(report.Rows),
						"compared with Postgres", fmt.Sprint(report.Compared), "not exported yet", fmt.Sprint(report.Late), "head", report.Head)
					a.say("Nothing was removed or altered.")
				})
			})
		},
	}
	c.Flags().StringVar(&from, "from", "", "read the rows from this day on; the chain of manifests is followed whole")
	c.Flags().StringVar(&to, "to", "", "read the rows up to this day")
	c.Flags().StringVar(&head, "head", "", "digest of a manifest that was kept elsewhere: it must be in the chain")
	return c
}

// contains asks for a manifest in the verified chain.
func contains(ctx context.Context, r *archive.Archive, head string) error {
	if head == "" {
		return nil
	}
	exports, err := r.DB.AuditExports(ctx)
	if err != nil {
		return err
	}
	for _, e := range exports {
		if e.Manifest.Digest == head {
			return nil
		}
	}
	return fault.New(fault.AuditBroken, "the chain does not contain the manifest %.64s", head).
		WithRemedy("the log was replaced, or cut, after that head was kept: find out by whom")
}
