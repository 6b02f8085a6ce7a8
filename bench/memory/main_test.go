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

// A table of more than twice the engine's memory goes through every step of data, each
// in a process whose memory stays below a bound that knows nothing of the rows.
// bench/RESULTS.md has tables of gigabytes.
func TestStepsHoldNoMoreThanTheirBounds(t *testing.T) {
	const limit = 64
	bounds := map[string]int64{"collect": 160, "integrate": 240, "profile": 320, "validate": 280, "split": 260, "engineer": 300} // MiB
	w := work{dir: t.TempDir(), limit: limit, rows: 1_800_000, narrow: true}
	seen := 0
	err := w.measure(func(line Line) error {
		seen++
		t.Logf("%s: %d MiB of %d MiB, %d rows", line.Step, line.Peak, line.Input>>20, line.Rows)
		if line.Rows < w.rows/2 || line.Step == "collect" && line.Input < 2*limit<<20 {
			t.Errorf("%s of %d rows, %d bytes", line.Step, line.Rows, line.Input)
		}
		if line.Peak > bounds[line.Step] {
			t.Errorf("%s holds %d MiB, over %d", line.Step, line.Peak, bounds[line.Step])
		}
		return nil
	})
	if err != nil || seen != len(steps)-1 {
		t.Fatal(seen, err)
	}
}
