package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// ComputeWindowParams name one window.
type ComputeWindowParams struct {
	Endpoint string           `json:"endpoint"`
	Monitor  pipeline.Monitor `json:"monitor"`
	Due      Due              `json:"due"`
	Slices   [][]string       `json:"slices,omitempty"` // columns that scores are cut by, an entry each
}

// historyShown bounds the windows that a page draws lines through.
const historyShown = 48

// where are the parts of the rows that alerts are about.
func (p *ComputeWindowParams) where() (out []map[string]string) {
	for _, a := range p.Monitor.Alerts {
		if len(a.Slice) > 0 {
			out = append(out, a.Slice)
		}
	}
	return out
}

// ComputeWindow reads the requests of a window by a stream, or of one longer than an
// hour what is kept of its hours, and keeps what they came to: measures, a page, a row
// and the summaries. The same requests and labels
// are the same measures, by digest. A window that somebody else has computed
// meanwhile is returned as it is. One that cannot be computed in a way that no other
// attempt mends is kept as failed, with the reason.
func (a *Activities) ComputeWindow(ctx context.Context, p ComputeWindowParams) (*RecentWindow, error) {
	w, err := a.computeWindow(ctx, p)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	r := recent(w)
	return &r, nil
}

func (a *Activities) computeWindow(ctx context.Context, p ComputeWindowParams) (metadata.Window, error) {
	before, err := a.DB.Window(ctx, p.Endpoint, p.Due.Begins)
	switch {
	case err == nil && before.Begins.Equal(p.Due.Begins) && before.Computed >= p.Due.Computed:
		return before, nil
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return metadata.Window{}, err
	}
	begun := time.Now()
	w, summaries, err := a.measureWindow(ctx, p, before)
	if kind := fault.KindOf(err); err != nil && ctx.Err() == nil && !fault.Retryable(kind) && kind != fault.ConfigInvalid {
		w, err = a.failedWindow(ctx, p, err)
	}
	if err != nil {
		return w, err
	}
	kept, saved, err := a.DB.SaveWindow(ctx, w, summaries)
	if saved {
		a.Log.Info().Str("endpoint", p.Endpoint).Time("begins", w.Begins).Str("state", w.State).Str("note", w.Note).Int64("requests", w.Requests).Int64("labelled", w.Labelled).Int("computed", w.Computed).Dur("elapsed", time.Since(begun)).Msg("window computed")
	}
	return kept, err
}

// failedWindow is the row of a window that no other attempt would compute: it says why,
// and the windows after it are computed. It knows which requests and labels are there,
// so that it is computed again when others come, and no sooner.
func (a *Activities) failedWindow(ctx context.Context, p ComputeWindowParams, why error) (w metadata.Window, err error) {
	reason := fault.Clip(why.Error(), maxMessage)
	w = metadata.Window{Endpoint: p.Endpoint, Begins: p.Due.Begins, Ends: p.Due.Ends, Computed: p.Due.Computed, State: window.Failed, Note: reason}
	if w.Requests, w.LabelsSeen, err = a.DB.CountRequests(ctx, p.Endpoint, p.Due.Begins, p.Due.Ends); err != nil {
		return w, err
	}
	measures := window.Unmeasured(p.Endpoint, p.Due.Begins, p.Due.Ends, p.Monitor.MinRows, reason)
	err = a.keepMeasures(ctx, &w, measures, nil)
	return w, err
}

// measureWindow computes the row of a window, its artifacts and its summaries.
func (a *Activities) measureWindow(ctx context.Context, p ComputeWindowParams, before metadata.Window) (metadata.Window, []metadata.WindowSummary, error) {
	o := opening{a, map[metadata.VersionKey]window.Model{}}
	c := window.Collect(p.Due.Begins, p.Due.Ends, o.model)
	seen, err := a.collectWindow(ctx, o, c, p.Endpoint, p.Due.Begins, p.Due.Ends)
	if err != nil {
		return metadata.Window{}, nil, err
	}
	measures, summaries, err := c.Measure(ctx, window.Options{
		Endpoint: p.Endpoint, Features: p.Monitor.Features, MinRows: p.Monitor.MinRows,
		Slices: p.Slices, Where: p.where(),
		Previous: func(m window.Model) ([]*drift.Summary, error) { return a.previous(ctx, p, m) },
		Errors:   func(m window.Model) ([]*drift.Errors, error) { return a.errorsBefore(ctx, p, m) },
		Contract: func(m window.Model, rows *frame.Frame) ([]window.RuleMeasure, string, error) {
			return a.contract(ctx, m, rows)
		},
		Training: func(m window.Model) (*frame.Frame, string, error) { return a.training(ctx, m) },
	})
	if err != nil {
		return metadata.Window{}, nil, err
	}
	w := metadata.Window{
		Endpoint: p.Endpoint, Begins: p.Due.Begins, Ends: p.Due.Ends, Computed: p.Due.Computed, State: measures.State,
		Requests: measures.Requests, Answered: measures.Answered, Labelled: measures.Labelled, LabelsSeen: seen, Note: p.Due.Why,
	}
	if p.Due.Computed > 1 {
		w.Note = fmt.Sprintf("computed again: %s; %d labelled, %d before", p.Due.Why, w.Labelled, before.Labelled)
	}
	earlier, err := a.DB.WindowsBefore(ctx, p.Endpoint, p.Due.Begins, historyShown-1)
	if err != nil {
		return w, nil, err
	}
	history, err := window.History(earlier)
	if err != nil {
		return w, nil, err
	}
	err = a.keepMeasures(ctx, &w, measures, history)
	return w, summaries, err
}

// keepMeasures writes the artifacts of a window: what it came to, and its page.
func (a *Activities) keepMeasures(ctx context.Context, w *metadata.Window, m *window.Measures, history []drift.Past) (err error) {
	if w.Result, err = a.Store.PutJSON(ctx, m); err != nil {
		return err
	}
	if w.Figures, err = json.Marshal(m.Figures()); err != nil {
		return fault.Wrap(err, fault.Internal, "encode the figures of a window of %s", w.Endpoint)
	}
	var page bytes.Buffer
	if err := m.Write(&page, history); err != nil {
		return fault.Wrap(err, fault.Internal, "write the report of a window of %s", w.Endpoint)
	}
	w.Report, err = a.Store.PutBytes(ctx, page.Bytes(), artifact.MediaTypeHTML)
	return err
}

// opened opens the bundle of a model version. One that is no bundle, or not there, is
// that version's problem alone; that this worker is not configured is not.
func (a *Activities) opened(ctx context.Context, name string, version int) (window.Model, error) {
	m := window.Model{Name: name, Version: version}
	v, err := a.DB.ModelVersion(ctx, name, version)
	if err == nil {
		m.Bundle, err = a.bundle(ctx, v.Bundle)
	}
	if kind := fault.KindOf(err); err != nil && !fault.Retryable(kind) && kind != fault.ConfigInvalid {
		m.Bundle, m.Problem, err = nil, err.Error(), nil
	}
	return m, err
}

// previous reads what the model version answered in the window before.
func (a *Activities) previous(ctx context.Context, p ComputeWindowParams, m window.Model) ([]*drift.Summary, error) {
	before, ok, err := a.DB.WindowBefore(ctx, p.Endpoint, p.Due.Begins)
	if err != nil || !ok {
		return nil, err
	}
	list, err := a.DB.WindowSummaries(ctx, p.Endpoint, m.Name, m.Version, before.Begins, before.Ends)
	if err != nil {
		return nil, err
	}
	var out []*drift.Summary
	for _, s := range list {
		one, err := drift.Decode(s.Summary, &m.Bundle.Baseline.Layout)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
