package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/window"
)

// Rows that the model learns from and is tested on.
const (
	learned = 20_000
	tested  = 20_000
)

// flight is one row, and what the model answers to it.
type flight struct {
	hour, distance, delay float64
	origin, destination   string
	predicted             float64
}

// month reads the flights between two days, dealt at random by a seed.
func month(ctx context.Context, path, from, to string) ([]flight, error) {
	dir, err := os.MkdirTemp("", "esteira-monitor-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	e, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var out []flight
	err = e.Stream(ctx, fmt.Sprintf("SELECT hour(date)::DOUBLE, distance::DOUBLE, delay::DOUBLE, origin, destination FROM %s WHERE date >= '%s' AND date < '%s'", table.Scan(path), from, to), func(row []any) error {
		out = append(out, flight{hour: row[0].(float64), distance: row[1].(float64), delay: row[2].(float64), origin: row[3].(string), destination: row[4].(string)})
		return nil
	})
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out, err
}

// learnedModel answers with the mean delay of the hour, the origin and the
// destination, as far as each differs from that of all.
type learnedModel struct {
	window.Model
	mean                 float64
	hours                [24]float64
	origins, destination map[string]float64
	rows                 *frame.Frame
}

func (f *flight) predict(m *learnedModel) {
	f.predicted = m.mean + m.hours[int(f.hour)] + m.origins[f.origin] + m.destination[f.destination]
}

func (f *flight) answer(at time.Time) metadata.Answer {
	record := map[string]any{"hour": f.hour, "distance": f.distance, "origin": f.origin, "destination": f.destination}
	if math.IsNaN(f.distance) {
		record["distance"] = nil
	}
	features, _ := json.Marshal(record)
	return metadata.Answer{Label: fmt.Appendf(nil, "%g", f.delay), Prediction: metadata.Prediction{
		ModelName: "flights", ModelVersion: 1, At: at, Status: 200, LatencyUS: 900, Features: features, Outputs: fmt.Appendf(nil, `{"prediction":%g}`, f.predicted),
	}}
}

func learn(ctx context.Context, train, test []flight) (*learnedModel, error) {
	m := &learnedModel{origins: map[string]float64{}, destination: map[string]float64{}}
	for _, f := range train {
		m.mean += f.delay / float64(len(train))
	}
	const shrink = 100 // rows that a mean is drawn to that of all with
	var hours [24]float64
	counts, byOrigin, byDestination := map[string]float64{}, map[string]float64{}, map[string]float64{}
	for _, f := range train {
		hours[int(f.hour)]++
		counts["o"+f.origin]++
		counts["d"+f.destination]++
		byOrigin[f.origin] += f.delay - m.mean
		byDestination[f.destination] += f.delay - m.mean
		m.hours[int(f.hour)] += f.delay - m.mean
	}
	for h := range hours {
		m.hours[h] /= hours[h] + shrink
	}
	for name, total := range byOrigin {
		m.origins[name] = total / (counts["o"+name] + shrink)
	}
	for name, total := range byDestination {
		m.destination[name] = total / (counts["d"+name] + shrink)
	}
	rows, answers, _ := m.framed(train)
	m.rows = rows
	target := &feature.Target{Column: "delay", Kind: "number", Task: pipeline.Regression}
	var sig bundle.Signature
	for i := range rows.Columns {
		sig.Inputs = append(sig.Inputs, bundle.Input{Name: rows.Columns[i].Name, Kind: rows.Columns[i].Kind.String()})
	}
	baseline, err := bundle.BaselineOf(rows, sig, target, answers)
	if err != nil {
		return nil, err
	}
	// One half of the held-out rows teaches the estimate, the other is the test.
	half := len(test) / 2
	rows, answers, truth := m.framed(test[:half])
	estimator, err := drift.FitLoss(ctx, rows, answers, truth, 1)
	if err != nil {
		return nil, err
	}
	_, answers, truth = m.framed(test[half:])
	scores, _, err := evaluation.ScoreIntervals(ctx, evaluation.Sample{Task: pipeline.Regression, Y: truth, P: answers}, 1)
	if err != nil {
		return nil, err
	}
	m.Model = window.Model{Name: "flights", Version: 1, Bundle: &bundle.Bundle{Contents: bundle.Contents{
		Signature: sig, Target: target, Baseline: baseline, Estimator: estimator, Metrics: bundle.Metrics{Metric: "rmse", Test: scores.Values},
	}}}
	return m, nil
}

// framed are flights as columns, the answers to them and their delays.
func (m *learnedModel) framed(list []flight) (f *frame.Frame, answers, truth []float64) {
	f = &frame.Frame{Rows: len(list), Columns: []frame.Column{{Name: "hour"}, {Name: "distance"}, {Name: "origin", Kind: frame.Text}, {Name: "destination", Kind: frame.Text}}}
	codes := [2]map[string]int32{{}, {}}
	for i := range list {
		one := &list[i]
		one.predict(m)
		f.Columns[0].Numbers, f.Columns[1].Numbers = append(f.Columns[0].Numbers, one.hour), append(f.Columns[1].Numbers, one.distance)
		for k, text := range []string{one.origin, one.destination} {
			c := &f.Columns[2+k]
			code, ok := codes[k][text]
			if !ok {
				code = int32(len(c.Dict))
				codes[k][text], c.Dict = code, append(c.Dict, text)
			}
			c.Codes = append(c.Codes, code)
		}
		answers, truth = append(answers, one.predicted), append(truth, one.delay)
	}
	return f, answers, truth
}

func (m *learnedModel) training(window.Model) (*frame.Frame, string, error) {
	rows := make([]int32, 5000)
	for i := range rows {
		rows[i] = int32(i)
	}
	return m.rows.Take(rows), "", nil
}
