package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// Heartbeats is a worker interceptor: every activity with a heartbeat timeout
// beats from its first line to its last, whatever it does in between.
type Heartbeats struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*Heartbeats) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &beating{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type beating struct {
	interceptor.ActivityInboundInterceptorBase
}

func (b *beating) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	p := &pulse{phase: activity.GetInfo(ctx).ActivityType.Name, checkpoint: earlier(ctx)}
	stop := heartbeat(ctx, p)
	defer stop()
	return b.Next.ExecuteActivity(context.WithValue(ctx, pulseKey{}, p), in)
}

// heartbeat beats until the returned function is called, so that a dead worker
// is noticed within the heartbeat timeout and a cancellation reaches ctx. It
// uses the activity's own context: a beat on a derived one is lost.
func heartbeat(ctx context.Context, p *pulse) (stop func()) {
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
				phase, checkpoint := p.get()
				activity.RecordHeartbeat(ctx, progress{Phase: phase, Elapsed: now.Sub(begun).Round(time.Second).String(), At: now.UTC(), Checkpoint: checkpoint})
			}
		}
	}()
	return func() { close(done); <-ended }
}
