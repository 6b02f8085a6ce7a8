package console

import (
	"context"
	"maps"
	"slices"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

type runPage struct {
	metadata.RunFacts
	Reports   []namedArtifact
	Outputs   []namedArtifact
	Snapshots []metadata.Snapshot
	Dataset   *metadata.Dataset
	Splits    []metadata.Split
	Metrics   []metricRow
	Columns   []string // of Metrics: a model on a split
	Failed    []metadata.Check
	Endpoint  string // of the rollout
	Left      int    // steps that are not shown
}

// namedArtifact is an artifact by what it is.
type namedArtifact struct {
	Step, Name string
	artifact.Ref
}

// metricRow is one metric of all models and splits; nil: it was not measured.
type metricRow struct {
	Name   string
	Values []*metadata.Real
}

// What a page lists at most, of steps with their parts and of artifacts: a search has
// thousands.
const (
	maxSteps   = 300
	maxOutputs = 200
)

func (c *Console) run(ctx context.Context, v *visit) (*view, error) {
	id := metadata.Clean(v.PathValue("id"))
	facts, err := c.DB.RunFacts(ctx, id)
	if err != nil {
		return nil, err
	}
	p := &runPage{RunFacts: facts}
	r := facts.Run
	shown := &view{Title: r.ID, Kicker: "Run", Subtitle: r.Reason, page: "run", Crumbs: []crumb{{"Overview", "/ui/"}, {r.Pipeline, link("pipelines", r.Pipeline)}}, Body: p,
		UI: c.UI(r.ID, r.TemporalRunID), Commands: []string{"esteira runs show " + r.ID, "esteira runs show " + r.ID + " --wait"}}
	if r.State == metadata.RunCompleted {
		shown.Commands = append(shown.Commands, "esteira reproduce "+r.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Reports)) {
		p.Reports = append(p.Reports, namedArtifact{Name: name, Ref: r.Reports[name]})
	}
	if n := len(facts.Steps); n > maxSteps {
		p.Steps, p.Left = facts.Steps[:maxSteps], n-maxSteps
	}
	for _, s := range facts.Steps {
		for _, name := range slices.Sorted(maps.Keys(s.Outputs)) {
			if len(p.Outputs) < maxOutputs && !s.Outputs[name].IsZero() {
				p.Outputs = append(p.Outputs, namedArtifact{s.Step, name, s.Outputs[name]})
			}
		}
	}
	for _, check := range facts.Checks {
		if !check.Passed {
			p.Failed = append(p.Failed, check)
		}
	}
	p.Columns, p.Metrics = metricTable(facts.Metrics)
	if facts.Rollout != nil {
		p.Endpoint = facts.Rollout.Endpoint
	}
	return shown, c.dataOf(ctx, r.ID, &p.Snapshots, &p.Dataset, &p.Splits)
}

// dataOf reads what a run learned from.
func (c *Console) dataOf(ctx context.Context, run string, snapshots *[]metadata.Snapshot, dataset **metadata.Dataset, splits *[]metadata.Split) (err error) {
	if *snapshots, err = c.DB.Snapshots(ctx, run); err != nil {
		return err
	}
	if *splits, err = c.DB.Splits(ctx, run); err != nil {
		return err
	}
	d, err := c.DB.Dataset(ctx, run)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	*dataset = &d
	return err
}

// maxColumns bounds the models and splits side by side.
const maxColumns = 12

// metricTable turns metrics into a table: a row a metric, a column a model on a split.
func metricTable(list []metadata.RealMetric) (columns []string, rows []metricRow) {
	at := map[string]int{}
	for _, m := range list {
		column := m.Model + " on " + m.Split
		if !slices.Contains(columns, column) {
			if len(columns) == maxColumns {
				continue
			}
			columns = append(columns, column)
		}
		name := m.Metric.Metric
		if _, ok := at[name]; !ok {
			at[name] = len(rows)
			rows = append(rows, metricRow{Name: name})
		}
	}
	for i := range rows {
		rows[i].Values = make([]*metadata.Real, len(columns))
	}
	for _, m := range list {
		if j := slices.Index(columns, m.Model+" on "+m.Split); j >= 0 {
			rows[at[m.Metric.Metric]].Values[j] = &m.Value
		}
	}
	return columns, rows
}
