package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

const timed = minimal + "dataset: {event_time: seen}\n"

func TestRetrainingHasItsDefaults(t *testing.T) {
	r := parse(t, minimal).Retrain
	runs, per := r.BudgetOf()
	require.Equal(t, 7, runs)
	require.Equal(t, 7*24*time.Hour, per)
	require.Equal(t, 24*time.Hour, r.CooldownOf())
	require.Equal(t, 3, r.Failures())
	require.True(t, r.Remembers())
	require.True(t, r.Window.Start(time.Now()).IsZero())
	p := parse(t, minimal+"monitor: {}\nretrain: {on: [{alert: performance}, {labels: 100}, {new_data: true}], when_busy: drop, budget: {runs: 2}}\n")
	require.True(t, p.Retrain.OnAlert("performance"))
	require.False(t, p.Retrain.OnAlert("data_drift"))
	require.False(t, p.Retrain.Remembers())
	require.Equal(t, []time.Duration{0, 10 * time.Minute, time.Hour}, []time.Duration{p.Retrain.On[0].EveryOf(), p.Retrain.On[1].EveryOf(), p.Retrain.On[2].EveryOf()})
	_, per = p.Retrain.BudgetOf()
	require.Equal(t, 24*time.Hour, per)
	s := parse(t, minimal+"retrain: {schedule: {every: 6h, offset: 1h, overlap: buffer_one, catch_up: 1d, pause_on_failure: false}}\n").Retrain.Schedule
	require.Equal(t, 24*time.Hour, s.CatchUpOf())
	require.False(t, s.Pauses())
	require.True(t, pipeline.Schedule{}.Pauses())
	require.Equal(t, time.Hour, pipeline.Schedule{}.CatchUpOf())
}

func TestTheTrainingWindowHasAStart(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for window, want := range map[string]time.Time{
		"{rows: all}":                                          {},
		"{rows: sliding, length: 30d}":                         at.AddDate(0, 0, -30),
		"{rows: expanding, from: '2025-01-01'}":                time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		"{rows: since_label, length: 7d}":                      {},
		"{rows: expanding, from: '2025-01-01T02:00:00+02:00'}": time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		require.Equal(t, want, parse(t, timed+"retrain: {window: "+window+"}\n").Retrain.Window.Start(at), window)
	}
}

func TestMistakesOfRetraining(t *testing.T) {
	validate := compiled(t)
	for _, c := range []struct {
		add, path, want string
		beyond          bool
	}{
		{"retrain: {on: [{}]}", "retrain.on[0]", "not one trigger", false},
		{"retrain: {on: [{labels: 5, new_data: true}]}", "retrain.on[0]", "not one trigger", false},
		{"retrain: {on: [{labels: -5}]}", "retrain.on[0].labels", "positive", false},
		{"retrain: {on: [{alert: performnace}]}", "retrain.on[0].alert", "unknown kind", false},
		{"retrain: {on: [{alert: performance}]}", "retrain.on[0].alert", "needs the section monitor", true},
		{"retrain: {on: [{labels: 5, every: 1ms}]}", "retrain.on[0].every", "no such span", true},
		{"retrain: {cooldown: never}", "retrain.cooldown", "no such span", true},
		{"retrain: {budget: {}}", "retrain.budget.runs", "missing", false},
		{"retrain: {budget: {runs: 0}}", "retrain.budget.runs", "no budget", true},
		{"retrain: {when_busy: panic}", "retrain.when_busy", "not accepted", false},
		{"retrain: {max_failures: 0}", "retrain.max_failures", "no bound", true},
		{"retrain: {window: {rows: sliding, length: 1d}}", "retrain.window.rows", "when each row was", true},
		{"retrain: {window: {rows: all, length: 1d}}", "retrain.window.length", "says nothing", true},
		{"retrain: {schedule: {cron: '@daily', every: 1h}}", "retrain.schedule.every", "beside cron", false},
		{"retrain: {schedule: {every: 5s}}", "retrain.schedule.every", "no such span", true},
		{"retrain: {schedule: {cron: '@daily', offset: 1h}}", "retrain.schedule.offset", "nothing of cron", true},
		{"retrain: {schedule: {every: 36h, time_zone: America/Sao_Paulo}}", "retrain.schedule.time_zone", "cannot hold for every 36h", true},
		{"retrain: {schedule: {every: 7d, time_zone: America/Sao_Paulo}}", "retrain.schedule.time_zone", "cannot hold for every 7d", true},
		{"retrain: {schedule: {every: 1h, offset: 30s, time_zone: Asia/Tokyo}}", "retrain.schedule.time_zone", "whole minutes", true},
		{"retrain: {schedule: {cron: '@daily', overlap: both}}", "retrain.schedule.overlap", "not accepted", false},
	} {
		t.Run(c.add, func(t *testing.T) {
			list := mistakes(t, minimal+c.add+"\n")
			require.Equal(t, c.path, list[0].Path, pipeline.Render(list))
			require.Contains(t, list[0].Message, c.want)
			if !c.beyond {
				require.Error(t, validate([]byte(minimal+c.add+"\n")))
			}
		})
	}
	queried := strings.Replace(minimal, "{path: penguins.json}", "{postgres: {url: env:DB, query: select 1}}", 1)
	queries := mistakes(t, queried+"retrain: {on: [{new_data: true}]}\n")
	require.Equal(t, "retrain.on[0].new_data", queries[0].Path)
	require.Contains(t, queries[0].Message, "another query is seen only by running it")
	parse(t, strings.Replace(queried, "query: select 1", "query: select 1, changed_by: select 2", 1)+"retrain: {on: [{new_data: true}]}\n")
	list := mistakes(t, timed+"retrain: {window: {rows: expanding, from: soon}}\n")
	require.Equal(t, "retrain.window.from", list[0].Path)
	list = mistakes(t, minimal+"monitor: {alerts: [{on: errors}]}\nretrain: {on: [{alert: performance}]}\n")
	require.Contains(t, list[0].Message, "no alert of monitor is on performance")
}

// Temporal keeps intervals in UTC alone: in another zone they are cron expressions.
func TestAnIntervalOfATimeZoneIsCron(t *testing.T) {
	for every, want := range map[string][]string{
		"every: 24h, offset: 3h":   {"0 3 * * *"},
		"every: 1d":                {"0 0 * * *"},
		"every: 6h, offset: 7h30m": {"30 1,7,13,19 * * *"},
		"every: 15m, offset: 5m":   {"5,20,35,50 * * * *"},
		"every: 8h":                {"0 0,8,16 * * *"},
		"every: 90m":               {"0 0,3,6,9,12,15,18,21 * * *", "30 1,4,7,10,13,16,19,22 * * *"},
	} {
		require.Equal(t, want, parse(t, minimal+"retrain: {schedule: {"+every+", time_zone: America/Sao_Paulo}}\n").Retrain.Schedule.Local(), every)
		require.Empty(t, parse(t, minimal+"retrain: {schedule: {"+every+"}}\n").Retrain.Schedule.Local(), every)
	}
	require.Empty(t, parse(t, minimal+"retrain: {schedule: {every: 36h}}\n").Retrain.Schedule.Local())
}
