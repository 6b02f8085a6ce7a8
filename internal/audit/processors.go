package audit

import (
	"os"
	"runtime"
)

// SpareProcessors lets as many goroutines run as there are processors while the writer
// waits for its sync and the drainer for its file: a goroutine in a blocking call keeps
// its share of GOMAXPROCS until the runtime's monitor notices, up to milliseconds later,
// and syncs follow each other without end. On two cores one of them was idle half of
// the time. A program that answers from behind a spool calls it once, at its beginning;
// GOMAXPROCS in its environment counts as it stands.
func SpareProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + blocking)
	}
}

// blocking is how many goroutines of a spool block at once: its writer and its drainer.
const blocking = 2
