package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/testline"
)

func drawn(t *testing.T, w world) []flight {
	t.Helper()
	data := filepath.Join(testline.Root(), "examples", "flights")
	out, err := w.draw(t.Context(), t.TempDir(), filepath.Join(data, "flights.parquet"), filepath.Join(data, "airports.csv"))
	require.NoError(t, err)
	return out
}

// The year is the same each time, in order, and changes as it says.
func TestTheYearIsDrawnAsDeclared(t *testing.T) {
	w := theYear(300)
	flights := drawn(t, w)
	require.Equal(t, flights, drawn(t, w))
	plain := w
	plain.Changes = nil
	as := map[string]float64{} // what the data say, by the question
	for _, f := range drawn(t, plain) {
		as[strings.Join(f.row[1:9], " ")] = f.Delay
	}
	weeks, short := map[int]int{}, map[bool]int{}
	before := -8 * week
	for _, f := range flights {
		require.GreaterOrEqual(t, f.At, before, "in the order in which they leave")
		before = f.At
		require.Equal(t, f.Week, int(math.Floor(float64(f.At)/float64(week))))
		weeks[f.Week]++
		departed := firstDay.Add(f.At)
		var later float64
		if f.Week >= 20 && departed.Hour() >= 15 {
			later += 45
		}
		if f.Week >= 40 && departed.Hour() < 10 {
			later += 45
		}
		if is, ok := as[strings.Join(f.row[1:9], " ")]; ok && f.Week < 32 {
			require.InDelta(t, is+later, f.Delay, 1e-9, f.ID)
		}
		if len(f.row[2]) < 3 || len(f.row[2]) == 3 && f.row[2] < "500" {
			short[f.Week >= 32]++
		}
	}
	require.Len(t, weeks, 8+52)
	for n, have := range weeks {
		require.Equal(t, 300, have, n)
	}
	require.Less(t, float64(short[true])/(20*300), 0.6*float64(short[false])/(40*300), "fewer short flights from August on")
}

func TestLabelsComeLateTwiceWrongAndNever(t *testing.T) {
	flights := drawn(t, world{Weeks: 4, PerWeek: 800})
	labels, sum := labelsOf(flights)
	require.Positive(t, sum.Never)
	require.Positive(t, sum.Twice)
	require.Positive(t, sum.Corrected)
	require.Len(t, labels, len(flights)-sum.Never+sum.Twice+sum.Corrected)
	at, truth := map[string]time.Duration{}, map[string]float64{}
	for _, f := range flights {
		at[f.ID], truth[f.ID] = f.At, f.Delay
	}
	last, inForce := time.Duration(0), map[string]float64{}
	for _, l := range labels {
		require.GreaterOrEqual(t, l.at, last, "in the order in which they are sent")
		last = l.at
		require.GreaterOrEqual(t, l.at-at[l.Request], 72*time.Hour)
		require.LessOrEqual(t, l.at-at[l.Request], 16*24*time.Hour)
		inForce[l.Request] = l.Label
	}
	for id, label := range inForce {
		require.InDelta(t, truth[id], label, 1e-9, "the last word is the truth")
	}
}

func TestDurationsOfAFileAreScaled(t *testing.T) {
	text := "monitor: {window: 7d, late: 28d}\nsince: 2016h}\nfor: 3d}, {share: 0.5, for: 4d}\nlabels: 7000\n# 7d\n"
	require.Equal(t, "monitor: {window: 6s, late: 24s}\nsince: 1m12s}\nfor: 2.571s}, {share: 0.5, for: 3.429s}\nlabels: 7000\n# 7d\n", scaled(text, 6*time.Second))
}

// A year that did not keep a promise says which.
func TestBrokenPromisesAreTold(t *testing.T) {
	good := func() *year {
		return &year{
			Weeks:    []weekOf{{Week: 9}},
			Rollouts: []rolloutOf{{State: "live", Model: "year@2", Canaries: 3, To: 9}},
			Summary:  summary{With: 1, Without: 2, Windows: 1, WindowRequests: 5, Requests: 5, Audited: 5, Labelled: 4, Labels: fates{Never: 1}, Retrainings: 1, Promotions: 1, Alerts: map[string]int{"performance": 1}},
		}
	}
	require.Empty(t, good().broken())
	for want, spoil := range map[string]func(*year){
		"not answered with 200":    func(y *year) { y.Summary.Failed = 1 },
		"4 in the log":             func(y *year) { y.Summary.Audited = 4 },
		"1 not as they were":       func(y *year) { y.Summary.Untraceable = 1 },
		"2 windows":                func(y *year) { y.Summary.Windows = 2 },
		"6 in windows":             func(y *year) { y.Summary.WindowRequests = 6 },
		"3 labels of 4":            func(y *year) { y.Summary.Labelled = 3 },
		"no loss of performance":   func(y *year) { y.Summary.Alerts = nil },
		"before the world changed": func(y *year) { y.Summary.FalseAlerts = 1 },
		"was promoted":             func(y *year) { y.Summary.Promotions, y.Summary.NotBetter = 0, 1 },
		"0 not better and 0 under": func(y *year) { y.Summary.Retrainings = 2 },
		"with retraining, 2":       func(y *year) { y.Summary.With = 3 },
		"answered as a canary":     func(y *year) { y.Rollouts[0].Canaries = 0 },
	} {
		y := good()
		spoil(y)
		broken := y.broken()
		require.Len(t, broken, 1, want)
		require.Contains(t, broken[0].Error(), want)
	}
}

// The picture stands alone, says in words what it shows, and trusts no text.
func TestThePictureIsSafeAndSaysWhatItShows(t *testing.T) {
	y := &year{
		Weeks:       []weekOf{{Week: 9, With: 20, Without: 20, By: map[int]int{1: 5}}, {Week: 10, With: 15, Without: 30, By: map[int]int{2: 5}}, {Week: 11, With: 30, Without: 15, By: map[int]int{2: 5}}},
		Changes:     []changeOf{{From: 10, To: 52, Words: `<script>"&`}},
		Alerts:      []alertOf{{At: 9.2, Kind: "performance", Subject: "mae", Change: "opened", Severity: "critical", Message: "<b>"}, {At: 9.9, Kind: "performance", Subject: "mae", Change: "resolved"}},
		Retrainings: []retraining{{Begun: 9.3, Ended: 9.9, Trigger: "alert", Decision: "deployed", Model: "year@2"}, {Begun: 10, Ended: 10.4, Trigger: "labels", Decision: "rejected"}},
		Rollouts:    []rolloutOf{{From: 9.5, To: 9.9, Model: "year@2", State: "live"}},
		Summary:     summary{With: 18, Without: 25, Requests: 10},
	}
	picture := y.picture()
	for _, want := range []string{`role="img"`, "prefers-color-scheme:dark", "&lt;script&gt;", "a retraining asked for by alert ends promoted, year@2 is live", "not better, the champion stays", "No request of 10 failed", `class="gain"`, `class="loss"`, ">v1<"} {
		require.Contains(t, picture, want)
	}
	require.NotContains(t, picture, "<script")
	require.NotContains(t, picture, "NaN")
	require.NotContains(t, strings.ReplaceAll(picture, "http://www.w3.org/2000/svg", ""), "http", "nothing from outside")
	page, err := y.page()
	require.NoError(t, err)
	require.Contains(t, string(page), picture)
}
