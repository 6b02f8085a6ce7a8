package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeat beats until the returned function is called, so that a dead worker
// is noticed within the heartbeat timeout and a cancellation reaches ctx. It
// uses the activity's own context: a beat on a derived one is lost.
func heartbeat(ctx context.Context, phase string) (stop func()) {
	timeout := activity.GetInfo(ctx).HeartbeatTimeout
	if timeout == 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	begun := time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(timeout / 4)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case now := <-tick.C:
				activity.RecordHeartbeat(ctx, progress{Phase: phase, Elapsed: now.Sub(begun).Round(time.Second).String(), At: now.UTC()})
			}
		}
	}()
	return func() { close(done); <-ended }
}
