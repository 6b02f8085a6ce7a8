package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// appliedMonitor is the schedule that watches the pipeline's endpoint.
type appliedMonitor struct {
	cfg config.Config
	t   client.Client
	f   file
}

const (
	// monitorEvery is the least time between two runs: one computes several windows of
	// seconds.
	monitorEvery = 5 * time.Second
	// rowsEvery is how often is looked whether there are answers enough for a window of
	// monitor.rows.
	rowsEvery = time.Minute
	// monitorCatchUp may be short: a run computes every window that was missed.
	monitorCatchUp = 10 * time.Minute
)

func (m *appliedMonitor) id() string { return workflows.MonitorID(m.f.pipeline.Deploy.Endpoint) }

// wanted is what the file asks for; nil: the endpoint is not watched.
func (m *appliedMonitor) wanted() *workflows.MonitorInput {
	p := m.f.pipeline
	if !p.Monitoring() {
		return nil
	}
	in := &workflows.MonitorInput{Pipeline: p.Name, Endpoint: p.Deploy.Endpoint, Monitor: *p.Monitor, Notify: p.Notify, BaseDir: m.f.dir}
	for _, columns := range p.Evaluate.Slices {
		in.Slices = append(in.Slices, columns)
	}
	seen := map[string]bool{}
	for _, on := range p.Retrain.On {
		if on.Alert != "" && !seen[on.Alert] {
			seen[on.Alert] = true
			in.Retrain = append(in.Retrain, on.Alert)
		}
	}
	return in
}

// current is what the schedule that is there was made of; nil: there is none.
func (m *appliedMonitor) current(ctx context.Context) (*workflows.MonitorInput, error) {
	d, err := m.t.ScheduleClient().GetHandle(ctx, m.id()).Describe(ctx)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "look at the monitor of %s", m.f.pipeline.Deploy.Endpoint).WithRemedy("check that Temporal runs: esteira doctor")
	}
	in := &workflows.MonitorInput{}
	if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); !ok || !argument(action, in) {
		return &workflows.MonitorInput{}, nil // made by another build: all of it differs
	}
	return in, nil
}

// elsewhere are the endpoints that this pipeline's schedules watch and its file no
// longer deploys to: it was renamed. Temporal lists schedules a moment late.
func (m *appliedMonitor) elsewhere(ctx context.Context) ([]string, error) {
	name := m.f.pipeline.Name
	listed, err := m.t.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100, Query: fmt.Sprintf("%s = '%s'", temporal.Pipeline.GetName(), name)})
	var out []string
	for err == nil && listed.HasNext() {
		var s *client.ScheduleListEntry
		if s, err = listed.Next(); err != nil {
			break
		}
		endpoint := strings.TrimSuffix(strings.TrimPrefix(s.ID, "endpoint/"), "/monitor")
		if s.ID == workflows.MonitorID(endpoint) && s.ID != m.id() {
			out = append(out, endpoint)
		}
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "list the monitors of %s", name).WithRemedy("check that Temporal runs: esteira doctor")
	}
	slices.Sort(out)
	return out, nil
}

func (m *appliedMonitor) differs(ctx context.Context) ([]change, error) {
	changes, err := m.own(ctx)
	if err != nil {
		return nil, err
	}
	old, err := m.elsewhere(ctx)
	for _, endpoint := range old {
		changes = append(changes, change{What: "monitor of " + endpoint, From: "the file deploys to another endpoint"})
	}
	return changes, err
}

// own is what would change of the monitor of the file's endpoint.
func (m *appliedMonitor) own(ctx context.Context) ([]change, error) {
	wanted, current := m.wanted(), (*workflows.MonitorInput)(nil)
	current, err := m.current(ctx)
	switch {
	case err != nil:
		return nil, err
	case wanted == nil && (current == nil || current.Pipeline != m.f.pipeline.Name): // or another pipeline's own
		return nil, nil
	case wanted == nil:
		return []change{{What: "monitor", From: fmt.Sprintf("watches endpoint %s every %s", current.Endpoint, spanOf(current.Monitor))}}, nil
	case current == nil:
		return []change{{What: "monitor", To: fmt.Sprintf("watches endpoint %s every %s", wanted.Endpoint, spanOf(wanted.Monitor))}}, nil
	}
	to, err := flat(wanted)
	if err != nil {
		return nil, err
	}
	from, err := flat(current)
	return differences("monitor of "+wanted.Endpoint+": ", from, to), err
}

func (m *appliedMonitor) apply(ctx context.Context) error {
	old, err := m.elsewhere(ctx)
	if err != nil {
		return err
	}
	for _, endpoint := range old {
		if err := m.t.ScheduleClient().GetHandle(ctx, workflows.MonitorID(endpoint)).Delete(ctx); err != nil && !errors.As(err, new(*serviceerror.NotFound)) {
			return fault.Wrap(err, fault.TemporalUnavailable, "end the monitor of endpoint %s", endpoint)
		}
	}
	wanted := m.wanted()
	if wanted == nil {
		if current, err := m.current(ctx); err != nil || current == nil || current.Pipeline != m.f.pipeline.Name {
			return err
		}
		return missing(m.t.ScheduleClient().GetHandle(ctx, m.id()).Delete(ctx), "apply it again", "endpoint %s is not watched", m.f.pipeline.Deploy.Endpoint)
	}
	attributes := sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(wanted.Pipeline), temporal.Endpoint.ValueSet(wanted.Endpoint))
	_, err = putSchedule(ctx, m.t, client.ScheduleOptions{
		ID: m.id(), Note: "applied from " + m.f.path, TypedSearchAttributes: attributes,
		Spec:    client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: everyOf(wanted.Monitor), Offset: offsetOf(wanted.Monitor)}}},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: monitorCatchUp,
		Action: &client.ScheduleWorkflowAction{
			ID: m.id(), Workflow: workflows.Monitor, Args: []any{*wanted}, TaskQueue: temporal.QueuesOf(m.cfg.TaskQueue).Workflow, // Temporal adds the moment
			StaticSummary: "monitor of endpoint " + wanted.Endpoint, TypedSearchAttributes: attributes,
		},
	})
	return err
}

// spanOf is what a window is made of, in words.
func spanOf(m pipeline.Monitor) string {
	if m.Rows > 0 {
		return plural(m.Rows, "answer")
	}
	return m.Window
}

// everyOf is the length of a window, or as many of them as are monitorEvery; of windows
// of many hours it is an hour, which is then read once and kept.
func everyOf(m pipeline.Monitor) time.Duration {
	switch length := m.Length(); {
	case m.Rows > 0:
		return rowsEvery
	case length > time.Hour && length%time.Hour == 0:
		return time.Hour
	}
	return m.Length() * max(1, (monitorEvery+m.Length()-1)/m.Length())
}

// offsetOf moves the schedule to the ends of windows: it counts from 1970, windows
// are multiples counted from the year 1.
func offsetOf(m pipeline.Monitor) time.Duration {
	if m.Rows > 0 {
		return 0
	}
	epoch := time.Unix(0, 0).UTC()
	within := epoch.Sub(epoch.Truncate(m.Length()))
	return (m.Length() - within + m.Delay()) % min(m.Length(), everyOf(m))
}
