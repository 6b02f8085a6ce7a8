package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// watch asks what retrain.on wants to know, each as often as it says, beside the
// decisions: a source that does not answer holds nothing up.
func (r *retraining) watch(ctx workflow.Context) {
	for ctx.Err() == nil {
		r.applied = false
		r.look(ctx)
		wait := r.untilLook(ctx)
		heard := func() bool { return r.applied }
		if wait == 0 {
			_ = workflow.Await(ctx, heard) // an error is that ctx ended
			continue
		}
		_, _ = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "until the next look"}}, heard)
	}
}

func (r *retraining) look(ctx workflow.Context) {
	s, on := &r.in.State, r.in.Pipeline.Retrain.On
	if len(s.Looks) != len(on) {
		s.Looks = make([]time.Time, len(on))
	}
	for i, t := range on {
		if t.EveryOf() == 0 || workflow.Now(ctx).Before(s.Looks[i]) || s.Paused != nil {
			continue
		}
		s.Looks[i] = workflow.Now(ctx).Add(t.EveryOf())
		if t.NewData {
			r.lookAtData(ctx)
		} else {
			r.lookAtLabels(ctx, t.Labels)
		}
		if r.applied {
			return
		}
	}
}

// untilLook is the time to the next look; 0: none is due until somebody says
// something.
func (r *retraining) untilLook(ctx workflow.Context) time.Duration {
	var least time.Duration
	if r.in.State.Paused != nil || r.applied {
		return least
	}
	for i, t := range r.in.Pipeline.Retrain.On {
		if t.EveryOf() == 0 {
			continue
		}
		if wait := max(r.in.State.Looks[i].Sub(workflow.Now(ctx)), time.Millisecond); least == 0 || wait < least {
			least = wait
		}
	}
	return least
}

func (r *retraining) lookAtData(ctx workflow.Context) {
	var digest string
	if err := call(ctx, r.queues.Data, long, "look at the sources", &digest, a.NewData, activities.NewDataParams{Pipeline: r.in.Pipeline, BaseDir: r.in.BaseDir}); err != nil {
		return // the activity's failure is in the history; it is looked again
	}
	before := r.in.State.Data
	r.in.State.Data = digest
	if before != "" && before != digest {
		r.hear(ctx, Trigger{Kind: pipeline.TriggerNewData, Key: digest, Reason: "the sources have changed since the last look"})
	}
}

func (r *retraining) lookAtLabels(ctx workflow.Context, enough int) {
	var res activities.NewLabelsResult
	params := activities.NewLabelsParams{Pipeline: r.in.Pipeline.Name, Endpoint: r.in.Pipeline.Deploy.Endpoint, Since: r.in.State.Since}
	if err := call(ctx, r.queues.Data, short, "count the labels of "+params.Endpoint, &res, a.NewLabels, params); err != nil || res.Labels < int64(enough) {
		return
	}
	since := params.Since
	if !res.Since.IsZero() { // else an earlier build counted
		since = res.Since
	}
	r.hear(ctx, Trigger{Kind: pipeline.TriggerLabels, Key: "labels since " + since.UTC().Format(time.RFC3339Nano), Reason: fmt.Sprintf("%d labels have come since %s", res.Labels, since.UTC().Format(time.RFC3339))})
}
