package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// occurrence is one moment of a schedule that has passed, and what became of it.
type occurrence struct {
	Moment  time.Time `json:"moment"`
	Outcome string    `json:"outcome"` // a decision, running, failed, …, or "no run"
	Run     string    `json:"run,omitempty"`
}

// passedBy is the outcome of a moment that Temporal let pass: it was away for longer than
// the catch-up window, the run before still went, or the schedule was paused.
const passedBy = "no run"

// How far back moments are looked at, and how many of them.
const (
	momentsBack   = 30 * 24 * time.Hour
	momentsListed = 1000 // Temporal's bound of one answer
	maxMoments    = 500
)

// occurrences holds the moments of a schedule that have passed against the runs that
// there are, the latest first, at most limit. Moments before the schedule was last
// changed are left out: they are not those of the schedule that it is now.
func occurrences(ctx context.Context, t client.Client, name string, d *client.ScheduleDescription, now time.Time, limit int) ([]occurrence, error) {
	from := now.Add(-momentsBack)
	for _, changed := range []time.Time{d.Info.CreatedAt, d.Info.LastUpdateAt} {
		if changed.After(from) {
			from = changed
		}
	}
	moments, err := latestMoments(ctx, t, name, from, now, d.Schedule.Spec.Jitter, limit)
	if err != nil || len(moments) == 0 {
		return []occurrence{}, err
	}
	runs, err := scheduledRuns(ctx, t, name, moments[0])
	if err != nil {
		return nil, err
	}
	out := []occurrence{}
	for _, at := range moments {
		o := occurrence{Moment: at, Outcome: passedBy}
		// Temporal adds the jitter to the moments it lists, and not to those that runs are for.
		i := slices.IndexFunc(runs, func(r occurrence) bool {
			early := o.Moment.Sub(r.Moment)
			return early >= 0 && early <= d.Schedule.Spec.Jitter
		})
		if i >= 0 {
			o = runs[i]
		}
		out = append(out, o)
	}
	slices.Reverse(out)
	return out, nil
}

// latestMoments are the last moments of a schedule in an interval, the earliest first.
// Temporal lists the earliest thousand of what it is asked for: it is asked for
// stretches from the end back, all of it where moments are few, shorter ones where they are
// many.
func latestMoments(ctx context.Context, t client.Client, name string, from, to time.Time, jitter time.Duration, limit int) ([]time.Time, error) {
	namespace, err := temporal.Namespace(t)
	if err != nil {
		return nil, err
	}
	var out []time.Time
	stretch := to.Sub(from)
	for end := to; end.After(from) && len(out) < limit; {
		begin := end.Add(-stretch)
		if begin.Before(from) {
			begin = from
		}
		until := end.Add(min(jitter, stretch)) // one that is due before end may be listed after it
		if until.After(to) {
			until = to
		}
		moments, err := momentsBetween(ctx, t, namespace, name, begin, until)
		if err != nil {
			return nil, err
		}
		if len(moments) >= momentsListed && stretch > time.Second {
			stretch = max(end.Sub(begin)/4, time.Second)
			continue
		}
		out = append(moments, out...)
		slices.SortFunc(out, time.Time.Compare)
		out = slices.CompactFunc(out, time.Time.Equal)
		end, stretch = begin, 2*stretch
	}
	return out[max(0, len(out)-limit):], nil
}

func momentsBetween(ctx context.Context, t client.Client, namespace, name string, from, to time.Time) ([]time.Time, error) {
	listed, err := t.WorkflowService().ListScheduleMatchingTimes(ctx, &workflowservice.ListScheduleMatchingTimesRequest{
		Namespace: namespace, ScheduleId: name, StartTime: timestamppb.New(from), EndTime: timestamppb.New(to),
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "list the moments of schedule %s", name).WithRemedy("check that Temporal runs: esteira doctor")
	}
	var out []time.Time
	for _, at := range listed.GetStartTime() {
		out = append(out, at.AsTime())
	}
	return out, nil
}

// scheduledRuns are the runs that a schedule has started for moments from then on.
func scheduledRuns(ctx context.Context, t client.Client, name string, from time.Time) ([]occurrence, error) {
	var out []occurrence
	var page []byte
	for {
		listed, err := t.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: maxMoments, NextPageToken: page,
			Query: fmt.Sprintf("TemporalScheduledById = '%s' AND TemporalScheduledStartTime >= '%s'", name, from.Add(-maxJitter).UTC().Format(time.RFC3339)),
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.TemporalUnavailable, "list the runs of schedule %s", name).WithRemedy("check that Temporal runs: esteira doctor")
		}
		for _, e := range listed.GetExecutions() {
			o := occurrence{Run: e.GetExecution().GetWorkflowId(), Outcome: outcomeOf(e.GetStatus())}
			fields := e.GetSearchAttributes().GetIndexedFields()
			var decision string
			if p := fields[temporal.Decision.GetName()]; p != nil && converter.GetDefaultDataConverter().FromPayload(p, &decision) == nil && decision != "" {
				o.Outcome = decision
			}
			if p := fields["TemporalScheduledStartTime"]; p == nil || converter.GetDefaultDataConverter().FromPayload(p, &o.Moment) != nil {
				continue
			}
			out = append(out, o)
		}
		if page = listed.GetNextPageToken(); len(page) == 0 || len(out) >= 20*maxMoments {
			return out, nil
		}
	}
}

// maxJitter is the widest that a schedule may have.
const maxJitter = 24 * time.Hour

func outcomeOf(s enumspb.WorkflowExecutionStatus) string {
	switch s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "running"
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return "completed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "cancelled"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return "terminated"
	}
	return "failed"
}

// without counts the moments that had no run, and names the first and the last of them.
func without(list []occurrence) (n int, first, last time.Time) {
	for _, o := range list { // the latest first
		if o.Outcome != passedBy {
			continue
		}
		if n++; n == 1 {
			last = o.Moment
		}
		first = o.Moment
	}
	return n, first, last
}
