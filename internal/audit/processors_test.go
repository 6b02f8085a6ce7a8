package audit

import (
	"runtime"
	"testing"
)

func TestProcessorsAreSparedForSyncsUnlessTheEnvironmentSaysHowMany(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "")
	SpareProcessors()
	if got := runtime.GOMAXPROCS(0); got != before+blocking {
		t.Errorf("%d processors, want %d and %d", got, before, blocking)
	}
	t.Setenv("GOMAXPROCS", "1")
	SpareProcessors()
	if got := runtime.GOMAXPROCS(0); got != before+blocking {
		t.Errorf("%d processors although the environment says how many", got)
	}
}
