package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/workflows"
)

// line is the product that the year is lived with.
type line struct {
	DB     *metadata.DB
	Server string // base URL
	// CLI runs the command line with --output json and decodes what it prints.
	CLI func(ctx context.Context, into any, args ...string) error
}

// life is one simulated year.
type life struct {
	line
	world
	name   string // of pipeline and endpoint
	dir    string // where files are written
	files  string // where first.yaml and year.yaml are
	data   string // where flights.parquet and airports.csv are
	length time.Duration
	say    func(format string, args ...any)

	replay
	fates    fates
	champion int         // version of the first
	last     int         // week before which the replay ended
	canaries map[int]int // answers of a canary, by version
}

// durations of a pipeline file, as values.
var durations = regexp.MustCompile(`(: )(\d+)([dh])\b`)

// scaled divides every duration of a pipeline file so that a week takes length.
func scaled(text string, length time.Duration) string {
	return durations.ReplaceAllStringFunc(text, func(found string) string {
		p := durations.FindStringSubmatch(found)
		n, _ := strconv.ParseFloat(p[2], 64)
		span := n * float64(time.Hour)
		if p[3] == "d" {
			span *= 24
		}
		return p[1] + time.Duration(span*float64(length)/float64(week)).Round(time.Millisecond).String()
	})
}

// file writes a copy of a pipeline file of the simulation, with its name and its times.
func (l *life) file(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(l.files, name))
	if err != nil {
		return "", err
	}
	said := scaled(string(text), l.length)
	said = strings.Replace(said, "\nname: year\n", "\nname: "+l.name+"\n", 1)
	said = strings.Replace(said, "endpoint: year,", "endpoint: "+l.name+",", 1)
	path := filepath.Join(l.dir, name)
	return path, os.WriteFile(path, []byte(said), 0o644)
}

// live lives it, and returns what came of it.
func (l *life) live(ctx context.Context) (*year, error) {
	all, err := l.world.draw(ctx, l.dir, filepath.Join(l.data, "flights.parquet"), filepath.Join(l.data, "airports.csv"))
	if err != nil {
		return nil, err
	}
	at := 0
	for at < len(all) && all[at].Week < l.world.first() {
		at++
	}
	if err := l.begin(ctx, all[:at]); err != nil {
		return nil, err
	}
	l.flights = all[at:]
	l.labels, l.fates = labelsOf(l.flights)
	l.answers = make([]answer, len(l.flights))
	if err := l.replayed(ctx); err != nil {
		return nil, err
	}
	if err := l.rest(ctx); err != nil {
		return nil, err
	}
	without, err := l.withoutRetraining(ctx)
	if err != nil {
		return nil, err
	}
	return l.account(ctx, without)
}

// begin trains the first champion and sets up what the file asks for.
func (l *life) begin(ctx context.Context, known []flight) error {
	if err := write(filepath.Join(l.dir, "history.csv"), known); err != nil {
		return err
	}
	first, err := l.file("first.yaml")
	if err != nil {
		return err
	}
	var ran struct {
		Decision, Reason string
		Result           *workflows.PipelineResult
	}
	if err := l.CLI(ctx, &ran, "run", first, "--wait"); err != nil {
		return err
	}
	if ran.Decision != string(workflows.DecisionDeployed) {
		return fmt.Errorf("the first champion was not deployed: %s: %s", ran.Decision, ran.Reason)
	}
	l.champion = ran.Result.ModelVersion
	l.say("%d flights of %d weeks are known; the first champion is live: %s", len(known), l.History, ran.Reason)
	file, err := l.file("year.yaml")
	if err != nil {
		return err
	}
	var applied any
	return l.CLI(ctx, &applied, "apply", file)
}

// replayed replays week by week, from the next beginning of a window on.
func (l *life) replayed(ctx context.Context) error {
	l.replay.server, l.replay.endpoint = l.Server, l.name
	l.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients}}
	defer l.client.CloseIdleConnections()
	begin := time.Now().Truncate(l.length).Add(l.length)
	l.clock = clock{origin: begin.Add(-time.Duration(l.world.first()) * l.length), week: l.length}
	flight, label := 0, 0
	for n := l.world.first(); ; n++ {
		enough, err := l.enough(ctx, n)
		if err != nil {
			return err
		}
		if enough {
			l.last = n
			break
		}
		var flights, labels []int
		for ; flight < len(l.flights) && l.flights[flight].Week == n; flight++ {
			flights = append(flights, flight)
		}
		for ; label < len(l.labels) && l.labels[label].at < time.Duration(n+1)*week; label++ {
			labels = append(labels, label)
		}
		if err := l.until(ctx, flights, labels); err != nil {
			return fmt.Errorf("week %d: %w", n+1, err)
		}
		l.say("%s", l.weekly(n, flights))
	}
	l.flights, l.answers = l.flights[:flight], l.answers[:flight]
	asked := map[string]bool{}
	for _, f := range l.flights {
		asked[f.ID] = true
	}
	var rest []int // of the flights that were asked about
	for ; label < len(l.labels); label++ {
		if asked[l.labels[label].Request] {
			rest = append(rest, label)
		}
	}
	return l.until(ctx, nil, rest)
}

// promotedFor is how many weeks a model must have been live before a year that goes on
// until one is may end.
const promotedFor = 3

// enough reports whether the replay ends before week n.
func (l *life) enough(ctx context.Context, n int) (bool, error) {
	switch {
	case n == l.world.end():
		return true, nil
	case l.Most == 0 || n < l.world.first()+l.Weeks:
		return false, nil
	}
	list, err := l.DB.Revisions(ctx, l.name, 1000)
	if err != nil {
		return false, err
	}
	var since time.Time      // when the first champion was replaced
	for _, r := range list { // the latest first
		if r.ModelVersion == l.champion {
			break
		}
		since = r.Created
	}
	return !since.IsZero() && l.weeks(since)+promotedFor <= float64(n), nil
}

func (l *life) weekly(n int, flights []int) string {
	var sum float64
	versions := map[int]int{}
	for _, i := range flights {
		sum += abs(l.answers[i].Prediction - l.flights[i].Delay)
		versions[l.answers[i].Version]++
	}
	return fmt.Sprintf("week %2d, %s: %d flights, error %.1f minutes, answered by versions %v", n+1, dateOf(n), len(flights), sum/float64(max(1, len(flights))), versions)
}

// dateOf is the Monday of a week.
func dateOf(n int) string { return firstDay.AddDate(0, 0, 7*n).Format("2 Jan") }

func abs(x float64) float64 { return max(x, -x) }

// lateWeeks is monitor.late of year.yaml: older windows are not computed again.
const lateWeeks = 12

// restWithin bounds what is left to do when the year is over.
const restWithin = 5 * time.Minute

// rest waits until what was begun has ended: the windows of the year and of the labels
// that came late, and a retraining that is under way.
func (l *life) rest(ctx context.Context) error {
	var said any
	if err := l.CLI(ctx, &said, "retrain", "pause", l.name, "--reason", "the simulated year is over"); err != nil {
		return err
	}
	end := l.real(time.Duration(l.last) * week)
	return poll(ctx, restWithin, "windows and retraining at rest", func() (bool, error) {
		list, err := l.DB.Windows(ctx, l.name, 1)
		if err != nil || len(list) == 0 || list[0].Ends.Before(end) {
			return false, err
		}
		late, err := l.DB.RelabelledWindows(ctx, l.name, time.Now().Add(-lateWeeks*l.length), 1)
		if err != nil || len(late) > 0 {
			return false, err
		}
		var status workflows.RetrainingStatus
		if err := l.CLI(ctx, &status, "retrain", "show", l.name); err != nil {
			return false, err
		}
		return status.Running == "", nil
	})
}

func poll(ctx context.Context, limit time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if !sleepUntil(ctx, time.Now().Add(200*time.Millisecond)) {
			return fmt.Errorf("not within %s: %s", limit, what)
		}
	}
}
