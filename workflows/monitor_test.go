package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// monitored is a Monitor workflow with the windows that a test says are due.
type monitored struct {
	*testsuite.TestWorkflowEnvironment
	t        *testing.T
	in       MonitorInput
	plans    []activities.PlanWindowsResult
	computed []time.Time
	events   map[time.Time][]activities.Told
	mu       sync.Mutex
	told     []string // channel and event
	hang     string   // the kind of channel that cannot be told
	untold   activities.UntoldAlertsResult
	done     []string // in order: what was asked for, and told
}

func monitoring(t *testing.T) *monitored {
	t.Helper()
	m := &monitored{TestWorkflowEnvironment: quiet().NewTestWorkflowEnvironment(), t: t, events: map[time.Time][]activities.Told{}}
	m.in = MonitorInput{Pipeline: "p", Endpoint: "e", Retrain: []string{pipeline.OnPerformance}, Notify: []pipeline.Channel{
		{Webhook: &pipeline.Webhook{URL: "env:A"}, Severity: "warning"}, {Slack: &pipeline.Slack{URL: "env:B"}, Severity: "critical"}, {Log: true, Severity: "info"},
	}}
	m.SetStartTime(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	m.SetTestTimeout(time.Minute)
	m.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // of a busy machine
	m.RegisterWorkflow(Monitor)
	m.RegisterActivity(&activities.Activities{})
	m.OnActivity(a.PlanWindows, mock.Anything, mock.Anything).Return(func(context.Context, activities.PlanWindowsParams) (*activities.PlanWindowsResult, error) {
		next := m.plans[0]
		m.plans = m.plans[1:]
		return &next, nil
	})
	m.OnActivity(a.JudgeWindow, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, p activities.JudgeWindowParams) (*activities.JudgeWindowResult, error) {
		return &activities.JudgeWindowResult{Events: m.events[p.Begins.UTC()], Open: []activities.OpenAlert{{Key: "errors/0", Severity: "critical", Message: "5 % failed"}}}, nil
	})
	m.OnActivity(a.RecentWindows, mock.Anything, mock.Anything).Maybe().Return(func(context.Context, string) ([]activities.RecentWindow, error) {
		var out []activities.RecentWindow
		for _, at := range m.computed {
			out = append([]activities.RecentWindow{{Begins: at, State: "no_traffic"}}, out...)
		}
		return out, nil
	})
	m.OnActivity(a.UntoldAlerts, mock.Anything, mock.Anything).Maybe().Return(func(context.Context, activities.UntoldAlertsParams) (*activities.UntoldAlertsResult, error) {
		return &m.untold, nil
	})
	m.OnActivity(a.Notify, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, p activities.NotifyParams) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.done = append(m.done, "tell "+p.Alert)
		if p.Channel.Kind() == m.hang {
			return temporal.NewApplicationError("no answer within 15s", string(fault.NotificationFailed))
		}
		m.told = append(m.told, p.Channel.Kind()+" "+p.Alert)
		return nil
	})
	return m
}

// computes lets windows be computed; fails are how often the first attempts fail.
func (m *monitored) computes(fails int) {
	m.OnActivity(a.ComputeWindow, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, p activities.ComputeWindowParams) (*activities.RecentWindow, error) {
		if fails--; fails >= 0 {
			return nil, temporal.NewApplicationError("Postgres is away", string(fault.DatabaseUnavailable))
		}
		m.computed = append(m.computed, p.Due.Begins.UTC())
		return &activities.RecentWindow{Begins: p.Due.Begins, State: "measured"}, nil
	})
}

func (m *monitored) run() (res MonitorResult) {
	m.t.Helper()
	m.ExecuteWorkflow(Monitor, m.in)
	require.True(m.t, m.IsWorkflowCompleted())
	require.NoError(m.t, m.GetWorkflowError())
	require.NoError(m.t, m.GetWorkflowResult(&res))
	m.AssertExpectations(m.t)
	return res
}

func dueAt(hours ...int) (out []activities.Due) {
	for _, h := range hours {
		at := time.Date(2026, 2, 28, h, 0, 0, 0, time.UTC)
		out = append(out, activities.Due{Begins: at, Ends: at.Add(time.Hour), Computed: 1})
	}
	return out
}

func TestMissedWindowsAreComputedInOrderWhileThereAreMore(t *testing.T) {
	m := monitoring(t)
	late := dueAt(3)
	late[0].Computed = 2
	m.plans = []activities.PlanWindowsResult{{Late: late, New: dueAt(10, 11), More: true}, {New: dueAt(12)}}
	m.computes(3) // Postgres is away for a while
	res := m.run()
	require.Equal(t, MonitorResult{Windows: 4, Again: 1}, res)
	var hours []int
	for _, at := range m.computed {
		hours = append(hours, at.Hour())
	}
	require.Equal(t, []int{3, 10, 11, 12}, hours)
}

func TestAnEndpointThatIsGoneIsSaid(t *testing.T) {
	m := monitoring(t)
	m.plans = []activities.PlanWindowsResult{{Gone: true}}
	res := m.run()
	require.Zero(t, res.Windows)
	require.Len(t, res.Notes, 1)
	require.Contains(t, res.Notes[0], "there is no endpoint e")
}

// Windows that nobody makes up for are named, once, in the result and in the UI.
func TestWindowsThatAreNotMadeUpForAreNamed(t *testing.T) {
	m := monitoring(t)
	const missed = "windows were missed and are not computed, 4 of 1h"
	m.plans = []activities.PlanWindowsResult{{New: dueAt(10), More: true, Note: missed}, {New: dueAt(11), Note: missed}}
	m.computes(0)
	require.Equal(t, MonitorResult{Windows: 2, Notes: []string{missed}}, m.run())
	shown, err := m.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, shown.Get(&metadata))
	require.Contains(t, metadata.CurrentDetails, "- "+missed)
}

func TestAChannelThatHangsKeepsOthersFromNothing(t *testing.T) {
	m := monitoring(t)
	m.hang = "webhook"
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1, 2)}}
	m.events[dueAt(1)[0].Begins] = []activities.Told{{ID: "one", Change: alert.Opened, Kind: pipeline.OnDataDrift, Severity: alert.Warning}, {ID: "two", Change: alert.Opened, Kind: pipeline.OnErrors, Severity: alert.Critical}}
	m.computes(0)
	res := m.run()
	require.ElementsMatch(t, []string{"log one", "slack two", "log two"}, m.told)
	require.Equal(t, 2, res.Windows)
	require.Len(t, res.Notes, 2)
	require.Contains(t, res.Notes[0], "webhook was not told")
}

func TestAnAlertOfTheFileAsksForARetraining(t *testing.T) {
	for name, applied := range map[string]error{"applied": nil, "not applied": errors.New("workflow execution not found")} {
		t.Run(name, func(t *testing.T) {
			m := monitoring(t)
			m.plans = []activities.PlanWindowsResult{{New: dueAt(1)}}
			m.events[dueAt(1)[0].Begins] = []activities.Told{
				{ID: "drift", Change: alert.Opened, Kind: pipeline.OnDataDrift, Severity: alert.Info},
				{ID: "worse", Change: alert.Opened, Kind: pipeline.OnPerformance, Severity: alert.Info, Message: "rmse is 3"},
				{ID: "lasts", Change: alert.Lasting, Kind: pipeline.OnPerformance, Severity: alert.Info, Message: "rmse is still 3"},
				{ID: "over", Change: alert.Resolved, Kind: pipeline.OnPerformance, Severity: alert.Info},
			}
			m.computes(0)
			m.OnSignalExternalWorkflow(mock.Anything, RetrainingID("p"), "", SignalTrigger, Trigger{Kind: pipeline.TriggerAlert, Key: "worse", Reason: "rmse is 3"}).Return(applied).Once()
			m.OnSignalExternalWorkflow(mock.Anything, RetrainingID("p"), "", SignalTrigger, Trigger{Kind: pipeline.TriggerAlert, Key: "lasts", Reason: "rmse is still 3"}).Return(applied).Once()
			res := m.run()
			if applied == nil {
				require.Empty(t, res.Notes)
				return
			}
			require.Len(t, res.Notes, 2)
			require.Contains(t, res.Notes[0], "the pipeline is not applied")
		})
	}
}

// What an earlier run could not tell is told, and what is given up is said.
func TestWhatCouldNotBeToldIsToldInALaterRun(t *testing.T) {
	m := monitoring(t)
	m.untold = activities.UntoldAlertsResult{Tellings: []activities.Telling{{Alert: "old", Place: 0}, {Alert: "old", Place: 1}}, GivenUp: 2}
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1)}}
	m.events[dueAt(1)[0].Begins] = []activities.Told{{ID: "old", Change: alert.Opened, Kind: pipeline.OnErrors, Severity: alert.Warning}}
	m.computes(0)
	res := m.run()
	require.ElementsMatch(t, []string{"webhook old", "slack old", "log old"}, m.told, "and not twice in one run")
	require.Len(t, res.Notes, 1)
	require.Contains(t, res.Notes[0], "2 alerts could not be told for days")
}

// A channel that hangs for minutes holds no retraining up.
func TestARetrainingIsAskedForBeforeAnybodyIsTold(t *testing.T) {
	m := monitoring(t)
	m.hang = "log"
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1)}}
	m.events[dueAt(1)[0].Begins] = []activities.Told{{ID: "worse", Change: alert.Opened, Kind: pipeline.OnPerformance, Severity: alert.Info}}
	m.computes(0)
	m.OnSignalExternalWorkflow(mock.Anything, RetrainingID("p"), "", SignalTrigger, mock.MatchedBy(func(Trigger) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.done = append(m.done, "retrain")
		return true
	})).Return(nil).Once()
	res := m.run()
	require.Equal(t, []string{"retrain", "tell worse"}, slices.Compact(m.done)[:2])
	require.Contains(t, res.Notes[0], "log was not told, and is in the next run")
}

// One message that stands for several alerts asks for what any of them does.
func TestAGroupOfAlertsAsksForARetraining(t *testing.T) {
	m := monitoring(t)
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1)}}
	m.events[dueAt(1)[0].Begins] = []activities.Told{
		{ID: "rest", Change: alert.Grouped, Kind: "grouped", Severity: alert.Info, Message: "7 more", Kinds: []string{pipeline.OnDataDrift, pipeline.OnPerformance}},
		{ID: "other", Change: alert.Grouped, Kind: "grouped", Severity: alert.Info, Kinds: []string{pipeline.OnQuality}},
	}
	m.computes(0)
	m.OnSignalExternalWorkflow(mock.Anything, RetrainingID("p"), "", SignalTrigger, Trigger{Kind: pipeline.TriggerAlert, Key: "rest", Reason: "7 more"}).Return(nil).Once()
	require.Empty(t, m.run().Notes)
}

// A rule of SQL may be long; two windows that break it are two triggers.
func TestEventsOfLongKeysAreToldApart(t *testing.T) {
	long := "e/quality/0/rule " + strings.Repeat("x < 1000 and ", 30) + "/"
	m := monitoring(t)
	m.in.Retrain = []string{pipeline.OnQuality}
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1)}}
	for _, end := range []string{"1772236800/opened", "1772240400/opened", "1772240400/lasting"} {
		m.events[dueAt(1)[0].Begins] = append(m.events[dueAt(1)[0].Begins], activities.Told{ID: long + end, Change: alert.Opened, Kind: pipeline.OnQuality, Severity: alert.Info})
	}
	m.computes(0)
	keys := map[string]bool{}
	m.OnSignalExternalWorkflow(mock.Anything, RetrainingID("p"), "", SignalTrigger, mock.MatchedBy(func(trigger Trigger) bool {
		keys[trigger.Key] = true
		return len(trigger.Key) <= maxKey && strings.HasPrefix(trigger.Key, "e/quality/0/rule x < 1000")
	})).Return(nil).Times(3)
	require.Empty(t, m.run().Notes)
	require.Len(t, keys, 3)
}

func TestLabelsThatCannotBeReadAreSaidAndWindowsComputed(t *testing.T) {
	m := monitoring(t)
	m.in.Monitor.Labels = &pipeline.Source{Path: "none.csv"}
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1)}}
	m.computes(0)
	m.OnActivity(a.PullLabels, mock.Anything, mock.Anything).Return(nil, temporal.NewNonRetryableApplicationError("none.csv is not there", string(fault.SourceNotFound), nil))
	res := m.run()
	require.Equal(t, 1, res.Windows)
	require.Equal(t, []string{"the labels could not be read: none.csv is not there"}, res.Notes)
}

func TestTheDetailsShowWindowsAndOpenAlerts(t *testing.T) {
	m := monitoring(t)
	m.plans = []activities.PlanWindowsResult{{New: dueAt(1, 2)}}
	m.computes(0)
	m.run()
	value, err := m.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&metadata))
	require.Contains(t, metadata.CurrentDetails, "| 2026-02-28 02:00 | no traffic |")
	require.Contains(t, metadata.CurrentDetails, "| critical | errors/0 | 5 % failed |")
}

// The hours of a long window are read as they end; what fails there holds nothing up.
func TestTheHoursOfALongWindowAreReadBeforeItEnds(t *testing.T) {
	for _, one := range []struct {
		window string
		err    error
		notes  int
	}{{"24h", nil, 0}, {"24h", temporal.NewNonRetryableApplicationError("corrupt", string(fault.ArtifactCorrupt), nil), 1}, {"1h", nil, 0}} {
		m := monitoring(t)
		m.in.Monitor.Window = one.window
		m.plans = []activities.PlanWindowsResult{{}}
		if one.window != "1h" {
			m.OnActivity(a.SummarizeHours, mock.Anything, activities.SummarizeHoursParams{Endpoint: "e", Monitor: m.in.Monitor, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}).Return(&activities.SummarizeHoursResult{Hours: 1}, one.err).Once()
		}
		require.Len(t, m.run().Notes, one.notes)
	}
}
