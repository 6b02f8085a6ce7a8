package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/window"
	"github.com/esteira-ml/esteira/workflows"
)

func (a *app) monitorCommand() *cobra.Command {
	return group("monitor", "What the monitor has seen of an endpoint: show, timeline, window, run", a.monitorShow(), a.monitorTimeline(), a.monitorWindow(), a.monitorRun())
}

// shownMonitor is what show prints.
type shownMonitor struct {
	Endpoint string            `json:"endpoint"`
	Windows  []metadata.Window `json:"windows"` // newest first
	Open     []alert.Finding   `json:"open"`    // alerts, the most severe first
	Alerts   []metadata.Alert  `json:"alerts"`  // the last that were told
}

func (a *app) monitorShow() *cobra.Command {
	var last int
	c := &cobra.Command{
		Use: "show ENDPOINT", Short: "Show the last windows of an endpoint, its open alerts, and whom they were told",
		Example: "  esteira monitor show flights\n  esteira monitor show flights --last 100 --output json", Args: exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 1 || last > 10_000 {
				return usage("--last is %d", last).WithRemedy("give 1 to 10000")
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error { return a.showMonitor(cmd.Context(), db, args[0], last) })
		},
	}
	c.Flags().IntVar(&last, "last", 12, "how many windows and alerts")
	return c
}

func (a *app) showMonitor(ctx context.Context, db *metadata.DB, endpoint string, last int) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if _, err := db.Endpoint(ctx, endpoint); err != nil {
		return err
	}
	s := shownMonitor{Endpoint: endpoint}
	if s.Windows, err = db.Windows(ctx, endpoint, last); err != nil {
		return err
	}
	if s.Alerts, err = db.Alerts(ctx, endpoint, last); err != nil {
		return err
	}
	text, err := db.Board(ctx, endpoint)
	if err != nil {
		return err
	}
	var board alert.Board
	if text != nil {
		if err := json.Unmarshal(text, &board); err != nil {
			return fault.Wrap(err, fault.Internal, "read the board of %s", endpoint)
		}
	}
	s.Windows, s.Open, s.Alerts = notNil(s.Windows), notNil(board.Open()), notNil(s.Alerts)
	return a.print(s, func() {
		if len(s.Windows) == 0 {
			a.say("No window of %s was computed yet. Watch it: write monitor: {} in its file, then esteira apply FILE", endpoint)
			return
		}
		var rows [][]string
		for _, w := range s.Windows {
			rows = append(rows, []string{moment(w.Begins), w.State, fmt.Sprint(w.Requests), fmt.Sprint(w.Labelled), cfg.ServerAddress + "/artifacts/" + w.Report.Digest, w.Note})
		}
		a.table("WINDOW STATE REQUESTS LABELLED REPORT NOTE", rows)
		rows = nil
		for _, f := range s.Open {
			rows = append(rows, []string{string(f.Severity), f.Kind, f.Subject, f.Message})
		}
		a.table("OPEN KIND OF WHAT", rows)
		rows = nil
		for _, e := range s.Alerts {
			rows = append(rows, []string{moment(e.Window), e.Change, e.Severity, e.Kind, channels(e)})
		}
		a.table("TOLD CHANGE SEVERITY KIND CHANNELS", rows)
	})
}

// channels says who was told of an alert, and who was not.
func channels(e metadata.Alert) string {
	parts := []string{fmt.Sprint(len(e.Told))}
	if len(e.Untold) > 0 {
		parts = append(parts, "still tried: "+strings.Join(e.Untold, ", "))
	}
	if len(e.GivenUp) > 0 {
		parts = append(parts, "given up: "+strings.Join(e.GivenUp, ", "))
	}
	return strings.Join(parts, "; ")
}

func (a *app) monitorWindow() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "window ENDPOINT", Short: "Print everything that was measured of one window, as JSON",
		Example: "  esteira monitor window flights --at 2026-11-23T14:00:00Z", Args: exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			moment, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return usage("--at %q is not a time", at).WithRemedy("write it as 2026-11-23T14:00:00Z")
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				w, err := db.Window(cmd.Context(), args[0], moment)
				if err != nil {
					return err
				}
				cfg, err := a.config()
				if err != nil {
					return err
				}
				store, err := artifact.Open(cmd.Context(), cfg.ArtifactOptions())
				if err != nil {
					return err
				}
				var m window.Measures
				if err := store.JSON(cmd.Context(), w.Result, &m); err != nil {
					return err
				}
				shown := struct {
					Window   metadata.Window `json:"window"`
					Measures window.Measures `json:"measures"`
				}{w, m}
				text, err := json.MarshalIndent(shown, "", "  ")
				if err != nil {
					return fault.Wrap(err, fault.Internal, "encode a window of %s", args[0])
				}
				return a.print(shown, func() { a.say("%s", text) })
			})
		},
	}
	c.Flags().StringVar(&at, "at", "", "a moment within the window (required)")
	_ = c.MarkFlagRequired("at")
	return c
}

func (a *app) monitorRun() *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use: "run ENDPOINT --now", Short: "Compute the windows that are due now, without waiting for the schedule",
		Example: "  esteira monitor run flights --now", Args: exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !now {
				return usage("the monitor of %s runs by its schedule", args[0]).WithRemedy("add --now to run it now, beside that")
			}
			return a.withTemporal(cmd.Context(), func(_ config.Config, t client.Client) error {
				if err := t.ScheduleClient().GetHandle(cmd.Context(), workflows.MonitorID(args[0])).Trigger(cmd.Context(), client.ScheduleTriggerOptions{}); err != nil {
					return missing(err, "write monitor: {} in the file that deploys to it, then: esteira apply FILE", "endpoint %s is not watched", args[0])
				}
				return a.print(map[string]string{"endpoint": args[0], "state": "triggered"}, func() {
					a.say("The monitor of %s runs, unless it does already. See: esteira monitor show %s", args[0], args[0])
				})
			})
		},
	}
	c.Flags().BoolVar(&now, "now", false, "run it now")
	return c
}
