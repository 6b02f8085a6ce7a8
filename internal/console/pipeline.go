package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/report"
)

// How much of a pipeline's past a page shows.
const (
	pageRuns     = 20
	pageTriggers = 20
)

type pipelinePage struct {
	Name     string
	Problem  *problem
	Version  int // of the problem
	Champion *metadata.ModelVersion
	Metric   string
	Runs     []runRow
	Older    string // query of the page of older runs
	Steps    []stepTime
	Latest   *metadata.Run // whose steps they are
	Plot     any

	Retraining *Retraining // nil: not applied, or not known
	Applied    bool
	Schedule   *Schedule
	Triggers   []metadata.Trigger
}

// problem is what a pipeline is for, of the newest version of its file.
type problem struct {
	Statement string `json:"statement"`
	Task      string `json:"task"`
	Target    string `json:"target"`
	Metric    string `json:"metric"`
	Owner     string `json:"owner"`
}

type runRow struct {
	metadata.Run
	Gates []metadata.Gate // that said no
}

// stepTime is how long a step took in the latest run, and in the middle of those shown.
type stepTime struct {
	Name         string
	Latest, Half float64
}

func (c *Console) pipeline(ctx context.Context, v *visit) (*view, error) {
	name := metadata.Clean(v.PathValue("name"))
	if known, err := c.DB.HasPipeline(ctx, name); err != nil || !known {
		return nil, orUnknown(err, name)
	}
	before, err := momentIn(v.URL.Query(), "before")
	if err != nil {
		return nil, err
	}
	p := &pipelinePage{Name: name}
	shown := &view{Title: name, Kicker: "Pipeline", page: "pipeline", Crumbs: []crumb{{"Overview", "/ui/"}}, Body: p, UI: c.UI(name+"/retrain", ""),
		Commands: []string{"esteira runs list --pipeline " + name, "esteira retrain show " + name, "esteira schedule show " + name}}
	if err := c.problemOf(ctx, p, shown); err != nil {
		return nil, err
	}
	if err := c.championOf(ctx, p); err != nil {
		return nil, err
	}
	if err := c.runsOf(ctx, p, before); err != nil {
		return nil, err
	}
	if p.Triggers, err = c.DB.Triggers(ctx, name, pageTriggers); err != nil {
		return nil, err
	}
	c.flowsOf(ctx, p, shown)
	return shown, nil
}

func (c *Console) problemOf(ctx context.Context, p *pipelinePage, shown *view) error {
	version, body, err := c.DB.Problem(ctx, p.Name)
	if err != nil || version == 0 {
		return err
	}
	p.Version, p.Problem = version, &problem{}
	if err := json.Unmarshal(body, p.Problem); err != nil {
		return fault.Wrap(err, fault.Internal, "read the problem of %s", p.Name)
	}
	shown.Subtitle = p.Problem.Statement
	return nil
}

func (c *Console) championOf(ctx context.Context, p *pipelinePage) error {
	m, err := c.DB.ModelNamed(ctx, p.Name, metadata.Champion)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := c.DB.Run(ctx, m.Run)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	p.Champion, p.Metric = &m, scoreOf(&m, r.Metric)
	return nil
}

func (c *Console) runsOf(ctx context.Context, p *pipelinePage, before time.Time) error {
	runs, err := c.DB.Runs(ctx, metadata.RunFilter{Pipeline: p.Name, Before: before}, pageRuns+1)
	if err != nil {
		return err
	}
	if len(runs) > pageRuns {
		runs = runs[:pageRuns]
		p.Older = url.Values{"before": {runs[pageRuns-1].Started.Format(time.RFC3339Nano)}}.Encode()
	}
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.ID
	}
	gates, err := c.DB.FailedGates(ctx, ids)
	if err != nil {
		return err
	}
	for _, r := range runs {
		p.Runs = append(p.Runs, runRow{r, gates[r.ID]})
	}
	times, err := c.DB.StepTimes(ctx, ids)
	if err != nil {
		return err
	}
	p.stepTimes(runs, times)
	return nil
}

// stepTimes shows the steps of the newest run that has ended, in their order.
func (p *pipelinePage) stepTimes(runs []metadata.Run, times map[string][]metadata.StepTime) {
	at := slices.IndexFunc(runs, func(r metadata.Run) bool { return r.Finished != nil && len(times[r.ID]) > 1 })
	if at < 0 {
		return
	}
	p.Latest = &runs[at]
	all := map[string][]float64{}
	for _, of := range times {
		for _, t := range of {
			all[t.Step] = append(all[t.Step], t.Seconds)
		}
	}
	var bars []report.Bar
	for _, t := range times[p.Latest.ID] {
		slices.Sort(all[t.Step])
		p.Steps = append(p.Steps, stepTime{t.Step, t.Seconds, all[t.Step][len(all[t.Step])/2]})
		bars = append(bars, report.Bar{Label: t.Step, Value: t.Seconds, Text: seconds(t.Seconds)})
	}
	longest := slices.MaxFunc(bars, func(a, b report.Bar) int { return cmp.Compare(a.Value, b.Value) })
	p.Plot = report.Bars(report.Plot{Title: "Seconds that each step took", Note: "The longest is " + longest.Label + ", " + longest.Text + ".", Wide: true}, bars)
}

// flowsOf asks Temporal; what it does not answer is told.
func (c *Console) flowsOf(ctx context.Context, p *pipelinePage, shown *view) {
	ctx, cancel := context.WithTimeout(ctx, flowsWithin)
	defer cancel()
	if r, err := c.Flows.Retraining(ctx, p.Name); err == nil {
		p.Retraining, p.Applied = &r, true
	} else if fault.KindOf(err) != fault.NotFound {
		p.Applied = true // or not: the notice says that it is not known
		shown.Notices = append(shown.Notices, trouble("Where retraining stands", err))
	} else {
		shown.UI = c.UI("", "") // there is no such workflow
	}
	if s, err := c.Flows.Schedule(ctx, p.Name); err == nil {
		p.Schedule = &s
	} else if fault.KindOf(err) != fault.NotFound {
		shown.Notices = append(shown.Notices, trouble("The schedule", err))
	}
}

// Missed is by how much a gate was missed, as people read it.
func (r runRow) Missed(g metadata.Gate) string {
	by := math.Abs(g.Value - g.Bound)
	if math.IsNaN(by) || math.IsInf(by, 0) {
		return g.Condition
	}
	return fmt.Sprintf("%s: %s, by %s", g.Condition, report.Number(g.Value), report.Number(by))
}
