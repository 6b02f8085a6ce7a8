// Command drift measures how a window of rows has drifted from a reference, column
// by column as a monitor would, and prints seconds, peak of memory and figures as a
// line of JSON.
//
//	go run ./bench/drift measure REFERENCE.parquet WINDOW.parquet
//
// With "alarms" it measures how often stable windows of an example alarm, and how
// often moved ones do (see alarms.go). With "summarize" it makes a summary of each of 720 hours of the window and merges
// them, as a month is; with "separate" it lets trees tell the rows apart.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// Line is what is printed.
type Line struct {
	Rows        int                `json:"rows"`
	Columns     int                `json:"columns"`
	Seconds     float64            `json:"seconds"`
	CPU         float64            `json:"cpu"`     // seconds of all threads
	Peak        int64              `json:"peak_mb"` // resident
	Drifted     int                `json:"drifted"`
	Wasserstein map[string]float64 `json:"wasserstein,omitempty"`
	AUC         float64            `json:"auc,omitempty"`
	Merge       float64            `json:"merge,omitempty"` // seconds
	Bytes       int                `json:"bytes,omitempty"` // of one hour
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "alarms" {
		if err := alarms(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: drift measure|summarize|separate REFERENCE.parquet WINDOW.parquet, or drift alarms EXAMPLE")
		os.Exit(2)
	}
	begun := time.Now()
	line, err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	line.Seconds = time.Since(begun).Seconds()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		line.Peak = usage.Maxrss / 1024
		line.CPU = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, what, reference, window string) (*Line, error) {
	dir, err := os.MkdirTemp("", "esteira-drift-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	engine, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	switch what {
	case "measure":
		return measure(ctx, engine, reference, window)
	case "summarize":
		return summarize(ctx, engine, window)
	}
	a, err := engine.Read(ctx, reference, nil)
	if err != nil {
		return nil, err
	}
	b, err := engine.Read(ctx, window, nil)
	if err != nil {
		return nil, err
	}
	s, err := drift.Separate(ctx, a, b, drift.SeparationOptions{})
	if err != nil {
		return nil, err
	}
	return &Line{Rows: b.Rows, Columns: len(b.Columns), AUC: s.AUC}, nil
}

// measure computes every figure of every column: the counted ones, and
// Kolmogorov-Smirnov and Wasserstein of the values.
func measure(ctx context.Context, engine *table.Engine, reference, window string) (*Line, error) {
	schema, err := engine.Schema(ctx, window)
	if err != nil {
		return nil, err
	}
	line := &Line{Columns: len(schema), Wasserstein: map[string]float64{}}
	results, rows, failed := make([]drift.Result, len(schema)), make([]int, len(schema)), make([]error, len(schema))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // as many columns are in memory
	var wait sync.WaitGroup
	for i, c := range schema {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			results[i], rows[i], failed[i] = column(ctx, engine, reference, window, c.Name)
		})
	}
	wait.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	line.Rows = rows[0]
	drift.Judge(results, drift.Options{})
	for _, r := range results {
		if r.Outcome == drift.Drifted {
			line.Drifted++
		}
		if r.Wasserstein != nil {
			line.Wasserstein[r.Name] = *r.Wasserstein
		}
	}
	return line, nil
}

func column(ctx context.Context, engine *table.Engine, reference, window, name string) (r drift.Result, rows int, err error) {
	var sides [2]*frame.Frame
	for i, path := range []string{reference, window} {
		if sides[i], err = engine.Read(ctx, path, []string{name}); err != nil {
			return r, 0, err
		}
	}
	l := drift.LayoutOf(sides[0], nil)
	var summaries [2]*drift.Summary
	for i, f := range sides {
		if summaries[i], err = drift.Summarize(l, f, &frame.Frame{Rows: f.Rows}); err != nil {
			return r, 0, err
		}
	}
	compared, err := drift.Compare(l, summaries[0], summaries[1], drift.Options{})
	if err != nil {
		return r, 0, err
	}
	compared.SharpenAll(sides[0], sides[1])
	return compared.Features[0], sides[1].Rows, nil
}

// hours are those of a month.
const hours = 720

func summarize(ctx context.Context, engine *table.Engine, window string) (*Line, error) {
	f, err := engine.Read(ctx, window, nil)
	if err != nil {
		return nil, err
	}
	l := drift.LayoutOf(f, nil)
	var all [][]byte
	for h := range hours {
		rows := make([]int32, 0, f.Rows/hours+1)
		for i := h; i < f.Rows; i += hours {
			rows = append(rows, int32(i))
		}
		s, err := drift.Summarize(l, f.Take(rows), &frame.Frame{Rows: len(rows)})
		if err != nil {
			return nil, err
		}
		data, err := s.Encode()
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	begun := time.Now()
	read := make([]*drift.Summary, len(all))
	for i, data := range all {
		if read[i], err = drift.Decode(data, l); err != nil {
			return nil, err
		}
	}
	month, err := drift.Merge(l, read...)
	if err != nil {
		return nil, err
	}
	return &Line{Rows: int(month.Rows), Columns: len(f.Columns), Merge: time.Since(begun).Seconds(), Bytes: len(all[0])}, nil
}
