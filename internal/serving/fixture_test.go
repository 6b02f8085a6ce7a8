package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
)

func regressionBundle(t testing.TB, offset float64) []byte { return servingtest.Regression(t, offset) }

func speciesBundle(t testing.TB) []byte { return servingtest.Multiclass(t) }

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
		r.RequestHash, r.Redacted = bytes.Clone(r.RequestHash), bytes.Clone(r.Redacted)
		r.AnswerHeader, r.Answer = bytes.Clone(r.AnswerHeader), bytes.Clone(r.Answer)
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

func sprint(v any) string { return fmt.Sprint(v) }

func number(t testing.TB, v any) float64 {
	t.Helper()
	x, err := v.(json.Number).Float64()
	if err != nil {
		t.Fatal(err)
	}
	return x
}
