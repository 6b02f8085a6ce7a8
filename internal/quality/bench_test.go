package quality_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

// BenchmarkRules holds 25 rules against three million flights (the file of
// ESTEIRA_FLIGHTS, or rows like them) and, beside it, scans the columns they
// touch: every value is decoded and dropped. The bound is three scans a check.
func BenchmarkRules(b *testing.B) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	ctx, dir := context.Background(), b.TempDir()
	in := filepath.Join(dir, "in")
	sql := `SELECT TIMESTAMP '2001-01-01' + INTERVAL (i // 12) MINUTE AS date, (i * 7919 % 900 - 60)::BIGINT AS delay, (i * 31 % 4900 + 11)::BIGINT AS distance,
		chr(65 + CAST(i % 26 AS INTEGER)) || chr(65 + CAST(i // 26 % 11 AS INTEGER)) || 'X' AS origin, chr(65 + CAST(i * 7 % 26 AS INTEGER)) || 'Y' || chr(65 + CAST(i % 13 AS INTEGER)) AS destination FROM range(3000000) t(i)`
	if file := os.Getenv("ESTEIRA_FLIGHTS"); file != "" {
		sql = "SELECT * FROM read_parquet(" + table.Literal(file) + ") ORDER BY ALL"
	}
	info, err := e.Write(ctx, sql, in)
	if err != nil {
		b.Fatal(err)
	}
	airports := filepath.Join(dir, "airports")
	known, err := e.Write(ctx, "SELECT DISTINCT origin AS code FROM "+table.Scan(in)+" UNION SELECT DISTINCT destination FROM "+table.Scan(in), airports)
	if err != nil {
		b.Fatal(err)
	}
	days := pipeline.Rule{Column: "date", Freshness: "36500d"}
	rules := []pipeline.Rule{
		{RowCount: atLeast(1000)}, {Columns: &pipeline.ColumnSet{Names: []string{"date", "delay", "distance", "origin", "destination"}, Match: "set"}},
		{Column: "date", NotNull: true}, {Column: "date", Type: "time"}, days, {SQL: "date >= TIMESTAMP '1990-01-01'"},
		{Column: "delay", Type: "number"}, {Column: "delay", NotNull: true}, {Column: "delay", Range: between(-1500, 3000)}, {Column: "delay", Mean: between(-500, 500)},
		{Column: "delay", Deviation: between(0, 500)}, {Column: "delay", Distinct: atLeast(100)},
		{Column: "distance", NotNull: true}, {Column: "distance", Range: between(0, 6000)}, {Column: "distance", Mean: between(100, 4000)}, {Column: "distance", MaxNullShare: share(0.1)},
		{Column: "origin", Pattern: "^[A-Z0-9]{3}$"}, {Column: "origin", NotNull: true}, {Column: "origin", Length: between(3, 3)}, {Column: "origin", UTF8: true}, {Column: "origin", Distinct: between(10, 1000)},
		{Column: "destination", Pattern: "^[A-Z0-9]{3}$"}, {Column: "destination", NotNull: true}, {Column: "destination", Length: between(3, 3)}, {Column: "destination", MissingTokens: []string{"N/A", "?"}},
	}
	columns := []string{"date", "delay", "distance", "origin", "destination"}
	key := pipeline.Rule{Unique: []string{"date", "origin", "destination", "delay"}, OnFail: pipeline.Warn}
	// Those that look at other rows than their own take the place of as many plain ones.
	others := []pipeline.Rule{
		{Column: "origin", References: &pipeline.Reference{Source: "airports", Column: "code"}}, {Column: "destination", References: &pipeline.Reference{Source: "airports", Column: "code"}},
		{Column: "delay", Distribution: &pipeline.Distribution{Max: 0.1}}, {Column: "origin", Distribution: &pipeline.Distribution{Measure: "psi", Max: 0.1}},
		{Column: "origin", Balance: between(0, 0.5)}, {Column: "delay", Quantile: &pipeline.Quantile{P: 0.5, Min: share(-100), Max: share(1000)}},
	}
	for _, held := range []struct {
		name     string
		rules    []pipeline.Rule
		previous []string // columns of the previous run that they touch
	}{
		{"25 rules", rules, nil},
		{"25 rules and a compound key", append(slices.Clone(rules), key), nil},
		{"25 rules, of other rows too", append(slices.Clone(rules[len(others):]), others...), []string{"delay", "origin"}},
	} {
		b.Run(held.name, func(b *testing.B) {
			scanning, checking := time.Hour, time.Hour // the fastest of each: what else the machine does only adds
			scanBusy, checkBusy := time.Hour, time.Hour
			for b.Loop() { // in turn, so that other work on the machine slows both
				begun, idle := time.Now(), busy()
				if err := e.Exec(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+table.Scan(in)); err != nil {
					b.Fatal(err)
				}
				if held.previous != nil {
					if err := e.Exec(ctx, "SELECT "+strings.Join(held.previous, ", ")+" FROM "+table.Scan(in)); err != nil {
						b.Fatal(err)
					}
				}
				scanned, scannedBusy := time.Now(), busy()
				got, err := quality.Check(ctx, e, in, info.Schema, held.rules, quality.Options{Previous: in, Sources: map[string]quality.Source{"airports": {Table: table.Parts(airports), Schema: known.Schema}}, Out: quality.Outputs{Valid: filepath.Join(dir, "valid"), Quarantined: filepath.Join(dir, "quarantined")}})
				if err != nil || got.Violation() != nil {
					b.Fatal(err, got.Violation())
				}
				scanning, checking = min(scanning, scanned.Sub(begun)), min(checking, time.Since(scanned))
				scanBusy, checkBusy = min(scanBusy, scannedBusy-idle), min(checkBusy, busy()-scannedBusy)
			}
			b.ReportMetric(0, "ns/op") // of both together, which nobody asks
			b.ReportMetric(scanning.Seconds(), "s/scan")
			b.ReportMetric(checking.Seconds(), "s/check")
			b.ReportMetric(checking.Seconds()/scanning.Seconds(), "scans/check")
			b.ReportMetric(checkBusy.Seconds()/scanBusy.Seconds(), "busy-scans/check")
		})
	}
}

// busy is the time that the processors have spent on this process: what else the
// machine does hardly changes it.
func busy() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
