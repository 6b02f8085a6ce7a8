package console

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of the pages of models.
const (
	maxModels  = 500
	maxHistory = 100
)

type modelRow struct {
	metadata.ModelVersion
	Aliases []string
	Score   string
}

func (c *Console) models(ctx context.Context, _ *visit) (*view, error) {
	list, err := c.DB.Models(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := c.modelRows(ctx, list[:min(len(list), maxModels)], nil)
	return &view{Title: "Models", Kicker: "Registry", page: "models", active: "models", UI: c.UI("", ""), Commands: []string{"esteira models list"}, Body: rows}, err
}

// modelRows adds to versions their names and the score each was chosen by.
func (c *Console) modelRows(ctx context.Context, list []metadata.ModelVersion, aliases []metadata.Alias) ([]modelRow, error) {
	runs := make([]string, len(list))
	for i, m := range list {
		runs[i] = m.Run
	}
	metrics, err := c.DB.ChosenBy(ctx, runs)
	rows := make([]modelRow, len(list))
	for i, m := range list {
		rows[i] = modelRow{ModelVersion: m, Score: scoreOf(&m, metrics[m.Run])}
		for _, a := range aliases {
			if a.Version == m.Version {
				rows[i].Aliases = append(rows[i].Aliases, a.Alias)
			}
		}
	}
	return rows, err
}

type modelPage struct {
	Name      string
	Shown     modelRow // the version asked for, or the newest
	Versions  []modelRow
	History   []metadata.Alias
	Run       *metadata.Run // that made the version
	Card      *artifact.Ref
	Gates     []metadata.Gate
	Dataset   *metadata.Dataset
	Splits    []metadata.Split
	Snapshots []metadata.Snapshot
	Served    []metadata.Revision
}

// cardReport is the name of a model card among the reports of a run.
const cardReport = "model card"

func (c *Console) model(ctx context.Context, v *visit) (*view, error) {
	p := &modelPage{Name: metadata.Clean(v.PathValue("name"))}
	list, err := c.DB.ModelVersions(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	aliases, err := c.DB.Aliases(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	rows, err := c.modelRows(ctx, list, aliases)
	if err != nil {
		return nil, err
	}
	p.Versions, p.Shown = rows[:min(len(rows), maxHistory)], rows[0]
	if text := v.PathValue("version"); text != "" {
		number, err := strconv.Atoi(text)
		at := slices.IndexFunc(list, func(m metadata.ModelVersion) bool { return m.Version == number })
		if err != nil || at < 0 {
			return nil, fault.New(fault.NotFound, "model %s has no version %.20q", p.Name, text).WithRemedy("list them: esteira models show %s", p.Name)
		}
		p.Shown = rows[at]
	}
	if p.History, err = c.DB.AliasHistory(ctx, p.Name, ""); err != nil {
		return nil, err
	}
	p.History = p.History[:min(len(p.History), maxHistory)]
	if p.Served, err = c.DB.ServedBy(ctx, p.Name, p.Shown.Version, pageRuns); err != nil {
		return nil, err
	}
	if err := c.madeBy(ctx, p); err != nil {
		return nil, err
	}
	named := fmt.Sprintf("%s@%d", p.Name, p.Shown.Version)
	shown := &view{Title: named, Kicker: "Model version", page: "model", active: "models", Crumbs: []crumb{{"Models", "/ui/models"}}, Body: p, UI: c.UI(p.Shown.Run, ""),
		Commands: []string{"esteira models show " + p.Name, "esteira models verify " + named, "esteira models alias history " + p.Name, "esteira models export " + named + " --format onnx"}}
	return shown, nil
}

// madeBy follows the version to the run that made it and what that learned from.
func (c *Console) madeBy(ctx context.Context, p *modelPage) error {
	r, err := c.DB.Run(ctx, p.Shown.Run)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	p.Run = &r
	if card, ok := r.Reports[cardReport]; ok {
		p.Card = &card
	}
	if p.Gates, err = c.DB.Gates(ctx, r.ID); err != nil {
		return err
	}
	return c.dataOf(ctx, r.ID, &p.Snapshots, &p.Dataset, &p.Splits)
}
