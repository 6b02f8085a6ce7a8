package tree

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Estimate returns about how many bytes a fit needs besides the matrix itself:
// bins, gradients, scores and histograms, at most.
func Estimate(rows, heldRows, columns int, weighted bool, s *Settings) int64 {
	l, outputs := lossOf(s, 0), int64(1)
	if s.Loss == Softmax {
		outputs = int64(s.Classes)
	}
	n, held, width := int64(rows), int64(heldRows), int64(columns)
	bytes := n*(2*width+16+8*outputs) + held*(width+8*outputs)
	histogram := width * slots * 8
	if !l.flat() || weighted {
		bytes += 8 * n
		histogram *= 2
	}
	if s.Loss == Softmax {
		bytes += 4 * outputs * (n + held)
	}
	if !math.IsNaN(l.renews()) {
		bytes += 24 * n // residuals, sorted
	}
	leaves := min(int64(s.MaxLeaves), n/int64(s.MinSamplesLeaf)+1)
	if s.MaxDepth < 31 {
		leaves = min(leaves, int64(1)<<(s.MaxDepth-1))
	}
	return bytes + (leaves+1)*histogram
}

// Affordable refuses a fit that needs more memory than this process may have:
// GOMEMLIMIT if it is set, else half of what the container or machine has. Errors
// are ResourceExhausted.
func Affordable(d Table, held *Table, s *Settings) error {
	if err := check(d.X); err != nil {
		return err
	}
	heldRows := 0
	if held != nil {
		heldRows = held.X.Rows
	}
	need, most := Estimate(d.X.Rows, heldRows, len(d.X.Features), d.Weights != nil, s), memory()
	if need <= most {
		return nil
	}
	return fault.New(fault.ResourceExhausted, "boosted_trees on %d rows of %d columns needs about %d MB of memory, over the bound of %d MB",
		d.X.Rows, len(d.X.Features), need>>20, most>>20).
		WithRemedy("lower max_depth or max_leaves, sample the rows in dataset.sql, or raise GOMEMLIMIT")
}

func memory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	most := int64(math.MaxInt64)
	if runtime.GOOS != "linux" {
		return most
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
				if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					most = kb << 10
				}
			}
		}
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			most = min(most, n)
		}
	}
	return most / 2
}
