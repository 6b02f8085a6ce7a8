package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/window"
)

func (a *app) monitorTimeline() *cobra.Command {
	var last int
	var html string
	c := &cobra.Command{
		Use: "timeline ENDPOINT", Short: "Show how an endpoint did over its last windows: drift, scores, service levels, alerts",
		Long: "timeline shows the last windows of an endpoint in order of time. With --html it also writes a page with\n" +
			"plots over time that needs nothing else.",
		Example: "  esteira monitor timeline flights --last 168\n  esteira monitor timeline flights --html flights.html", Args: exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 1 || last > 10_000 {
				return usage("--last is %d", last).WithRemedy("give 1 to 10000")
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				t, err := a.timeline(cmd.Context(), db, args[0], last)
				if err != nil {
					return err
				}
				if html != "" {
					if err := writePage(html, t); err != nil {
						return err
					}
				}
				return a.print(t, func() { a.sayTimeline(t, html) })
			})
		},
	}
	c.Flags().IntVar(&last, "last", 48, "how many windows and alerts")
	c.Flags().StringVar(&html, "html", "", "write a page with plots to this file")
	return c
}

func writePage(path string, t *drift.Timeline) error {
	f, err := os.Create(path)
	if err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "write %s", path).WithRemedy("name a file in a directory that exists")
	}
	if err := t.Write(f); err != nil {
		_ = f.Close()
		return fault.Wrap(err, fault.Internal, "write %s", path)
	}
	return f.Close()
}

func (a *app) timeline(ctx context.Context, db *metadata.DB, endpoint string, last int) (*drift.Timeline, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	if _, err := db.Endpoint(ctx, endpoint); err != nil {
		return nil, err
	}
	windows, err := db.Windows(ctx, endpoint, last)
	if err != nil {
		return nil, err
	}
	told, err := db.Alerts(ctx, endpoint, last)
	if err != nil {
		return nil, err
	}
	t := &drift.Timeline{Endpoint: endpoint, Windows: make([]drift.Moment, len(windows)), Told: make([]drift.Told, len(told))}
	for i, w := range windows { // newest first
		f, err := window.FiguresOf(w)
		if err != nil {
			return nil, err
		}
		t.Windows[len(windows)-1-i] = drift.Moment{
			Past: f.Past(w.Begins, w.Answered), Ends: w.Ends.UnixMicro(), State: w.State, Requests: w.Requests, Labelled: w.Labelled, Rejected: f.Rejected, Failed: f.Failed,
			P50: f.P50, P99: f.P99, AUC: f.AUC, Drifted: f.Drifted, Metric: f.Metric, Report: cfg.ServerAddress + "/artifacts/" + w.Report.Digest, Note: w.Note,
		}
	}
	for i, stored := range told {
		var e alert.Event
		if err := json.Unmarshal(stored.Event, &e); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "read alert %s", stored.ID)
		}
		t.Told[len(told)-1-i] = drift.Told{At: stored.Window.UnixMicro(), Change: stored.Change, Severity: stored.Severity, What: strings.TrimSpace(e.Finding.Kind + " " + e.Finding.Subject + ": " + e.Finding.Message)}
	}
	return t, nil
}

func (a *app) sayTimeline(t *drift.Timeline, html string) {
	if len(t.Windows) == 0 {
		a.say("No window of %s was computed yet. Watch it: write monitor: {} in its file, then esteira apply FILE", t.Endpoint)
		return
	}
	var rows [][]string
	for _, w := range t.Windows {
		var scores []string
		for _, name := range sortedKeys(w.Metrics) {
			if len(scores) < 3 {
				scores = append(scores, fmt.Sprintf("%s %.4g", name, w.Metrics[name].Value))
			}
		}
		rows = append(rows, []string{momentAt(w.At), w.State, fmt.Sprint(w.Requests), fmt.Sprint(w.Labelled), fmt.Sprintf("%.2f %%", 100*w.Failed), fmt.Sprintf("%.3g", w.P99), strings.Join(w.Drifted, ","), strings.Join(scores, ", ")})
	}
	a.table("WINDOW STATE REQUESTS LABELLED FAILED P99_MS DRIFTED SCORES", rows)
	rows = nil
	for _, e := range t.Told {
		rows = append(rows, []string{momentAt(e.At), e.Change, e.Severity, e.What})
	}
	a.table("TOLD CHANGE SEVERITY WHAT", rows)
	if html != "" {
		a.say("Plots over time: %s", html)
	}
}

func momentAt(micros int64) string { return moment(time.UnixMicro(micros)) }
