package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/notify"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// JudgeWindowParams name a window that was computed.
type JudgeWindowParams struct {
	Pipeline string           `json:"pipeline"`
	Endpoint string           `json:"endpoint"`
	Monitor  pipeline.Monitor `json:"monitor"`
	Begins   time.Time        `json:"begins"`
	// Notify are the channels that are to be told of what comes of it.
	Notify []pipeline.Channel `json:"notify,omitempty"`
}

// Told is one event of a window.
type Told struct {
	ID       string         `json:"id"` // of its message
	Change   alert.Change   `json:"change"`
	Kind     string         `json:"kind"`
	Severity alert.Severity `json:"severity"`
	Message  string         `json:"message"`
	// Kinds are those that a grouped event stands for, without what is over.
	Kinds []string `json:"kinds,omitempty"`
}

// OpenAlert is an alert that is not over.
type OpenAlert struct {
	Key      string         `json:"key"`
	Severity alert.Severity `json:"severity"`
	Message  string         `json:"message"`
}

// JudgeWindowResult says what to tell, and where the alerts stand.
type JudgeWindowResult struct {
	Events  []Told      `json:"events,omitempty"`
	Open    []OpenAlert `json:"open,omitempty"`
	Unknown int         `json:"unknown"` // findings that could not be told
}

// Bounds of the events and open alerts that travel and are told one by one: payloads
// stay small, and people read. Of more events the others are one, a grouped one; all
// are in the tables.
const (
	maxTold    = 50
	maxMessage = 600 // bytes
)

// JudgeWindow holds a window against the bounds and steps the board of its endpoint.
// Tried again, it finds the events that the first attempt left.
func (a *Activities) JudgeWindow(ctx context.Context, p JudgeWindowParams) (*JudgeWindowResult, error) {
	res, err := a.judgeWindow(ctx, p)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	return res, nil
}

func (a *Activities) judgeWindow(ctx context.Context, p JudgeWindowParams) (*JudgeWindowResult, error) {
	w, err := a.DB.Window(ctx, p.Endpoint, p.Begins)
	if err != nil {
		return nil, err
	}
	var m window.Measures
	if err := a.Store.JSON(ctx, w.Result, &m); err != nil {
		return nil, err
	}
	judged := p.Monitor.Judged()
	findings := window.Findings(&m, judged)
	prefixes := map[string]bool{}
	for i, on := range judged {
		prefixes[window.Prefix(on, i)] = true
	}
	res := &JudgeWindowResult{}
	for _, f := range findings {
		if f.Verdict == alert.Unknown {
			res.Unknown++
		}
	}
	var board alert.Board
	_, err = a.DB.StepBoard(ctx, p.Endpoint, func(before json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
		board = alert.Board{}
		if before != nil {
			if err := json.Unmarshal(before, &board); err != nil {
				return nil, nil, fault.Wrap(err, fault.Internal, "read the board of %s", p.Endpoint)
			}
		}
		keep := map[string]bool{}
		for key := range board.Subjects {
			keep[key] = prefixes[prefixOf(key)]
		}
		alerts, err := p.alerts(append(board.Drop(w.Ends, keep), board.Step(w.Ends, findings)...))
		if err != nil {
			return nil, nil, err
		}
		after, err := json.Marshal(board)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Internal, "encode the board of %s", p.Endpoint)
		}
		return after, alerts, nil
	})
	if err != nil {
		return nil, err
	}
	written, err := a.DB.WindowAlerts(ctx, p.Endpoint, w.Ends, maxTold+1)
	if err != nil {
		return nil, err
	}
	for _, stored := range written {
		var e alert.Event
		if err := json.Unmarshal(stored.Event, &e); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "read alert %s", stored.ID)
		}
		res.Events = append(res.Events, Told{stored.ID, e.Change, e.Finding.Kind, e.Finding.Severity, fault.Clip(e.Finding.Message, maxMessage), e.Kinds})
	}
	open := board.Open()
	for _, f := range open[:min(len(open), maxTold)] {
		res.Open = append(res.Open, OpenAlert{f.Key, f.Severity, fault.Clip(f.Message, maxMessage)})
	}
	return res, nil
}

// alerts are the events of a window as they are kept: those beyond what people read
// are in the table, and told by one message.
func (p *JudgeWindowParams) alerts(events []alert.Event) ([]metadata.Alert, error) {
	var out []metadata.Alert
	add := func(e alert.Event, told ...string) error {
		var untold []string
		for place, c := range p.Notify {
			if told == nil && e.Finding.Severity.AtLeast(alert.Severity(c.Severity)) {
				untold = append(untold, channelName(place, c))
			}
		}
		body, err := json.Marshal(e)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "encode an alert of %s", p.Endpoint)
		}
		id := notify.FromEvent(p.Pipeline, p.Endpoint, e, "", nil).ID
		out = append(out, metadata.Alert{ID: id, Window: e.Window, Change: string(e.Change), Kind: e.Finding.Kind, Severity: string(e.Finding.Severity), Event: body, Told: told, Untold: untold})
		return nil
	}
	single, members, group := alert.Group(events, maxTold)
	for _, e := range single {
		if err := add(e); err != nil {
			return nil, err
		}
	}
	for _, e := range members {
		if err := add(e, metadata.InGroup); err != nil {
			return nil, err
		}
	}
	if group != nil {
		if err := add(*group); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// prefixOf is the kind and the place of the alert that a key is of.
func prefixOf(key string) string {
	parts := strings.SplitN(key, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// NotifyParams are one event and one channel.
type NotifyParams struct {
	Pipeline string           `json:"pipeline"`
	Endpoint string           `json:"endpoint"`
	Channel  pipeline.Channel `json:"channel"`
	Place    int              `json:"place"` // of the channel in the file
	Alert    string           `json:"alert"` // id
}

// channelName is what a channel is known by among those of its file.
func channelName(place int, c pipeline.Channel) string { return fmt.Sprintf("%d %s", place, c.Kind()) }

// Notify makes one attempt to tell a channel of an event, unless it was told before.
func (a *Activities) Notify(ctx context.Context, p NotifyParams) error {
	if err := a.notify(ctx, p); err != nil {
		return applicationError(ctx, err)
	}
	return nil
}

func (a *Activities) notify(ctx context.Context, p NotifyParams) error {
	stored, err := a.DB.Alert(ctx, p.Alert)
	if err != nil {
		return err
	}
	name := channelName(p.Place, p.Channel)
	for _, told := range stored.Told {
		if told == name {
			return nil
		}
	}
	var e alert.Event
	if err := json.Unmarshal(stored.Event, &e); err != nil {
		return fault.Wrap(err, fault.Internal, "read alert %s", p.Alert)
	}
	var links []notify.Link
	w, err := a.DB.Window(ctx, p.Endpoint, e.Window.Add(-time.Microsecond))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err == nil && a.ArtifactURL != "" {
		links = append(links, notify.Link{Title: "report of the window", URL: strings.TrimSuffix(a.ArtifactURL, "/") + "/artifacts/" + w.Report.Digest})
	}
	m := notify.FromEvent(p.Pipeline, p.Endpoint, e, "esteira monitor show "+p.Endpoint, links)
	if err := notify.Deliver(ctx, p.Channel, m, notify.Options{AllowPrivate: a.AllowPrivateAddresses, Log: a.Log}); err != nil {
		return err
	}
	return a.DB.RecordTold(ctx, p.Alert, name)
}
