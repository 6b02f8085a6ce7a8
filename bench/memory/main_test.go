package main

import (
	"os"
	"slices"
	"testing"
)

// TestMain is the command itself where it is asked for a step.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-step") {
		main()
		return
	}
	os.Exit(m.Run())
}

// A table ten times as large as the engine's memory goes through every step of data,
// each in a process whose memory stays below a bound that knows nothing of the rows.
// Its size is that of its CSV file, 643 MiB to 64: about what its columns take
// uncompressed. As Parquet it is a third of that. bench/RESULTS.md has tables of
// gigabytes. Nor does the memory of validate and split follow the rows: a quarter of them
// take nearly as much.
func TestATableTenTimesTheMemoryPassesEveryStep(t *testing.T) {
	w := work{dir: t.TempDir(), limit: 64, rows: 8_400_000, narrow: true}
	many := holds(t, w, 10, map[string]int64{"collect": 220, "integrate": 220, "profile": 340, "validate": 400, "split": 300, "engineer": 320})
	w.dir, w.rows = t.TempDir(), w.rows/4
	few := holds(t, w, 2, map[string]int64{"collect": 220, "integrate": 220, "profile": 340, "validate": 400, "split": 300})
	for _, step := range []string{"validate", "split"} {
		if more := many[step] - few[step]; more > 64 {
			t.Errorf("%s holds %d MiB more of four times the rows", step, more)
		}
	}
}

// Rows that are mostly a long text pass every step in as little.
func TestLongTextsTenTimesTheMemoryPass(t *testing.T) {
	w := work{dir: t.TempDir(), limit: 64, rows: 620_000, narrow: true, long: 1024}
	holds(t, w, 10, map[string]int64{"collect": 235, "integrate": 430, "profile": 430, "validate": 440, "split": 430, "engineer": 560})
}

// holds takes a table of so many times the engine's memory through the steps with a
// bound, compares the peak of each with its bound in MiB, and returns the peaks.
func holds(t *testing.T, w work, times int64, bounds map[string]int64) map[string]int64 {
	seen, peaks := 0, map[string]int64{}
	wanted := func(step string) bool { return bounds[step] > 0 }
	err := w.measure(wanted, func(line Line) error {
		seen++
		peaks[line.Step] = line.Peak
		t.Logf("%s: %d MiB of %d MiB, %d rows", line.Step, line.Peak, line.Input>>20, line.Rows)
		if line.Rows < w.rows/2 || line.Step == "collect" && line.Input < times*w.limit<<20 {
			t.Errorf("%s of %d rows, %d bytes", line.Step, line.Rows, line.Input)
		}
		if line.Peak > bounds[line.Step] {
			t.Errorf("%s holds %d MiB, over %d", line.Step, line.Peak, bounds[line.Step])
		}
		return nil
	})
	if err != nil || seen != len(bounds) {
		t.Fatal(seen, err)
	}
	return peaks
}
