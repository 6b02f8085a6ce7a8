package console

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/report"
)

// Bounds of a page.
const (
	maxPipelines  = 100
	maxEndpoints  = 500
	flowsWithin   = 4 * time.Second // Temporal and its workers may take to answer
	pausedUnknown = "What is paused"
)

// overview is what a newcomer looks at first: what there is, how it is, what waits.
type overview struct {
	Pipelines []pipelineRow
	Next      string // page of the pipelines after these
	Endpoints []endpointRow
	Open      int // alerts
	Paused    []Pause
	Known     bool // whether it is known what is paused
}

type pipelineRow struct {
	metadata.PipelineState
	Score string // of the champion, as people read it
}

type endpointRow struct {
	metadata.Endpoint
	Counted bool // whether Traffic is known
	Traffic metadata.EndpointTraffic
	Window  *metadata.Window
	Broken  int // subjects that the last window found beyond their bounds
	Open    []alert.Finding
}

// Rate is the share of the requests of the last hour that failed.
func (e endpointRow) Rate() string { return rate(e.Traffic.Hour) }

// DayRate is that of the last day.
func (e endpointRow) DayRate() string { return rate(e.Traffic.Day) }

func rate(t metadata.Traffic) string {
	if t.Asked == 0 {
		return "–"
	}
	return report.Percent(float64(t.Failed) / float64(t.Asked))
}

func (c *Console) overview(ctx context.Context, v *visit) (*view, error) {
	shown := &view{Title: "Overview", Kicker: "Esteira", page: "overview", active: "overview", UI: c.UI("", ""), Commands: []string{"esteira runs list", "esteira endpoints list", "esteira schedule list"}}
	o := &overview{}
	shown.Body = o
	list, err := c.DB.Pipelines(ctx, metadata.Clean(v.URL.Query().Get("after")), maxPipelines+1)
	if err != nil {
		return nil, err
	}
	if len(list) > maxPipelines {
		list = list[:maxPipelines]
		o.Next = list[maxPipelines-1].Name
	}
	for _, p := range list {
		o.Pipelines = append(o.Pipelines, pipelineRow{p, scoreOf(p.Champion, p.Metric)})
	}
	if err := c.endpointRows(ctx, o, shown); err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, flowsWithin)
	defer cancel()
	if o.Paused, err = c.Flows.Paused(asking); err != nil {
		shown.Notices = append(shown.Notices, trouble(pausedUnknown, err))
	} else {
		o.Known = true
	}
	return shown, nil
}

func (c *Console) endpointRows(ctx context.Context, o *overview, shown *view) error {
	endpoints, err := c.DB.Endpoints(ctx)
	if err != nil {
		return err
	}
	windows, err := c.DB.LastWindows(ctx)
	if err != nil {
		return err
	}
	boards, err := c.DB.Boards(ctx)
	if err != nil {
		return err
	}
	traffic, err := c.DB.Traffic(ctx, c.now())
	counted := err == nil
	if err != nil {
		shown.Notices = append(shown.Notices, trouble("Traffic", err))
	}
	for _, e := range endpoints[:min(len(endpoints), maxEndpoints)] {
		row := endpointRow{Endpoint: e, Counted: counted, Traffic: traffic[e.Name]}
		if at := slices.IndexFunc(windows, func(w metadata.Window) bool { return w.Endpoint == e.Name }); at >= 0 {
			row.Window = &windows[at]
		}
		if text := boards[e.Name]; text != nil {
			board, err := boardOf(text)
			if err != nil {
				return err
			}
			row.Open = board.Open()
			row.Broken = broken(board, row.Window)
		}
		o.Open += len(row.Open)
		o.Endpoints = append(o.Endpoints, row)
	}
	return nil
}

func boardOf(text json.RawMessage) (b alert.Board, err error) {
	if text != nil {
		err = json.Unmarshal(text, &b)
	}
	return b, err
}

// broken counts the subjects that a window found beyond their bounds.
func broken(b alert.Board, w *metadata.Window) (n int) {
	if w == nil {
		return 0
	}
	for _, s := range b.Subjects {
		if k := len(s.Recent); k > 0 && s.Recent[k-1].Breached && s.Recent[k-1].End.Equal(w.Ends) {
			n++
		}
	}
	return n
}

// scoreOf is a model version's score by the metric it was chosen by, or its first.
func scoreOf(m *metadata.ModelVersion, metric string) string {
	if m == nil || len(m.Metrics) == 0 {
		return ""
	}
	if _, ok := m.Metrics[metric]; !ok {
		metric = slices.Min(slices.Collect(maps.Keys(m.Metrics)))
	}
	return metric + " " + report.Number(m.Metrics[metric])
}
