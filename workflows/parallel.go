package workflows

import "go.temporal.io/sdk/workflow"

// maxUnderWay bounds what is under way at once, well below Temporal's bound on
// pending activities; how many run at once is up to the workers' slots.
const maxUnderWay = 100

// inParallel runs f for 0…n-1, at most maxUnderWay at once, and waits for all. On
// the first error the others are cancelled and that error is returned.
func inParallel(ctx workflow.Context, n int, f func(ctx workflow.Context, i int) error) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var first error
	slots := workflow.NewSemaphore(ctx, maxUnderWay)
	group := workflow.NewWaitGroup(ctx)
	for i := range n {
		if err := slots.Acquire(ctx, 1); err != nil {
			if first == nil {
				first = err
			}
			break
		}
		group.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer group.Done()
			defer slots.Release(1)
			if err := f(ctx, i); err != nil && first == nil {
				first = err
				cancel()
			}
		})
	}
	group.Wait(ctx)
	return first
}
