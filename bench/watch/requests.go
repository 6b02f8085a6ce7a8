package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// The rows are those of bench/peers/drift.py: 14 columns of numbers and 6 of texts, of
// which five have moved in the window.
const numbers = 14

var texts = [...]int{2, 5, 12, 50, 300, 2000} // categories of each

// row is one request; the truth of it is 2 × n00 and noise.
func row(r *rand.Rand, moved bool) (x [numbers]float64, s [len(texts)]string) {
	for j := range x {
		if x[j] = r.ExpFloat64(); j%3 > 0 {
			x[j] = r.NormFloat64()
		}
		if moved && (j == 1 || j == 5 || j == 9) {
			x[j] = x[j]*1.2 + .5
		}
		if j == 2 || j == 7 {
			x[j] = math.Round(10*x[j]) / 10
		}
	}
	for j, k := range texts {
		skew := r.Float64()
		if !moved || j != 1 && j != 3 {
			skew *= r.Float64()
		}
		s[j] = fmt.Sprintf("category %d", int(float64(k)*skew))
	}
	return x, s
}

const modelName = "watch"

// model registers a linear model that has learned from rows that have not moved, with
// their split, and returns its version.
func (w *world) model(ctx context.Context) (int, error) {
	const rows = 20_000
	r := rand.New(rand.NewPCG(1, 2))
	f := &frame.Frame{Rows: rows}
	for j := range numbers {
		f.Columns = append(f.Columns, frame.Column{Name: fmt.Sprintf("n%02d", j), Kind: frame.Number})
	}
	codes := [len(texts)]map[string]int32{}
	for j := range texts {
		f.Columns, codes[j] = append(f.Columns, frame.Column{Name: fmt.Sprintf("s%d", j), Kind: frame.Text}), map[string]int32{}
	}
	for range rows {
		x, s := row(r, false)
		for j, v := range x {
			f.Columns[j].Numbers = append(f.Columns[j].Numbers, v)
		}
		for j, text := range s {
			c := &f.Columns[numbers+j]
			code, ok := codes[j][text]
			if !ok {
				code = int32(len(c.Dict))
				codes[j][text], c.Dict = code, append(c.Dict, text)
			}
			c.Codes = append(c.Codes, code)
		}
	}
	var features []pipeline.Feature
	for j := range f.Columns {
		one := pipeline.Feature{Columns: []string{f.Columns[j].Name}, Apply: []pipeline.Transform{{Impute: &pipeline.Impute{}}}}
		if j >= numbers {
			one.Apply = []pipeline.Transform{{Frequency: &pipeline.Frequency{}}}
		}
		features = append(features, one)
	}
	fitted, err := feature.Fit(features, f)
	if err != nil {
		return 0, err
	}
	x, err := fitted.Apply(f)
	if err != nil {
		return 0, err
	}
	weights := make([]float64, x.Width())
	weights[0] = 2
	target := &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
	m := &model.Linear{Learner: "ols", Link: model.Identity, Names: x.Names(), Intercepts: []float64{0}, Coefficients: [][]float64{weights}}
	sig, err := bundle.SignatureOf(f, fitted, target)
	if err != nil {
		return 0, err
	}
	predictor, err := bundle.NewPredictor(fitted, target, m, sig)
	if err != nil {
		return 0, err
	}
	answers := make([]float64, f.Rows)
	if err := predictor.Predict(f, answers); err != nil {
		return 0, err
	}
	baseline, err := bundle.BaselineOf(f, sig, target, answers)
	if err != nil {
		return 0, err
	}
	golden, err := bundle.Golden(predictor, f, 5)
	if err != nil {
		return 0, err
	}
	train, err := w.kept(ctx, f)
	if err != nil {
		return 0, err
	}
	body, err := bundle.Build(bundle.Contents{
		Lineage: bundle.Lineage{Splits: map[string]string{"train": train.Digest}},
		Name:    modelName, Run: modelName, Signature: sig, Features: fitted, Target: target, Model: m, Baseline: baseline, Golden: golden, Card: "# watch\n",
		Metrics: bundle.Metrics{Metric: "rmse", Test: map[string]float64{"rmse": 1, "mae": .8}},
	})
	if err != nil {
		return 0, err
	}
	ref, err := w.store.PutBytes(ctx, body, artifact.MediaTypeBundle)
	if err != nil {
		return 0, err
	}
	if _, _, err := w.db.StartRun(ctx, metadata.StartRun{ID: modelName, Pipeline: modelName, Trigger: "manual"}); err != nil {
		return 0, err
	}
	v, err := w.db.RegisterModel(ctx, metadata.RegisterModel{Name: modelName, Run: modelName, Bundle: ref})
	return v.Version, err
}

// kept is a frame in the store.
func (w *world) kept(ctx context.Context, f *frame.Frame) (artifact.Ref, error) {
	dir, err := os.MkdirTemp("", "esteira-watch-")
	if err != nil {
		return artifact.Ref{}, err
	}
	defer os.RemoveAll(dir)
	e, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return artifact.Ref{}, err
	}
	defer e.Close()
	if err := e.Create(ctx, "learned", f); err != nil {
		return artifact.Ref{}, err
	}
	if err := e.Append(ctx, "learned", f); err != nil {
		return artifact.Ref{}, err
	}
	path := filepath.Join(dir, "train.parquet")
	if _, err := e.Write(ctx, "SELECT * FROM learned", path); err != nil {
		return artifact.Ref{}, err
	}
	return w.store.PutFile(ctx, path, artifact.MediaTypeParquet)
}

// batch is how many records a server would drain at once.
const batch = 10_000

// audit leaves an hour of requests of an endpoint in the table of predictions, by the
// way that a server drains them, and labels every fourth if it is told to.
func (w *world) audit(ctx context.Context, endpoint string, version, rows int, seed uint64, labelled bool) error {
	sink, r := audit.NewPostgres(w.db), rand.New(rand.NewPCG(seed, 3))
	for done := 0; done < rows; done += batch {
		list := make([]audit.Record, min(batch, rows-done))
		var labels []metadata.Label
		for i := range list {
			x, s := row(r, true)
			values := map[string]any{}
			for j, v := range x {
				values[fmt.Sprintf("n%02d", j)] = v
			}
			for j, v := range s {
				values[fmt.Sprintf("s%d", j)] = v
			}
			features, err := json.Marshal(values)
			if err != nil {
				return err
			}
			at := w.hour.Add(time.Duration(float64(done+i) / float64(rows) * float64(time.Hour))).Truncate(time.Microsecond)
			id := uuid.Must(uuid.NewV7())
			var ms [8]byte
			binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
			copy(id[:6], ms[2:])
			list[i] = audit.Record{ID: id, At: at, Endpoint: endpoint, Revision: 1, ModelName: modelName, ModelVersion: int64(version), RequestID: id.String(),
				Features: features, Outputs: fmt.Appendf(nil, `{"prediction":%g}`, 2*x[0]), Status: 200, Latency: time.Duration(400+r.IntN(3000)) * time.Microsecond}
			if labelled && i%4 == 0 {
				labels = append(labels, metadata.Label{PredictionID: &id, Value: fmt.Appendf(nil, "%g", 2*x[0]+r.NormFloat64()), ObservedAt: at})
			}
		}
		if err := sink.Insert(ctx, list); err != nil {
			return err
		}
		if len(labels) > 0 {
			if _, err := w.db.AddLabels(ctx, metadata.AddLabels{Endpoint: endpoint, Source: "bench", Labels: labels}); err != nil {
				return err
			}
		}
	}
	return nil
}
