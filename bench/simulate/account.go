package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// withoutRetraining scores every flight by the first champion.
func (l *life) withoutRetraining(ctx context.Context) (map[string]float64, error) {
	in, out := filepath.Join(l.dir, "asked.csv"), filepath.Join(l.dir, "scores.csv")
	if err := write(in, l.flights); err != nil {
		return nil, err
	}
	var said any
	if err := l.CLI(ctx, &said, "score", fmt.Sprintf("%s@%d", l.name, l.champion), in, out, "--keys", "flight", "--wait", "--overwrite"); err != nil {
		return nil, err
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) != len(l.flights)+1 {
		return nil, fmt.Errorf("%d scores of %d flights", len(rows)-1, len(l.flights))
	}
	key, prediction := slices.Index(rows[0], "flight"), slices.Index(rows[0], "prediction")
	scores := map[string]float64{}
	for _, row := range rows[1:] {
		if scores[row[key]], err = strconv.ParseFloat(row[prediction], 64); err != nil {
			return nil, err
		}
	}
	return scores, nil
}

// account draws up the year from what the product has on record.
func (l *life) account(ctx context.Context, without map[string]float64) (*year, error) {
	y := &year{WeekSeconds: l.length.Seconds(), From: l.From, Summary: summary{Alerts: map[string]int{}, Labels: l.fates, Failed: l.refused, Requests: len(l.flights)}}
	y.Summary.Minutes = time.Duration(float64(l.length) * float64(l.last-l.world.first())).Minutes()
	for _, c := range l.Changes {
		if c.From < l.last {
			y.Changes = append(y.Changes, changeOf{c.From + 1, min(c.To, l.last), c.Words})
		}
	}
	l.errors(y, without)
	for _, take := range []func(context.Context, *year) error{l.audited, l.windows, l.alerts, l.retrainings} {
		if err := take(ctx, y); err != nil {
			return nil, err
		}
	}
	return y, nil
}

// errors are the mean distances of every week, of both arms.
func (l *life) errors(y *year, without map[string]float64) {
	for i, f := range l.flights { // in order
		if n := len(y.Weeks); n == 0 || y.Weeks[n-1].Week != f.Week+1 {
			y.Weeks = append(y.Weeks, weekOf{Week: f.Week + 1, Begins: firstDay.AddDate(0, 0, 7*f.Week).Format(time.DateOnly), By: map[int]int{}})
		}
		w := &y.Weeks[len(y.Weeks)-1]
		if l.answers[i].Status != http.StatusOK {
			y.Summary.Failed++
			continue
		}
		w.Flights++
		w.By[l.answers[i].Version]++
		w.With += abs(l.answers[i].Prediction - f.Delay)
		w.Without += abs(without[f.ID] - f.Delay)
	}
	n := 0
	for k := range y.Weeks {
		w := &y.Weeks[k]
		y.Summary.With, y.Summary.Without, n = y.Summary.With+w.With, y.Summary.Without+w.Without, n+w.Flights
		w.With, w.Without = w.With/float64(w.Flights), w.Without/float64(w.Flights)
	}
	y.Summary.With, y.Summary.Without = y.Summary.With/float64(n), y.Summary.Without/float64(n)
}

// audited holds what was answered against the log, row by row.
func (l *life) audited(ctx context.Context, y *year) error {
	index := map[string]int{}
	for i, f := range l.flights {
		index[f.ID] = i
	}
	seen, known := map[string]bool{}, map[int]bool{}
	l.canaries = map[int]int{}
	err := l.DB.EachAnswer(ctx, metadata.AnswerFilter{Endpoint: l.name}, func(a metadata.Answer) error {
		i, ok := index[a.RequestID]
		if !ok {
			return fmt.Errorf("the log has a request %q that nobody made", a.RequestID)
		}
		var said struct{ Prediction float64 }
		if err := json.Unmarshal(a.Outputs, &said); err != nil {
			return err
		}
		y.Summary.Audited++
		if a.Role == metadata.RoleCanary {
			l.canaries[a.ModelVersion]++
		}
		if seen[a.RequestID] || a.ModelVersion != l.answers[i].Version || said.Prediction != l.answers[i].Prediction {
			y.Summary.Untraceable++
		}
		seen[a.RequestID], known[a.ModelVersion] = true, true
		if a.Label != nil {
			y.Summary.Labelled++
			if truth, err := strconv.ParseFloat(string(a.Label), 64); err != nil || truth != l.flights[i].Delay {
				y.Summary.WrongLabels++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	y.Summary.Labels = fates{}
	_, y.Summary.Labels = labelsOf(l.flights)
	for version := range known {
		m, err := l.DB.ModelVersion(ctx, l.name, version)
		if err != nil {
			return err
		}
		if _, err := l.DB.Run(ctx, m.Run); err != nil {
			return err
		}
	}
	return nil
}

// windows holds that each was computed, in order, with the requests of its week: from
// that of the first request on, which on a machine that is behind comes late.
func (l *life) windows(ctx context.Context, y *year) error {
	list, err := l.DB.Windows(ctx, l.name, 10_000)
	if err != nil {
		return err
	}
	slices.Reverse(list)
	begin, end := l.real(time.Duration(l.world.first())*week), l.real(time.Duration(l.last)*week)
	first, _, err := l.DB.FirstRequest(ctx, l.name, begin)
	if err != nil {
		return err
	}
	at := first.Truncate(l.length)
	y.Summary.Windows = int(at.Sub(begin) / l.length) // before it nobody watched, for nobody had asked
	for _, w := range list {
		if w.Begins.Before(begin) || !w.Ends.After(first) || !w.Begins.Before(end) {
			y.Summary.WindowRequests += w.Requests // none, or of a request that was late by its own clock
			continue
		}
		if !w.Begins.Equal(at) {
			return fmt.Errorf("the window of %s follows that which ends at %s", w.Begins, at)
		}
		at = w.Ends
		y.Summary.Windows++
		y.Summary.Again += w.Computed - 1
		y.Summary.WindowRequests += w.Requests
	}
	return nil
}

// alerts lists what people were told.
func (l *life) alerts(ctx context.Context, y *year) error {
	list, err := l.DB.Alerts(ctx, l.name, 10_000)
	if err != nil {
		return err
	}
	slices.Reverse(list)
	for _, a := range list {
		var e alert.Event
		if err := json.Unmarshal(a.Event, &e); err != nil {
			return err
		}
		of := alertOf{At: l.weeks(a.At), Of: l.weeks(a.Window), Kind: a.Kind, Subject: e.Finding.Subject, Change: a.Change, Severity: a.Severity, Message: e.Finding.Message}
		y.Alerts = append(y.Alerts, of)
		if e.Change != alert.Opened {
			continue
		}
		y.Summary.Alerts[a.Kind]++
		if len(l.Changes) > 0 && of.Of <= float64(l.Changes[0].From) {
			y.Summary.FalseAlerts++
		}
	}
	return nil
}

// retrainings lists the runs and rollouts of the year.
func (l *life) retrainings(ctx context.Context, y *year) error {
	rollouts, err := l.DB.Rollouts(ctx, l.name, 1000)
	if err != nil {
		return err
	}
	for _, r := range rollouts {
		if r.BaselineVersion == 0 || r.Finished == nil || l.weeks(*r.Finished) > float64(l.last) {
			continue
		}
		of := rolloutOf{From: l.weeks(r.Started), To: l.weeks(*r.Finished), Model: r.Model(), State: string(r.State), Canaries: l.canaries[r.ModelVersion]}
		y.Rollouts = append(y.Rollouts, of)
	}
	slices.Reverse(y.Rollouts)
	runs, err := l.DB.Runs(ctx, metadata.RunFilter{Pipeline: l.name}, 1000)
	if err != nil {
		return err
	}
	slices.Reverse(runs)
	for _, r := range runs {
		if r.Started.Before(l.real(time.Duration(l.world.first())*week)) || r.Finished == nil || strings.HasPrefix(r.ID, l.name+"/score/") {
			continue
		}
		of := retraining{Begun: l.weeks(r.Started), Ended: l.weeks(*r.Finished), Trigger: r.Trigger, Decision: r.Decision, Reason: r.Reason, Run: r.ID}
		switch {
		case of.Begun >= float64(l.last): // remembered until the year was over
			continue
		case of.Ended > float64(l.last):
			of.Decision, of.Reason = "", "" // what became of it nobody was asked
		case r.ModelVersion > 0:
			of.Model = fmt.Sprintf("%s@%d", r.ModelName, r.ModelVersion)
		}
		y.Retrainings = append(y.Retrainings, of)
		y.Summary.Retrainings++
		switch of.Decision {
		case "deployed":
			y.Summary.Promotions++
		case "rejected":
			y.Summary.NotBetter++
		case "":
			y.Summary.UnderWay++
		}
	}
	return nil
}
