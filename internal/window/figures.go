package window

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// maxEffects bounds the columns whose drift is told over time, those that moved most.
const maxEffects = 40

// Figures are the few numbers of a window that lines over time and gauges are drawn
// of. They are of the model version of most rows, kept beside the window's row.
type Figures struct {
	Model    string                     `json:"model,omitempty"` // "flights@3"
	Rejected float64                    `json:"rejected"`        // shares of the requests
	Failed   float64                    `json:"failed"`
	P50      float64                    `json:"latency_p50_ms"`
	P99      float64                    `json:"latency_p99_ms"`
	Effects  map[string]float64         `json:"effects,omitempty"` // Jensen-Shannon distance from the training rows
	Drifted  []string                   `json:"drifted,omitempty"` // columns, by falling distance
	Metrics  map[string]*drift.Estimate `json:"metrics,omitempty"` // measured, or where there is none estimated
	Metric   string                     `json:"metric,omitempty"`  // of Metrics, the model's own
	Measured bool                       `json:"measured"`          // Metrics are measured
	AUC      *float64                   `json:"auc,omitempty"`     // of rows told from training rows
}

// Figures are those of the window.
func (m *Measures) Figures() Figures {
	var f Figures
	if m.Requests > 0 {
		n := float64(m.Requests)
		f.Rejected, f.Failed = float64(m.Rejected)/n, float64(m.Failed)/n
		f.P50, f.P99 = float64(m.P50), float64(m.P99)
	}
	if len(m.Models) == 0 {
		return f
	}
	main := &m.Models[0]
	f.Model = main.Model
	if main.Baseline != nil {
		f.effects(main.Baseline)
	}
	for i := range main.Performance {
		f.Measured = f.Measured || main.Performance[i].Measured != nil
	}
	for _, p := range main.Performance {
		e := p.Estimated
		if f.Measured {
			e = p.Measured
		}
		if e != nil {
			if f.Metrics == nil {
				f.Metrics = map[string]*drift.Estimate{}
			}
			f.Metrics[p.Metric] = e
			f.Metric = cmp.Or(f.Metric, p.Metric)
		}
	}
	if t := main.Together; t != nil && (t.Outcome == drift.Stable || t.Outcome == drift.Drifted) {
		f.AUC = &t.AUC
	}
	return f
}

func (f *Figures) effects(c *drift.Comparison) {
	var all []drift.Result
	for _, list := range [][]drift.Result{c.Outputs, c.Features} { // outputs first among equals
		for _, r := range list {
			if r.Outcome == drift.Stable || r.Outcome == drift.Drifted {
				all = append(all, r)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b drift.Result) int { return cmp.Compare(b.Effect, a.Effect) })
	for _, r := range all[:min(len(all), maxEffects)] {
		if f.Effects == nil {
			f.Effects = map[string]float64{}
		}
		f.Effects[r.Name] = r.Effect
		if r.Outcome == drift.Drifted {
			f.Drifted = append(f.Drifted, r.Name)
		}
	}
}

// Past is the window as a point of a line over time.
func (f Figures) Past(begins time.Time, rows int64) drift.Past {
	return drift.Past{At: begins.UnixMicro(), Rows: rows, Effects: f.Effects, Metrics: f.Metrics}
}

// History are computed windows as points of lines over time. Error: ArtifactCorrupt.
func History(windows []metadata.Window) ([]drift.Past, error) {
	out := make([]drift.Past, len(windows))
	for i, w := range windows {
		f, err := FiguresOf(w)
		if err != nil {
			return nil, err
		}
		out[i] = f.Past(w.Begins, w.Answered)
	}
	return out, nil
}

// FiguresOf reads those of a window; of one that an earlier build computed there are
// none. Error: ArtifactCorrupt.
func FiguresOf(w metadata.Window) (f Figures, err error) {
	if len(w.Figures) > 0 {
		if err := json.Unmarshal(w.Figures, &f); err != nil {
			return f, fault.Wrap(err, fault.ArtifactCorrupt, "the figures of the window of %s at %s cannot be read", w.Endpoint, w.Begins.Format(time.RFC3339))
		}
	}
	return f, nil
}
