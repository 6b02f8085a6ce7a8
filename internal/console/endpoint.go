package console

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// How much of an endpoint's past a page shows.
const (
	pageRevisions = 20
	pageWindows   = 24
	pageAlerts    = 30
	labelsOver    = 30 * 24 * time.Hour
)

type endpointPage struct {
	Name     string
	Endpoint metadata.Endpoint
	Address  string
	Pipeline string // of the run that made what is live
	Metric   string // that it was chosen by
	Servers  []metadata.RevisionReport

	Traffic trafficShown
	Windows []metadata.Window
	Watched watched

	Open   []openAlert
	Alerts []pastAlert

	Rollout  *metadata.Rollout // under way
	Standing *Rollout          // as its workflow says; nil: it does not answer

	Revisions []metadata.Revision
	More      bool // there are older ones
	Labels    *metadata.Labelling
	LabelDays int
}

// openAlert is an alert that is not over.
type openAlert struct {
	alert.Finding
	Since time.Time
	Times int
}

// pastAlert is an alert as it was told.
type pastAlert struct {
	metadata.Alert
	Subject, Message string
}

func (c *Console) endpoint(ctx context.Context, v *visit) (*view, error) {
	name := metadata.Clean(v.PathValue("endpoint"))
	e, err := c.DB.Endpoint(ctx, name)
	if err != nil {
		return nil, err
	}
	p := &endpointPage{Name: name, Endpoint: e, Address: c.Server + "/v2/models/" + name + "/infer", LabelDays: int(labelsOver / (24 * time.Hour))}
	shown := &view{Title: name, Kicker: "Endpoint", page: "endpoint", Crumbs: []crumb{{"Overview", "/ui/"}}, Body: p, UI: c.monitorUI(ctx, "endpoint/"+name+"/monitor"),
		Commands: []string{"esteira endpoints show " + name, "esteira endpoints history " + name, "esteira monitor show " + name, "esteira rollouts list --endpoint " + name}}
	for _, read := range []func(context.Context, *endpointPage, *view) error{c.servedFacts, c.rolloutFacts, c.monitorFacts, c.labelFacts} {
		if err := read(ctx, p, shown); err != nil {
			return nil, err
		}
	}
	if err := c.trafficFacts(ctx, v, p, shown); err != nil {
		return nil, err
	}
	c.watchedFacts(ctx, p, shown)
	return shown, nil
}

// monitorUI is the page of the schedule that watches an endpoint, or of all workflows
// where nothing does.
func (c *Console) monitorUI(ctx context.Context, schedule string) string {
	ctx, cancel := context.WithTimeout(ctx, flowsWithin)
	defer cancel()
	if _, err := c.Flows.Schedule(ctx, schedule); fault.KindOf(err) == fault.NotFound {
		return c.UI("", "")
	}
	return c.ScheduleUI(schedule)
}

// servedFacts are what serves, and served.
func (c *Console) servedFacts(ctx context.Context, p *endpointPage, shown *view) (err error) {
	shown.Subtitle = "It serves nothing."
	if live := p.Endpoint.Live; live != nil {
		shown.Subtitle = "It serves " + live.Serves() + "."
		m, err := c.DB.ModelVersion(ctx, live.ModelName, live.ModelVersion)
		if err == nil {
			var r metadata.Run
			if r, err = c.DB.Run(ctx, m.Run); err == nil {
				p.Pipeline, p.Metric = r.Pipeline, r.Metric
			}
		}
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	if p.Servers, err = c.DB.RevisionReports(ctx, p.Name, p.Endpoint.Revision); err != nil {
		return err
	}
	if p.Revisions, err = c.DB.Revisions(ctx, p.Name, pageRevisions+1); err != nil {
		return err
	}
	if p.More = len(p.Revisions) > pageRevisions; p.More {
		p.Revisions = p.Revisions[:pageRevisions]
	}
	return nil
}

func (c *Console) rolloutFacts(ctx context.Context, p *endpointPage, shown *view) (err error) {
	if p.Rollout, err = c.DB.OpenRollout(ctx, p.Name); err != nil || p.Rollout == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flowsWithin)
	defer cancel()
	standing, err := c.Flows.Rollout(ctx, p.Rollout.ID)
	if err != nil {
		shown.Notices = append(shown.Notices, trouble("Where the rollout stands", err))
		return nil
	}
	p.Standing = &standing
	return nil
}

func (c *Console) monitorFacts(ctx context.Context, p *endpointPage, _ *view) (err error) {
	if p.Windows, err = c.DB.Windows(ctx, p.Name, pageWindows); err != nil {
		return err
	}
	text, err := c.DB.Board(ctx, p.Name)
	if err != nil {
		return err
	}
	board, err := boardOf(text)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "read the board of %s", p.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(board.Subjects)) {
		if s := board.Subjects[key]; s.Alert != nil {
			p.Open = append(p.Open, openAlert{s.Last, s.Alert.Since, s.Alert.Times})
		}
	}
	slices.SortStableFunc(p.Open, func(a, b openAlert) int { return cmp.Compare(rank(b.Severity), rank(a.Severity)) })
	alerts, err := c.DB.Alerts(ctx, p.Name, pageAlerts)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		past := pastAlert{Alert: a}
		var e alert.Event
		if json.Unmarshal(a.Event, &e) == nil {
			past.Subject, past.Message = e.Finding.Subject, e.Finding.Message
		}
		p.Alerts = append(p.Alerts, past)
	}
	return nil
}

func rank(s alert.Severity) (n int) {
	for _, least := range []alert.Severity{alert.Warning, alert.Critical} {
		if s.AtLeast(least) {
			n++
		}
	}
	return n
}

func (c *Console) labelFacts(ctx context.Context, p *endpointPage, shown *view) error {
	l, err := c.DB.Labelling(ctx, p.Name, c.now().Add(-labelsOver))
	if fault.KindOf(err) == fault.ResourceExhausted {
		shown.Notices = append(shown.Notices, trouble("How labels came", err))
		return nil
	}
	p.Labels = &l
	return err
}

// Late writes how long labels took.
func (p *endpointPage) Late(s *float64) string {
	if s == nil {
		return "–"
	}
	return span(time.Duration(*s * float64(time.Second)))
}
