package table

import (
	"sync/atomic"
	"time"
)

// purgeEvery is how long the engine's allocator may keep what was freed: shorter, and
// it pays to ask for it again.
const purgeEvery = 250 * time.Millisecond

// purged is when it was purged last, for all engines of the process: they share it.
var purged atomic.Int64

// purgeUntil purges now and then until the call is done, which it reports, or to be
// ended, and once more after a long one.
func purgeUntil(done, ended <-chan struct{}) bool {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for long := false; ; {
		select {
		case <-done:
			if long {
				purge()
			}
			return true
		case <-ended:
			return false
		case now := <-tick.C:
			long = true
			if at := purged.Load(); now.UnixNano()-at > int64(purgeEvery/2) && purged.CompareAndSwap(at, now.UnixNano()) {
				purge()
			}
		}
	}
}
