package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// NestedScore is what the winner of a search within an outer fold came to on the
// rows that search never saw.
type NestedScore struct {
	Outer  int          `json:"outer"`
	Trial  tuning.Trial `json:"trial"`
	Inner  float64      `json:"inner"`           // mean score of its own search
	Score  *float64     `json:"score,omitempty"` // nil: the fit failed
	Rows   int          `json:"rows"`
	Failed string       `json:"failed,omitempty"`
}

// SearchReportParams name the search to draw: its trials are rows by now.
type SearchReportParams struct {
	Run      Run              `json:"run"`
	Problem  pipeline.Problem `json:"problem"`
	Settings pipeline.Train   `json:"settings"`
	Best     int              `json:"best"` // trial
	Nested   []NestedScore    `json:"nested,omitempty"`
}

// SearchReportResult names the page.
type SearchReportResult struct {
	Report artifact.Ref `json:"report"` // HTML
}

// SearchReport draws the page of a search from the rows of its trials. How long
// fits took differs from run to run, and so does the page: it is no step of its
// own, and nothing depends on it.
func (a *Activities) SearchReport(ctx context.Context, p SearchReportParams) (*SearchReportResult, error) {
	s := step{run: p.Run, name: "train", part: "report"}
	begun := time.Now()
	page, err := a.searchPage(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	var b bytes.Buffer
	if err := page.HTML(&b); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	ref, err := a.Store.PutBytes(ctx, b.Bytes(), artifact.MediaTypeHTML)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return &SearchReportResult{Report: ref}, nil
}

func (a *Activities) searchPage(ctx context.Context, p SearchReportParams) (*tuning.Page, error) {
	rows, err := a.DB.Trials(ctx, p.Run.ID)
	if err != nil {
		return nil, err
	}
	page := &tuning.Page{Pipeline: p.Run.Pipeline, Metric: p.Problem.Metric, Settings: p.Settings, Best: p.Best}
	for _, row := range rows {
		if row.Outer >= 0 {
			continue
		}
		if n := len(page.Tried); n == 0 || page.Tried[n-1].Trial.ID != row.Trial {
			t := tuning.Trial{ID: row.Trial, Kind: row.Kind, Params: model.Params(row.Params)}
			if err := json.Unmarshal(row.Options, &t.Options); err != nil {
				return nil, fault.Wrap(err, fault.Internal, "read the options of trial %d", row.Trial)
			}
			page.Tried = append(page.Tried, tuning.Tried{Trial: t})
		}
		made, err := madeOf(row, p.Problem.Metric)
		if err != nil {
			return nil, err
		}
		t := &page.Tried[len(page.Tried)-1]
		t.Fits = append(t.Fits, made)
	}
	for _, o := range p.Nested {
		page.Nested = append(page.Nested, tuning.Outer{Fold: o.Outer, Trial: o.Trial, Inner: o.Inner, Score: o.Score, Rows: o.Rows, Failed: o.Failed})
	}
	return page, nil
}

func madeOf(row metadata.Trial, metric string) (tuning.Made, error) {
	made := tuning.Made{Fold: row.Fold, Share: row.Share, Seconds: row.Seconds, Memory: row.Memory, Worker: row.Worker, Error: row.Error}
	if score, ok := row.Scores[metric]; ok {
		made.Score = &score
	}
	if err := json.Unmarshal(row.Report, &made.Report); err != nil {
		return made, fault.Wrap(err, fault.Internal, "read the report of trial %d", row.Trial)
	}
	return made, nil
}
