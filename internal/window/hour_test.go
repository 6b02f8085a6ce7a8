package window_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// shop is a model of a number and a text, of two classes, three or a value.
func shop(t *testing.T, version int, task pipeline.Task, classes ...string) window.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(version), 9))
	const rows = 2000
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{{Name: "x", Kind: frame.Number}, {Name: "c", Kind: frame.Text, Dict: []string{"a", "b", "z"}}}}
	k := max(1, len(classes))
	var p, y []float64
	for range rows {
		f.Columns[0].Numbers, f.Columns[1].Codes = append(f.Columns[0].Numbers, r.Float64()), append(f.Columns[1].Codes, int32(r.IntN(3)))
		row, total := make([]float64, k), 0.0
		for i := range row {
			row[i] = r.Float64()
			total += row[i]
		}
		for i := range row {
			row[i] /= total
		}
		p, y = append(p, row...), append(y, float64(r.IntN(k)))
	}
	kind := "text"
	if len(classes) == 0 {
		kind = "number"
	}
	target := &feature.Target{Column: "y", Kind: kind, Task: task, Classes: classes}
	sig := bundle.Signature{Inputs: []bundle.Input{{Name: "x", Kind: "number"}, {Name: "c", Kind: "text"}}}
	baseline, err := bundle.BaselineOf(f, sig, target, p)
	require.NoError(t, err)
	var estimator *drift.Estimator
	if len(classes) > 0 {
		estimator, err = drift.FitCalibration(p, y, k)
	} else {
		estimator, err = drift.FitLoss(t.Context(), f, p, y, 1)
	}
	require.NoError(t, err)
	return window.Model{Name: "m", Version: version, Bundle: &bundle.Bundle{Contents: bundle.Contents{
		Signature: sig, Target: target, Baseline: baseline, Estimator: estimator, Metrics: bundle.Metrics{Test: map[string]float64{"accuracy": .5, "mae": .3, "rmse": .4}},
	}}}
}

// asked are requests of [from, to) to versions 1 and 2, some labelled, some failed,
// some with values that the model does not know.
func asked(seed uint64, n int, from, to time.Time, classes []string) (out []metadata.Answer) {
	r := rand.New(rand.NewPCG(seed, 3))
	for i := range n {
		at := from.Add(to.Sub(from) * time.Duration(i) / time.Duration(n)).Truncate(time.Microsecond)
		id := uuid.Must(uuid.NewRandomFromReader(readerOf(r)))
		features := fmt.Sprintf(`{"x":%g,"c":%q}`, r.NormFloat64(), []string{"a", "b", "q", "", fmt.Sprint("t", r.IntN(1000))}[r.IntN(5)])
		switch r.IntN(50) {
		case 0:
			features = `{"x":"seven","c":"a"}`
		case 1:
			features = `[]`
		}
		outputs, label := fmt.Sprintf(`{"prediction":%g}`, r.NormFloat64()), fmt.Sprintf("%g", r.NormFloat64())
		if len(classes) > 0 {
			p, total := map[string]float64{}, 0.0
			for _, c := range classes {
				p[c] = r.Float64()
				total += p[c]
			}
			for _, c := range classes {
				p[c] /= total
			}
			text, _ := json.Marshal(map[string]any{"probabilities": p})
			outputs, label = string(text), fmt.Sprintf("%q", append(classes, "unheard of")[min(r.IntN(4*len(classes)), len(classes)*4-1)/4])
		}
		a := metadata.Answer{Prediction: metadata.Prediction{ID: id, ModelName: "m", ModelVersion: 1 + r.IntN(2), At: at, Status: 200, LatencyUS: 100 + r.IntN(9000), Features: []byte(features), Outputs: []byte(outputs)}}
		if r.IntN(3) > 0 {
			a.Label = []byte(label)
		}
		if status := r.IntN(40); status < 2 {
			a.Status, a.Outputs, a.Label = []int{400, 503}[status], nil, nil
		}
		out = append(out, a)
	}
	return out
}

type reader struct{ r *rand.Rand }

func readerOf(r *rand.Rand) reader { return reader{r} }

func (r reader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.r.Uint32())
	}
	return len(p), nil
}

// Whatever was asked, a window made of hours that were kept is the window made of the
// requests, to the last bit; also where there are more rows than are kept.
func TestAWindowOfHoursIsTheWindowOfItsRequests(t *testing.T) {
	for _, one := range []struct {
		task    pipeline.Task
		classes []string
		n       int
	}{{pipeline.Binary, []string{"no", "yes"}, 9_000}, {pipeline.Multiclass, []string{"a", "b", "c"}, 4_000}, {pipeline.Regression, nil, 4_000}, {pipeline.Binary, []string{"no", "yes"}, 110_000}} {
		t.Run(fmt.Sprint(one.task, " ", one.n), func(t *testing.T) {
			models := map[int]window.Model{1: shop(t, 1, one.task, one.classes...), 2: shop(t, 2, one.task, one.classes...)}
			open := func(_ string, version int) (window.Model, error) { return models[version], nil }
			from, to := begins.Add(20*time.Minute), begins.Add(5*time.Hour+30*time.Minute)
			all := asked(uint64(one.n), one.n, from, to, one.classes)
			o := window.Options{
				Endpoint: "e", MinRows: 500, Previous: nobody, Slices: [][]string{{"c"}}, Where: []map[string]string{{"c": "a"}},
				Training: func(m window.Model) (*frame.Frame, string, error) {
					f := &frame.Frame{Rows: 1000, Columns: []frame.Column{{Name: "x", Kind: frame.Number}, {Name: "c", Kind: frame.Text, Dict: []string{"a", "b"}}}}
					for i := range f.Rows {
						f.Columns[0].Numbers, f.Columns[1].Codes = append(f.Columns[0].Numbers, float64(i)/1000), append(f.Columns[1].Codes, int32(i%2))
					}
					return f, "", nil
				},
				Contract: func(_ window.Model, rows *frame.Frame) ([]window.RuleMeasure, string, error) {
					return []window.RuleMeasure{{Rule: "the rows", Observed: fmt.Sprint(rows.Rows, rows.Columns[0].Numbers[:50], rows.Columns[1].Codes, rows.Columns[1].Dict)}}, "", nil
				},
			}
			raw := window.Collect(from, to, open)
			merged := window.Collect(from, to, open)
			byHour := map[time.Time]*window.Collector{}
			for _, a := range all {
				require.NoError(t, raw.Add(a))
				hour := a.At.Truncate(time.Hour)
				if hour.Before(from) || hour.Add(time.Hour).After(to) {
					require.NoError(t, merged.Add(a)) // the parts of hours at the ends
					continue
				}
				if byHour[hour] == nil {
					byHour[hour] = window.Collect(hour, hour.Add(time.Hour), open)
				}
				require.NoError(t, byHour[hour].Add(a))
			}
			require.Len(t, byHour, 4)
			var hours []metadata.Hour
			for _, c := range byHour {
				h, ok, err := c.Hour()
				require.NoError(t, err)
				require.True(t, ok)
				hours = append(hours, h)
			}
			read := 0
			for _, h := range cutTo(hours, window.Levels(hours)) {
				for _, p := range h.Parts {
					read += len(p.Samples[0].Data)
				}
				require.NoError(t, merged.AddHour(h))
			}
			whole := 0
			for _, h := range hours {
				for _, p := range h.Parts {
					whole += len(p.Samples[0].Data)
				}
			}
			require.Equal(t, one.n > 100_000, read < whole, "of many rows few are read")
			want, wantSummaries, err := raw.Measure(t.Context(), o)
			require.NoError(t, err)
			got, summaries, err := merged.Measure(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, wantSummaries, summaries)
			a, err := json.Marshal(want)
			require.NoError(t, err)
			b, err := json.Marshal(got)
			require.NoError(t, err)
			require.Equal(t, string(a), string(b))
			require.NotNil(t, got.Models[0].Together)
			require.NotEmpty(t, got.Models[0].Slices)
			require.NotNil(t, got.Models[0].Concept)
		})
	}
}

// cutTo leaves of the samples what a reader of these levels would read.
func cutTo(hours []metadata.Hour, from map[metadata.VersionKey][2]int) (out []metadata.Hour) {
	for _, h := range hours {
		parts := append([]metadata.HourPart(nil), h.Parts...)
		h.Parts = parts
		for i := range h.Parts {
			p := &h.Parts[i]
			for kind := range p.Samples {
				s, end := &p.Samples[kind], int64(0)
				s.From = max(s.From, from[metadata.VersionKey{Name: p.ModelName, Version: p.ModelVersion}][kind])
				for k, level := range s.Levels {
					if level >= s.From {
						end = s.Ends[k]
					}
				}
				s.Data = s.Data[:end]
			}
		}
		out = append(out, h)
	}
	return out
}

// Of more labelled answers than are kept, sums over rows are of all: the scores are what
// evaluation says of every row.
func TestScoresThatAreSumsAreOfEveryRow(t *testing.T) {
	m := shop(t, 1, pipeline.Binary, "no", "yes")
	c := window.Collect(begins, begins.Add(time.Hour), func(string, int) (window.Model, error) { return m, nil })
	r := rand.New(rand.NewPCG(8, 8))
	right, n := 0, 30_000
	for range n {
		p, label := r.Float64(), "no"
		if r.Float64() < p {
			label = "yes"
		}
		if (p > .5) == (label == "yes") {
			right++
		}
		a := answer(`{"x":1,"c":"a"}`, fmt.Sprintf(`{"probabilities":{"no":%g,"yes":%g}}`, 1-p, p), fmt.Sprintf("%q", label))
		a.ID = uuid.Must(uuid.NewRandomFromReader(readerOf(r)))
		require.NoError(t, c.Add(a))
	}
	out, _, err := c.Measure(t.Context(), window.Options{MinRows: 500, Previous: nobody})
	require.NoError(t, err)
	require.Contains(t, out.Models[0].Notes[0], "labelled answers drawn of all")
	for _, p := range out.Models[0].Performance {
		if p.Metric == "accuracy" {
			require.Equal(t, float64(right)/float64(n), p.Measured.Value)
			require.Less(t, p.Measured.Low, p.Measured.Value)
			require.Greater(t, p.Measured.High, p.Measured.Value)
			return
		}
	}
	t.Fatal("no accuracy")
}

func TestAnHourThatIsNoneIsCorrupt(t *testing.T) {
	m := shop(t, 1, pipeline.Regression)
	open := func(string, int) (window.Model, error) { return m, nil }
	c := window.Collect(begins, begins.Add(time.Hour), open)
	for _, a := range asked(4, 100, begins, begins.Add(time.Hour), nil) {
		a.ModelVersion = 1
		require.NoError(t, c.Add(a))
	}
	h, ok, err := c.Hour()
	require.NoError(t, err)
	require.True(t, ok)
	for name, spoil := range map[string]func(h *metadata.Hour){
		"counts": func(h *metadata.Hour) { h.Counts = []byte("?") },
		"part":   func(h *metadata.Hour) { h.Parts[0].Part = []byte(`{"summary":{}}`) },
		"rows":   func(h *metadata.Hour) { h.Parts[0].Samples[0].Data = h.Parts[0].Samples[0].Data[:40] },
		"packed": func(h *metadata.Hour) { h.Parts[0].Samples[1].Data = []byte{3, 1, 2, 3} },
	} {
		bad := h
		bad.Parts = append([]metadata.HourPart(nil), h.Parts...)
		spoil(&bad)
		require.Equal(t, fault.ArtifactCorrupt, fault.KindOf(window.Collect(begins, begins.Add(2*time.Hour), open).AddHour(bad)), name)
	}
	m.Problem, m.Bundle = "it is gone", nil
	c = window.Collect(begins, begins.Add(time.Hour), open)
	require.NoError(t, c.Add(asked(4, 1, begins, begins.Add(time.Hour), nil)[0]))
	_, ok, err = c.Hour()
	require.NoError(t, err)
	require.False(t, ok, "nobody keeps an hour of a model that cannot be opened")
}

// However requests come, and however many threads count them, a window is the same to
// the last bit: its measures, its summaries and what would be kept of it as an hour.
func TestAWindowIsTheSameInWhateverOrderAndByHoweverManyThreads(t *testing.T) {
	models := map[int]window.Model{1: shop(t, 1, pipeline.Binary, "no", "yes"), 2: shop(t, 2, pipeline.Binary, "no", "yes")}
	open := func(_ string, version int) (window.Model, error) { return models[version], nil }
	from := begins.Add(30 * time.Minute)
	all := asked(11, 20_000, from, from.Add(time.Hour), []string{"no", "yes"})
	for i := range all { // requests of several rows
		all[i].At = all[i-i%3].At
	}
	measured := func(threads int, length time.Duration) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		c, hour := window.Collect(from, from.Add(length), open), window.Collect(from, from.Add(time.Hour), open)
		var features []byte // which both must copy
		for _, a := range all {
			features = append(features[:0], a.Features...)
			a.Features = features
			require.NoError(t, c.Add(a))
			require.NoError(t, hour.Add(a))
		}
		m, summaries, err := c.Measure(t.Context(), window.Options{Endpoint: "e", MinRows: 500, Previous: nobody})
		require.NoError(t, err)
		require.NotNil(t, m.Models[0].Concept)
		require.Len(t, summaries, map[bool]int{true: 2, false: 4}[length == time.Hour], "of each version one of each slot")
		h, ok, err := hour.Hour()
		require.NoError(t, err)
		require.True(t, ok)
		text, err := json.Marshal([]any{m, summaries, h})
		require.NoError(t, err)
		return string(text)
	}
	want, wantLong := measured(1, time.Hour), measured(1, 80*time.Minute)
	for _, threads := range []int{1, 4} {
		r := rand.New(rand.NewPCG(uint64(threads), 1))
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		require.Equal(t, want, measured(threads, time.Hour))
		require.Equal(t, wantLong, measured(threads, 80*time.Minute))
	}
}
