package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/serving"
)

// regressionBundle is a real bundle whose answer is offset plus the distance plus,
// for JFK, 0.5: the answer tells which bundle gave it.
func regressionBundle(t testing.TB, offset float64) []byte {
	t.Helper()
	f := &frame.Frame{Rows: 4, Columns: []frame.Column{
		{Name: "distance", Kind: frame.Number, Numbers: []float64{100, 200, 300, 400}},
		{Name: "origin", Kind: frame.Text, Codes: []int32{0, 1, 0, 1}, Dict: []string{"JFK", "LAX"}},
		{Name: "departs", Kind: frame.Time, Times: []int64{1e15, 1.1e15, 1.2e15, 1.3e15}},
		{Name: "delay", Kind: frame.Number, Numbers: []float64{1, 2, 3, 4}},
	}}
	return build(t, f, pipeline.Problem{Task: pipeline.Regression, Target: "delay"}, func(names []string) *model.Linear {
		m := &model.Linear{Learner: "ols", Link: model.Identity, Intercepts: []float64{offset}, Coefficients: [][]float64{make([]float64, len(names))}, Names: names}
		for i, n := range names {
			switch n {
			case "distance":
				m.Coefficients[0][i] = 1
			case "origin=JFK":
				m.Coefficients[0][i] = 0.5
			}
		}
		return m
	})
}

// speciesBundle answers with one of three classes.
func speciesBundle(t testing.TB) []byte {
	t.Helper()
	f := &frame.Frame{Rows: 3, Columns: []frame.Column{
		{Name: "distance", Kind: frame.Number, Numbers: []float64{100, 200, 300}},
		{Name: "species", Kind: frame.Text, Codes: []int32{0, 1, 2}, Dict: []string{"a", "b \"q\"", "c<é>"}},
	}}
	return build(t, f, pipeline.Problem{Task: pipeline.Multiclass, Target: "species"}, func(names []string) *model.Linear {
		return &model.Linear{Learner: "logistic", Link: model.Softmax, Intercepts: []float64{0, 1, 0}, Coefficients: [][]float64{{0}, {0}, {0.01}}, Names: names}
	})
}

func build(t testing.TB, f *frame.Frame, problem pipeline.Problem, linear func(names []string) *model.Linear) []byte {
	t.Helper()
	median := pipeline.Transform{Impute: &pipeline.Impute{Strategy: "median"}}
	list := []pipeline.Feature{{Columns: []string{"distance"}, Apply: []pipeline.Transform{median}}}
	if f.Column("origin") != nil {
		list = append(list,
			pipeline.Feature{Columns: []string{"origin"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 10, MinCount: 1}}}},
			pipeline.Feature{Columns: []string{"departs"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"hour"}}}, median}})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fitted, err := feature.Fit(list, f)
	must(err)
	target, err := feature.FitTarget(problem, f.Column(problem.Target))
	must(err)
	x, err := fitted.Apply(f)
	must(err)
	m := linear(x.Names())
	sig, err := bundle.SignatureOf(f, fitted, target)
	must(err)
	p, err := bundle.NewPredictor(fitted, target, m, sig)
	must(err)
	golden, err := bundle.Golden(p, f, 3)
	must(err)
	out := make([]float64, f.Rows*p.Outputs())
	must(p.Predict(f, out))
	baseline, err := bundle.BaselineOf(f, sig, target, out)
	must(err)
	data, err := bundle.Build(bundle.Contents{
		Name: "flights", Signature: sig, Features: fitted, Target: target, Model: m, Baseline: baseline, Golden: golden, Card: "# card",
		Lineage: bundle.Lineage{Pipeline: strings.Repeat("a", 64), Dataset: strings.Repeat("b", 64)},
	})
	must(err)
	return data
}

// shelf is an object store of a test: the loader asks it for bytes by digest.
type shelf map[string][]byte

func (s shelf) Bytes(_ context.Context, ref artifact.Ref, _ int64) ([]byte, error) {
	return s[ref.Digest], nil
}

func (s shelf) put(data []byte) artifact.Ref {
	ref := artifact.Ref{Digest: artifact.DigestOf(data), Size: int64(len(data)), MediaType: artifact.MediaTypeBundle}
	s[ref.Digest] = data
	return ref
}

// testServer is a server over a real spool, fed by hand.
type testServer struct {
	*httptest.Server
	handler *serving.Server
	spool   *audit.Spool
	table   *serving.Table
}

func newServer(t testing.TB, limits serving.Limits, data ...[]byte) *testServer {
	t.Helper()
	spool, err := audit.Open(audit.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	s := &testServer{spool: spool, table: serving.NewTable()}
	dir := t.TempDir()
	state, err := serving.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	store := shelf{}
	for i, d := range data {
		if err := state.Keep(metadata.Revision{
			Endpoint: []string{"flights", "species"}[i], Revision: 7, ModelName: "m", ModelVersion: 3, Bundle: store.put(d),
		}); err != nil {
			t.Fatal(err)
		}
	}
	w := serving.NewWatcher(serving.WatcherOptions{Table: s.table, State: state,
		Loader: &serving.BundleLoader{State: state, Open: func(context.Context) (serving.Store, error) { return store, nil }}})
	if n := w.Restore(context.Background()); n != len(data) {
		t.Fatalf("%d of %d endpoints: %+v", n, len(data), s.table.Status())
	}
	if s.handler, err = serving.New(serving.Options{Audit: spool, Limits: limits, Table: s.table}); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(s.handler)
	config := s.handler.HTTP()
	s.Config.ReadTimeout, s.Config.ReadHeaderTimeout, s.Config.WriteTimeout, s.Config.MaxHeaderBytes = config.ReadTimeout, config.ReadHeaderTimeout, config.WriteTimeout, config.MaxHeaderBytes
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *testServer) ask(t testing.TB, path, body string) (int, map[string]any, http.Header) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		t.Fatalf("%s: %d %q is not JSON: %v", path, res.StatusCode, text, err)
	}
	return res.StatusCode, answer, res.Header
}

// drained is what the spool holds, in order.
type drained struct{ records []audit.Record }

func (d *drained) Insert(_ context.Context, records []audit.Record) error {
	for _, r := range records {
		r.Features = bytes.Clone(r.Features)
		r.Outputs = bytes.Clone(r.Outputs)
		d.records = append(d.records, r)
	}
	return nil
}

func (s *testServer) audited(t testing.TB) []audit.Record {
	t.Helper()
	d := &drained{}
	if err := audit.NewDrainer(audit.DrainerOptions{Spool: s.spool, Sink: d}).DrainAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d.records
}
