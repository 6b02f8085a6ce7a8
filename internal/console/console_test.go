package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/console"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/token"
)

// away is a Temporal that nobody reaches; what it tells when it is there is tested with
// the real one, in testline.
type away struct{}

var errAway = fault.New(fault.TemporalUnavailable, "Temporal is away")

func (away) Paused(context.Context) ([]console.Pause, error) { return nil, errAway }
func (away) Retraining(context.Context, string) (console.Retraining, error) {
	return console.Retraining{}, errAway
}
func (away) Rollout(context.Context, string) (console.Rollout, error) {
	return console.Rollout{}, errAway
}
func (away) Schedule(context.Context, string) (console.Schedule, error) {
	return console.Schedule{}, errAway
}
func (away) Trigger(context.Context, string, console.Trigger) (console.Outcome, error) {
	return console.Outcome{}, errAway
}

// bench is a console on a database and a store of the test's own.
type bench struct {
	*console.Console
	t     testing.TB
	db    *metadata.DB
	store *artifact.Store
}

func setup(t testing.TB, change func(*console.Options)) *bench {
	t.Helper()
	b := &bench{t: t, db: testenv.Database(t), store: testenv.Store(t)}
	o := console.Options{
		DB: b.db, Flows: away{}, Log: zerolog.Nop(), Server: "http://127.0.0.1:8090", Trace: b.db.Trace,
		Store:      func(context.Context) (*artifact.Store, error) { return b.store, nil },
		UI:         func(id, run string) string { return "http://127.0.0.1:8233/" + id },
		ScheduleUI: func(id string) string { return "http://127.0.0.1:8233/schedules/" + id },
	}
	if change != nil {
		change(&o)
	}
	b.Console = console.New(o)
	return b
}

func (b *bench) ask(method, path string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	req := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, req)
	return w
}

// fill leaves one run, model and endpoint behind.
func (b *bench) fill() (run string) {
	b.t.Helper()
	ctx := b.t.Context()
	_, err := b.db.RecordDefinition(ctx, metadata.Definition{Pipeline: "flights", Digest: "d", ProblemDigest: "p", Problem: []byte(`{"task":"regression","target":"delay"}`)})
	require.NoError(b.t, err)
	_, _, err = b.db.StartRun(ctx, metadata.StartRun{ID: "flights/run/1", Pipeline: "flights", PipelineDigest: "d", Trigger: "manual"})
	require.NoError(b.t, err)
	m, err := b.db.RegisterModel(ctx, metadata.RegisterModel{Name: "flights", Bundle: artifact.Ref{Digest: artifact.DigestOf([]byte("b")), Size: 1, MediaType: artifact.MediaTypeBundle}, Run: "flights/run/1"})
	require.NoError(b.t, err)
	_, err = b.db.SetRevision(ctx, metadata.SetRevision{Endpoint: "flights", ModelName: "flights", ModelVersion: m.Version, Actor: "test"})
	require.NoError(b.t, err)
	return "flights/run/1"
}

// nothing is a Temporal in which nothing of the console's was applied.
type nothing struct{ away }

func (nothing) Retraining(context.Context, string) (console.Retraining, error) {
	return console.Retraining{}, fault.New(fault.NotFound, "no")
}

func (nothing) Schedule(context.Context, string) (console.Schedule, error) {
	return console.Schedule{}, fault.New(fault.NotFound, "no")
}

// A link leads to what is there: a monitor's workflows have a moment in their ids each,
// and what is not applied has none.
func TestLinksToTemporalLeadSomewhere(t *testing.T) {
	for name, one := range map[string]struct {
		flows console.Flows
		want  map[string]string
	}{
		"perhaps applied": {away{}, map[string]string{"/ui/endpoints/flights": "schedules/endpoint/flights/monitor", "/ui/pipelines/flights": "flights/retrain"}},
		"not applied":     {nothing{}, map[string]string{"/ui/endpoints/flights": "", "/ui/pipelines/flights": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, func(o *console.Options) { o.Flows = one.flows })
			b.fill()
			for path, want := range one.want {
				require.Contains(t, b.ask("GET", path).Body.String(), `<a href="http://127.0.0.1:8233/`+want+`">Open in the Temporal UI`, path)
			}
		})
	}
}

// Without Temporal the pages show what Postgres knows, and say what they cannot tell.
func TestPagesWithoutTemporal(t *testing.T) {
	b := setup(t, nil)
	run := b.fill()
	for path, words := range map[string][]string{
		"/ui/":                  {"flights@1", "What is paused cannot be told now.", "Temporal is away", "It is not known now what is paused."},
		"/ui/pipelines/flights": {"Where retraining stands cannot be told now.", "not known", "manual"},
		"/ui/runs/" + run:       {"running", "esteira runs show flights/run/1"},
		"/ui/models":            {"flights"},
		"/ui/models/flights":    {"flights@1"},
		"/ui/endpoints/flights": {"It serves flights@1.", "Nobody asked in this time.", "No window was computed yet."},
		"/ui/trace":             {"Id of the prediction"},
	} {
		w := b.ask(http.MethodGet, path)
		require.Equal(t, 200, w.Code, "%s: %s", path, w.Body)
		for _, word := range words {
			require.Contains(t, w.Body.String(), word, path)
		}
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'")
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
	w := b.ask(http.MethodPost, "/pipelines/flights/runs", "Idempotency-Key", "a")
	require.Equal(t, 503, w.Code)
	require.JSONEq(t, `{"error": "Temporal is away", "kind": "TemporalUnavailable"}`, w.Body.String())
}

func TestWhatIsNotThere(t *testing.T) {
	b := setup(t, nil)
	for path, word := range map[string]string{
		"/ui/nothing": "there is no such page", "/ui/pipelines/nobody": "there is no pipeline", "/ui/runs/no/run": "no/run", "/ui/models/nobody": "does not exist", "/ui/endpoints/nobody": "does not exist",
		"/ui/artifacts/" + strings.Repeat("0", 64): "the store has no artifact", "/ui/artifacts/x": "the store has no artifact", "/ui/runs/a%00b%ff": "does not exist",
		"/ui/trace?id=01a2146e-f480-7120-8032-716c2e56fe19": "is not in the audit table",
		"/ui/models/%3Cscript%3Ealert(1)%3C/script%3E":      "&lt;script",
	} {
		w := b.ask(http.MethodGet, path)
		require.Equal(t, 404, w.Code, "%s: %s", path, w.Body)
		require.Contains(t, w.Body.String(), word, path)
		require.NotContains(t, w.Body.String(), "<script>", path)
	}
	b.fill()
	for path, status := range map[string]int{
		"/ui/trace?id=%3Cb%3E": 400, "/ui/endpoints/flights?span=year": 400, "/ui/pipelines/flights?before=yesterday": 400, "/ui/models/flights/x": 404, "/ui/models/flights/2": 404, "/nothing": 404,
		"/ui/?after=%00%ff'": 200, "/health/live": 200, "/openapi.json": 200, "/": 303,
	} {
		require.Equal(t, status, b.ask(http.MethodGet, path).Code, path)
	}
}

// A name that somebody points at this machine opens nothing, where no token is asked
// for.
func TestAnotherNameOfThisMachineIsRefused(t *testing.T) {
	b := setup(t, func(o *console.Options) { o.Local = true })
	require.Equal(t, 200, b.ask(http.MethodGet, "/ui/", "Host", "127.0.0.1:7080").Code)
	require.Equal(t, 403, b.ask(http.MethodGet, "/ui/", "Host", "evil.example:7080").Code)
	require.Equal(t, 403, b.ask(http.MethodPost, "/pipelines/flights/runs", "Host", "127.0.0.1:7080", "Sec-Fetch-Site", "cross-site").Code)
	require.Equal(t, 403, b.ask(http.MethodPost, "/pipelines/flights/runs", "Host", "127.0.0.1:7080", "Origin", "https://evil.example").Code)
}

// Reports are shown without power; tables of rows and bundles are not shown.
func TestReportsAreShownAndNothingElse(t *testing.T) {
	b := setup(t, nil)
	for kind, shown := range map[string]string{
		artifact.MediaTypeHTML: "text/html; charset=utf-8", artifact.MediaTypeJSON: "application/json", "text/markdown; charset=utf-8": "text/plain; charset=utf-8", artifact.MediaTypeParquet: "", artifact.MediaTypeBundle: "", "image/svg+xml": "",
	} {
		ref, err := b.store.PutBytes(t.Context(), []byte(kind), kind)
		require.NoError(t, err)
		w := b.ask(http.MethodGet, "/ui/artifacts/"+ref.Digest)
		if shown == "" {
			require.Equal(t, 404, w.Code, kind)
			require.Contains(t, w.Body.String(), "not a report")
			continue
		}
		require.Equal(t, 200, w.Code, kind)
		require.Equal(t, kind, w.Body.String())
		require.Equal(t, shown, w.Header().Get("Content-Type"))
		require.Regexp(t, `^default-src 'none'.*; sandbox$`, w.Header().Get("Content-Security-Policy"))
	}
}

// Which token opens what.
func TestScopes(t *testing.T) {
	set, err := token.Open(t.TempDir() + "/tokens.json")
	require.NoError(t, err)
	secrets, list := map[string]string{}, []metadata.Token{}
	past := time.Now().Add(-time.Second)
	for name, k := range map[string]metadata.Token{
		"audit": {Scopes: []string{token.Audit}}, "deploy": {Scopes: []string{token.Deploy}}, "predict": {Scopes: []string{token.Predict, token.Label}},
		"audit flights": {Scopes: []string{token.Audit}, Endpoint: "flights"}, "audit other": {Scopes: []string{token.Audit}, Endpoint: "other"}, "expired": {Scopes: []string{token.Audit}, Expires: &past},
	} {
		secret, hash := token.New()
		k.Name, k.Hash = name, hash
		secrets[name], list = secret, append(list, k)
	}
	require.NoError(t, set.Replace(list))
	b := setup(t, func(o *console.Options) { o.Admit = set.Admit })
	run := b.fill()
	id := b.prediction()
	for path, opens := range map[string]string{
		"/ui/": "audit, deploy", "/ui/pipelines/flights": "audit, deploy", "/ui/runs/" + run: "audit, deploy", "/ui/models/flights": "audit, deploy", "/runs/" + run: "audit, deploy", "/pipelines/flights/runs": "audit, deploy",
		"/ui/endpoints/flights": "audit, deploy, audit flights", "/ui/trace": "audit, audit flights, audit other", "/ui/trace?id=" + id: "audit, audit flights",
	} {
		for name, secret := range secrets {
			want := map[bool]int{true: 200, false: 403}[strings.Contains(", "+opens+", ", ", "+name+", ")]
			if name == "expired" {
				want = 401
			}
			if strings.HasPrefix(path, "/runs/") || strings.HasPrefix(path, "/pipelines/") {
				if strings.HasPrefix(name, "audit ") {
					want = 503 // of which endpoint the pipeline is, Temporal knows
				}
			}
			require.Equal(t, want, b.ask(http.MethodGet, path, "Authorization", "Bearer "+secret).Code, "%s with %s", path, name)
		}
		w := b.ask(http.MethodGet, path)
		require.Contains(t, []int{303, 401}, w.Code, path)
	}
	for _, path := range []string{"/health/live", "/openapi.json", "/ui/sign-in"} {
		require.Equal(t, 200, b.ask(http.MethodGet, path).Code, path)
	}
}

// prediction leaves one behind and returns its id.
func (b *bench) prediction() string {
	const id = "01a2146e-f480-7120-8032-716c2e56fe19"
	b.t.Helper()
	_, err := b.db.Pool().Exec(b.t.Context(), `create table if not exists predictions_of_the_test partition of predictions for values from ('2026-11-25') to ('2026-11-26')`)
	if err != nil {
		require.Contains(b.t, err.Error(), "would overlap")
	}
	_, err = b.db.Pool().Exec(b.t.Context(), `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, features, outputs, status, latency_us)
		values ('2026-11-25', $1, 'flights', 1, 'flights', 1, now(), '{"x":"<b>"}', '{}', 200, 90)`, id)
	require.NoError(b.t, err)
	return id
}

func TestOpenAPIDescribesTheDoor(t *testing.T) {
	b := setup(t, nil)
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal(b.ask(http.MethodGet, "/openapi.json").Body.Bytes(), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	require.Contains(t, doc.Paths["/pipelines/{name}/runs"], "post")
	require.Contains(t, doc.Paths["/runs/{id}"], "get")
}

// Whatever is sent, the answer is typed and no fault of ours.
func FuzzAskingForARun(f *testing.F) {
	b := setup(f, nil)
	b.t = f
	f.Add(`{"reason":"x"}`, "key", "application/json")
	f.Add("{\"reason\":\"\x00\"}", "\xff", "text/plain")
	f.Add("[[[[", "", "")
	f.Fuzz(func(t *testing.T, body, key, kind string) {
		req := httptest.NewRequest(http.MethodPost, "/pipelines/flights/runs", strings.NewReader(body))
		req.Header["Idempotency-Key"], req.Header["Content-Type"] = []string{key}, []string{kind}
		w := httptest.NewRecorder()
		b.ServeHTTP(w, req)
		var said struct {
			Error string
			Kind  fault.Kind
		}
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Error == "" || w.Code < 400 || said.Kind == fault.Internal {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}
