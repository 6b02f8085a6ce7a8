package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// MonitorID is the schedule that watches an endpoint; Temporal adds the moment for
// each of its workflows.
func MonitorID(endpoint string) string { return "endpoint/" + endpoint + "/monitor" }

// MonitorInput is what the file says of an endpoint that is watched, as it was applied.
type MonitorInput struct {
	Pipeline string             `json:"pipeline"`
	Endpoint string             `json:"endpoint"`
	Monitor  pipeline.Monitor   `json:"monitor"`
	Notify   []pipeline.Channel `json:"notify,omitempty"`
	Slices   [][]string         `json:"slices,omitempty"`  // evaluate.slices
	Retrain  []string           `json:"retrain,omitempty"` // kinds of alerts that ask for a retraining
	BaseDir  string             `json:"base_dir"`
	// Deleted says that the pipeline was, by whom and when; empty: it is applied.
	Deleted string `json:"deleted,omitempty"`
}

// MonitorResult is what one run of the monitor came to.
type MonitorResult struct {
	Windows int      `json:"windows"` // computed
	Again   int      `json:"again"`   // of them for labels that came late
	Events  int      `json:"events"`
	More    bool     `json:"more"` // windows are left to the next run
	Notes   []string `json:"notes,omitempty"`
}

// Bounds of one run: what is left is due in the next.
const (
	windowsAtOnce = 24
	maxRounds     = 10
	maxNotes      = 20
)

// notifying is for one attempt to tell one channel; those that hang are given up
// after a while, so that the next windows are not held up.
const (
	notifyAttempt = 30 * time.Second
	notifyFor     = 10 * time.Minute
	notifyShortly = time.Minute
)

// patience is how long channels are tried: as long as a window, within bounds, so that
// one that hangs holds up no more than a few.
func (m *monitor) patience() time.Duration {
	return min(max(m.in.Monitor.Length(), notifyShortly), notifyFor)
}

// monitor is one run of the workflow.
type monitor struct {
	in     MonitorInput
	queue  string
	result MonitorResult
	recent []activities.RecentWindow
	open   []activities.OpenAlert
	judged bool
	// persists: what is not told stays untold, and is tried again in the next run;
	// executions that began before that was so end as they began.
	persists bool
	again    []telling // of what earlier runs could not tell
}

// telling is a channel that is being told of an event.
type telling struct {
	activities.Telling
	done workflow.Future
}

// Monitor computes the windows of an endpoint that are due, in order of time, judges
// each, tells people and asks for a retraining where the file says so. A failure to
// tell, or a retraining that is not applied, is noted and holds nothing up.
func Monitor(ctx workflow.Context, in MonitorInput) (MonitorResult, error) {
	m := &monitor{in: in, queue: queuesOf(ctx).Data}
	if in.Deleted != "" {
		m.note("%s: endpoint %s goes on answering and is watched, and nobody is asked to retrain. Apply its file again, or deploy another pipeline's model", in.Deleted, in.Endpoint)
	}
	m.render(ctx)
	m.persists = workflow.GetVersion(ctx, "alerts are told until they are heard", workflow.DefaultVersion, 1) != workflow.DefaultVersion
	m.tellAgain(ctx)
	m.pull(ctx)
	m.hours(ctx)
	for range maxRounds {
		var plan activities.PlanWindowsResult
		if err := call(ctx, m.queue, short, "plan the windows of "+in.Endpoint, &plan, a.PlanWindows,
			activities.PlanWindowsParams{Endpoint: in.Endpoint, Monitor: in.Monitor, Now: workflow.Now(ctx), Most: windowsAtOnce}); err != nil {
			return m.result, err
		}
		if plan.Gone {
			m.note("there is no endpoint %s: nothing is watched. Deploy to it, or apply a file without monitor", in.Endpoint)
			break
		}
		if plan.Note != "" && !slices.Contains(m.result.Notes, plan.Note) {
			m.note("%s", plan.Note)
		}
		for _, due := range append(plan.Late, plan.New...) {
			if err := m.window(ctx, due); err != nil {
				return m.result, err
			}
		}
		if m.result.More = plan.More; !plan.More {
			break
		}
	}
	m.heard(ctx, m.again)
	if err := call(ctx, m.queue, short, "list the last windows", &m.recent, a.RecentWindows, in.Endpoint); err != nil {
		return m.result, err
	}
	m.render(ctx)
	return m.result, nil
}

func (m *monitor) note(format string, args ...any) {
	if len(m.result.Notes) < maxNotes {
		m.result.Notes = append(m.result.Notes, fmt.Sprintf(format, args...))
	}
}

// pull reads the labels of monitor.labels. Windows without them are computed, and
// again when they are there.
func (m *monitor) pull(ctx workflow.Context) {
	if m.in.Monitor.Labels == nil {
		return
	}
	var res activities.PullLabelsResult
	if err := call(ctx, m.queue, long, "read the labels of "+m.in.Endpoint, &res, a.PullLabels,
		activities.PullLabelsParams{Pipeline: m.in.Pipeline, Endpoint: m.in.Endpoint, Source: *m.in.Monitor.Labels, BaseDir: m.in.BaseDir}); err != nil {
		m.note("the labels could not be read: %s", reasonOf(err))
	}
}

// hours has the hours that are over of a window under way read, which is longer: when
// it ends, they are read once already. What fails here is done when it is computed.
func (m *monitor) hours(ctx workflow.Context) {
	if m.in.Monitor.Length() <= time.Hour || workflow.GetVersion(ctx, "hours of a long window", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	if err := call(ctx, m.queue, long, "read the hours of "+m.in.Endpoint, nil, a.SummarizeHours,
		activities.SummarizeHoursParams{Endpoint: m.in.Endpoint, Monitor: m.in.Monitor, Now: workflow.Now(ctx)}); err != nil {
		m.note("the hours under way could not be read: %s", reasonOf(err))
	}
}

func (m *monitor) window(ctx workflow.Context, due activities.Due) error {
	name := due.Begins.UTC().Format("2006-01-02 15:04")
	var w activities.RecentWindow
	if err := call(ctx, m.queue, long, "compute the window of "+name, &w, a.ComputeWindow,
		activities.ComputeWindowParams{Endpoint: m.in.Endpoint, Monitor: m.in.Monitor, Due: due, Slices: m.in.Slices}); err != nil {
		return err
	}
	var judged activities.JudgeWindowResult
	if err := call(ctx, m.queue, short, "judge the window of "+name, &judged, a.JudgeWindow,
		activities.JudgeWindowParams{Pipeline: m.in.Pipeline, Endpoint: m.in.Endpoint, Monitor: m.in.Monitor, Begins: due.Begins, Notify: m.in.Notify}); err != nil {
		return err
	}
	m.result.Windows++
	if due.Computed > 1 {
		m.result.Again++
	}
	m.result.Events += len(judged.Events)
	m.recent = append([]activities.RecentWindow{w}, m.recent...)
	m.recent = m.recent[:min(len(m.recent), 12)]
	m.open, m.judged = judged.Open, true
	m.render(ctx)
	if m.persists { // a channel that hangs holds no retraining up
		m.retrain(ctx, judged.Events)
	}
	m.tell(ctx, judged.Events)
	if !m.persists {
		m.retrain(ctx, judged.Events)
	}
	return nil
}

// tellAgain begins to tell what earlier runs could not, beside the windows: a channel
// that still hangs holds none of them up.
func (m *monitor) tellAgain(ctx workflow.Context) {
	if !m.persists || len(m.in.Notify) == 0 {
		return
	}
	var res activities.UntoldAlertsResult
	if err := call(ctx, m.queue, short, "list what could not be told", &res, a.UntoldAlerts,
		activities.UntoldAlertsParams{Pipeline: m.in.Pipeline, Endpoint: m.in.Endpoint, Notify: m.in.Notify, Now: workflow.Now(ctx)}); err != nil {
		m.note("what could not be told before is not known: %s", reasonOf(err))
		return
	}
	if res.GivenUp > 0 {
		m.note("%s could not be told for days, and the worker's log alone says what (esteira monitor show %s)", plural(res.GivenUp, "alert"), m.in.Endpoint)
	}
	for _, t := range res.Tellings {
		m.again = append(m.again, m.begin(ctx, t))
	}
}

// tell tells every channel of every event, all at once: one that hangs keeps the
// others from nothing.
func (m *monitor) tell(ctx workflow.Context, events []activities.Told) {
	var all []telling
	for _, e := range events {
		for place, c := range m.in.Notify {
			t := activities.Telling{Alert: e.ID, Place: place}
			under := slices.ContainsFunc(m.again, func(o telling) bool { return o.Telling == t })
			if e.Severity.AtLeast(alert.Severity(c.Severity)) && !under {
				all = append(all, m.begin(ctx, t))
			}
		}
	}
	m.heard(ctx, all)
}

func (m *monitor) begin(ctx workflow.Context, t activities.Telling) telling {
	c := m.in.Notify[t.Place]
	o := activityOptions(m.queue, timeouts{attempt: notifyAttempt}, fmt.Sprintf("tell %s: %s", c.Kind(), t.Alert))
	o.ScheduleToCloseTimeout = m.patience()
	return telling{t, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), a.Notify,
		activities.NotifyParams{Pipeline: m.in.Pipeline, Endpoint: m.in.Endpoint, Channel: c, Place: t.Place, Alert: t.Alert})}
}

// heard waits for channels and notes those that were not told.
func (m *monitor) heard(ctx workflow.Context, all []telling) {
	for _, t := range all {
		if err := t.done.Get(ctx, nil); err != nil {
			next := ""
			if m.persists {
				next = ", and is in the next run"
			}
			m.note("%s was not told%s: %s", m.in.Notify[t.Place].Kind(), next, reasonOf(err))
		}
	}
}

// retrain asks for a retraining of what opened, and again of what lasts: the rows that
// the first had may have been too few to learn the change from. The same event is the
// same trigger.
func (m *monitor) retrain(ctx workflow.Context, events []activities.Told) {
	for _, e := range events {
		asks := slices.ContainsFunc(append(e.Kinds, e.Kind), func(kind string) bool { return slices.Contains(m.in.Retrain, kind) })
		if m.in.Deleted != "" || !asks || e.Change == alert.Resolved {
			continue
		}
		if e.Change == alert.Lasting && workflow.GetVersion(ctx, "retrain while an alert lasts", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
			continue
		}
		t := Trigger{Kind: pipeline.TriggerAlert, Key: triggerKey(e.ID), Reason: e.Message}
		if err := workflow.SignalExternalWorkflow(ctx, RetrainingID(m.in.Pipeline), "", SignalTrigger, t).Get(ctx, nil); err != nil {
			why := err.Error()
			if temporal.IsCanceledError(err) {
				return
			}
			m.note("no retraining was asked for, the pipeline is not applied (esteira apply FILE): %s", why)
		}
	}
}

// triggerKey is an event's id as a trigger is known by. What is too long is told apart
// by its digest: the window and the change stand at the end.
func triggerKey(id string) string {
	if len(id) <= maxKey {
		return id
	}
	digest := sha256.Sum256([]byte(id))
	return strings.ToValidUTF8(id[:maxKey-2*len(digest)-1], "") + "#" + hex.EncodeToString(digest[:])
}

// render tells in the Temporal UI how the endpoint does.
func (m *monitor) render(ctx workflow.Context) {
	var b strings.Builder
	say(&b, "Monitor of endpoint **%s** of %s: %s computed, %d of them again for late labels", m.in.Endpoint, m.in.Pipeline, plural(m.result.Windows, "window"), m.result.Again)
	if m.result.More {
		b.WriteString("; more are left to the next run")
	}
	b.WriteString("\n\n| window | state | requests | labelled | note |\n|---|---|---|---|---|\n")
	for _, w := range m.recent {
		say(&b, "| %s | %s | %d | %d | %s |\n", w.Begins.UTC().Format("2006-01-02 15:04"), strings.ReplaceAll(w.State, "_", " "), w.Requests, w.Labelled, cell(w.Note))
	}
	switch {
	case len(m.open) > 0:
		b.WriteString("\n**Open alerts**\n\n| severity | alert | what |\n|---|---|---|\n")
		for _, o := range m.open {
			say(&b, "| %s | %s | %s |\n", o.Severity, cell(o.Key), cell(o.Message))
		}
	case m.judged:
		b.WriteString("\nNo alert is open.\n")
	}
	for _, n := range m.result.Notes {
		say(&b, "\n- %s", cell(n))
	}
	say(&b, "\n\nLook closer: `esteira monitor show %s`\n", m.in.Endpoint)
	workflow.SetCurrentDetails(ctx, b.String())
}
