package memory

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bound is how many bytes this process may use: GOMEMLIMIT if it is set, else half
// of what the container or machine has; the largest int64 where that is not known.
func Bound() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	most := int64(math.MaxInt64)
	if runtime.GOOS != "linux" {
		return most
	}
	if all, err := figure("/proc/meminfo", "MemTotal"); err == nil {
		most = all
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			most = min(most, n)
		}
	}
	return most / 2
}

// Affordable refuses what would need more bytes than Bound, by about: the error is
// ResourceExhausted and names both. An estimate that overflowed is negative, and
// refused.
func Affordable(what string, need int64) *fault.Error {
	most := Bound()
	if need >= 0 && need <= most {
		return nil
	}
	said := strconv.FormatInt(need>>20, 10)
	if need < 0 {
		said = "more than " + strconv.FormatInt(math.MaxInt64>>20, 10)
	}
	return fault.New(fault.ResourceExhausted, "%s needs about %s MB of memory, over the bound of %d MB", what, said, most>>20)
}
