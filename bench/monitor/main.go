// Command monitor measures how often the monitor alarms on windows of real flights that
// are stable by construction, how often on windows that were moved on purpose, and what
// a window costs. Each line of its output is JSON.
//
// The rows of one month are dealt at random: some are what a simple model has learned
// from, some its test rows, the rest are windows with their labels. Windows go the whole
// way: records as JSON, counted, measured, held against bounds, and the board that tells
// people.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// line is what windows of one kind came to.
type line struct {
	Kind     string         `json:"kind"`
	Rows     int            `json:"rows"` // of a window
	Windows  int            `json:"windows"`
	Breached map[string]int `json:"breached"` // windows with a finding beyond its bound, by kind of alert
	Judged   map[string]int `json:"judged"`   // windows with a finding that could tell
	Opened   map[string]int `json:"opened"`   // alerts told, after the hysteresis of the usual alerts
	First    map[string]int `json:"first"`    // the window, from 1, in which one was told first
	CPU      float64        `json:"cpu"`      // seconds a window, all of it in this process
}

func main() {
	flights := flag.String("flights", "", "flights-3m.parquet")
	rows := flag.Int("rows", 2000, "of a window")
	windows := flag.Int("windows", 200, "that are stable; a quarter as many of each moved kind")
	flag.Parse()
	if err := run(context.Background(), *flights, *rows, *windows); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// asked are the alerts: the usual ones and those of the other kinds.
const asked = `name: flights
problem: {task: regression, target: delay, metric: rmse}
sources: {s: {path: s.csv}}
monitor:
  alerts:
    - {on: data_drift, after: 2, of: 3}
    - {on: prediction_drift, after: 2, of: 3}
    - {on: quality}
    - {on: performance, max_loss: 0.1, after: 2, of: 3}
    - {on: estimated_performance, max_loss: 0.1, after: 2, of: 3}
    - {on: multivariate_drift, after: 2, of: 3}
    - {on: concept_drift}
    - {on: errors}
`

func run(ctx context.Context, flights string, rows, windows int) error {
	p, err := pipeline.Parse("monitor.yaml", []byte(asked))
	if err != nil {
		return err
	}
	stable, err := month(ctx, flights, "2001-02-01", "2001-03-01")
	if err != nil {
		return err
	}
	m, err := learn(ctx, stable[:learned], stable[learned:learned+tested])
	if err != nil {
		return err
	}
	june, err := month(ctx, flights, "2001-06-01", "2001-07-01")
	if err != nil {
		return err
	}
	rest := stable[learned+tested:]
	few := max(10, windows/4)
	r := rand.New(rand.NewPCG(11, 12))
	for _, kind := range []struct {
		name    string
		from    []flight
		windows int
		move    func(f *flight)
	}{
		{"stable", rest, windows, nil},
		{"distances 30 % longer", rest, few, func(f *flight) { f.distance *= 1.3 }},
		{"5 % from an airport never seen", rest, few, func(f *flight) {
			if r.Float64() < .05 {
				f.origin = "BER"
			}
		}},
		{"10 % of the distances null", rest, few, func(f *flight) {
			if r.Float64() < .1 {
				f.distance = math.NaN()
			}
		}},
		{"destinations dealt anew", rest, few, func(f *flight) { f.destination = rest[r.IntN(len(rest))].destination }},
		{"delays 30 minutes longer", rest, few, func(f *flight) { f.delay += 30 }},
		{"June, by the model of February", june, few, nil},
	} {
		l := line{Kind: kind.name, Rows: rows, Windows: kind.windows, Breached: map[string]int{}, Judged: map[string]int{}, Opened: map[string]int{}, First: map[string]int{}}
		if err := m.watch(ctx, p.Monitor, kind.from, kind.move, &l); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// stillWindows come before those that are moved, as they were: a change is one of a
// stream.
const stillWindows = 10

// watch computes one window after another. Rows come again where there are too few.
func (m *learnedModel) watch(ctx context.Context, monitor *pipeline.Monitor, from []flight, move func(*flight), l *line) error {
	var board alert.Board
	var previous []*drift.Summary
	var errs []*drift.Errors
	begins := time.Date(2001, 2, 1, 0, 0, 0, 0, time.UTC)
	before, at, still := cpu(), 0, stillWindows
	if move == nil {
		still = 0
	}
	for n := -still; n < l.Windows; n++ {
		c := window.Collect(begins, begins.Add(time.Hour), func(string, int) (window.Model, error) { return m.Model, nil })
		for i := range l.Rows {
			f := from[at%len(from)]
			at++
			if f.predict(m); move != nil && n >= 0 {
				answered := f.predicted
				move(&f)
				if f.predict(m); f.distance != f.distance {
					f.predicted = answered
				}
			}
			if err := c.Add(f.answer(begins.Add(time.Duration(i) * time.Hour / time.Duration(l.Rows)))); err != nil {
				return err
			}
		}
		measures, summaries, err := c.Measure(ctx, window.Options{
			Endpoint: "flights", MinRows: monitor.MinRows,
			Previous: func(window.Model) ([]*drift.Summary, error) { return previous, nil },
			Errors:   func(window.Model) ([]*drift.Errors, error) { return errs, nil },
			Training: m.training,
		})
		if err != nil {
			return err
		}
		previous = nil
		for _, s := range summaries {
			one, err := drift.Decode(s.Summary, &m.Bundle.Baseline.Layout)
			if err != nil {
				return err
			}
			e, err := drift.DecodeErrors(s.Errors)
			if err != nil {
				return err
			}
			previous, errs = append(previous, one), append(errs, e)
		}
		errs = errs[max(0, len(errs)-168):]
		l.judge(n+1, &board, begins.Add(time.Hour), window.Findings(measures, monitor.Alerts))
		begins = begins.Add(time.Hour)
	}
	l.CPU = (cpu() - before) / float64(l.Windows+still)
	return nil
}

func (l *line) judge(n int, board *alert.Board, end time.Time, findings []alert.Finding) {
	if n < 1 { // not moved yet
		board.Step(end, findings)
		return
	}
	breached, judged := map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		judged[f.Kind] = judged[f.Kind] || f.Verdict != alert.Unknown
		breached[f.Kind] = breached[f.Kind] || f.Verdict == alert.Breached
	}
	for kind := range judged {
		if judged[kind] {
			l.Judged[kind]++
		}
		if breached[kind] {
			l.Breached[kind]++
		}
	}
	for _, e := range board.Step(end, findings) {
		if kind := e.Finding.Kind; e.Change == alert.Opened {
			l.Opened[kind]++
			if l.First[kind] == 0 {
				l.First[kind] = n
			}
		}
	}
}

// cpu is the processor time of this process, in seconds.
func cpu() float64 {
	runtime.Gosched()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // no such process: this one
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
