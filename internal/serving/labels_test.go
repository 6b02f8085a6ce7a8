package serving_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// withLabels is a server of flights (numbers) and species (classes) that keeps
// labels in a database of the test, with one answer of each in it.
func withLabels(t *testing.T, limits serving.Limits) (s *testServer, db *metadata.DB, answers map[string]uuid.UUID) {
	t.Helper()
	s, db = newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t)), testenv.Database(t)
	_, err := db.RegisterModel(t.Context(), metadata.RegisterModel{Name: "m", Bundle: artifact.Ref{Digest: strings.Repeat("a", 64), Size: 1, MediaType: artifact.MediaTypeBundle}, Run: "r"})
	require.NoError(t, err)
	answers = map[string]uuid.UUID{}
	for _, name := range []string{"flights", "species", "retired"} {
		_, err = db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: name, ModelName: "m", ModelVersion: 1, Actor: "test"})
		require.NoError(t, err)
		id := uuid.Must(uuid.NewV7())
		_, err = db.Pool().Exec(t.Context(), `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, request_id, features, outputs, status, latency_us)
			values ($1, $2, $3, 1, 'm', 1, now(), 'mine', '{}', '{}', 200, 1)`, metadata.Day(id), id, name)
		require.NoError(t, err)
		answers[name] = id
	}
	h, err := serving.New(serving.Options{Audit: s.spool, Table: s.table, Limits: limits, Labels: func(context.Context) (serving.Labels, error) { return db, nil }})
	require.NoError(t, err)
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s, db, answers
}

func TestLabelsAreTakenAndEachIsAccountedFor(t *testing.T) {
	s, _, answers := withLabels(t, serving.Limits{})
	flight, species := answers["flights"].String(), answers["species"].String()
	nobody := uuid.Must(uuid.NewV7()).String()
	for _, step := range []struct{ path, body, want string }{
		{"flights", `{"prediction_id":"` + flight + `","label":3.5,"observed_at":"2026-11-01T00:00:00Z"}`, "accepted"},
		{"flights", `[{"prediction_id":"` + flight + `","label":3.50,"observed_at":"2026-11-01T01:00:00+01:00","request_id":null}]`, "repeated"},
		{"flights", `{"labels":[{"prediction_id":"` + flight + `","label":4},{"request_id":"mine","label":4},{"prediction_id":"` + nobody + `","label":1}]}`, "corrected accepted accepted+unknown"},
		{"flights", `[{"prediction_id":"` + flight + `","label":9,"observed_at":"2026-10-01T00:00:00Z"},{"prediction_id":"` + flight + `","label":8,"observed_at":"2026-11-01T00:00:00Z"}]`, "superseded conflicting"},
		{"species", `[{"prediction_id":"` + species + `","label":"a"},{"prediction_id":"` + species + `","label":"unheard of"},{"request_id":"mine","label":7}]`, "accepted conflicting+unseen accepted+unseen"},
		{"retired", `{"request_id":"mine","label":"anything"}`, "accepted"}, // no model is live, so nothing is known of its target
	} {
		status, got, _ := s.ask(t, "/v1/endpoints/"+step.path+"/labels", step.body)
		require.Equal(t, http.StatusOK, status, "%v", got)
		var words []string
		for _, l := range got["labels"].([]any) {
			l := l.(map[string]any)
			word := l["outcome"].(string)
			for key, short := range map[string]string{"unknown": "+unknown", "unseen_class": "+unseen", "ambiguous": "+ambiguous"} {
				if l[key] == true {
					word += short
				}
			}
			words = append(words, word)
		}
		require.Equal(t, step.want, strings.Join(words, " "))
		require.EqualValues(t, fmt.Sprint(len(words)), fmt.Sprint(got["counts"].(map[string]any)["rows"]))
	}
	require.Empty(t, s.audited(t), "labels do not go through the spool")
}

func TestALabelThatIsNoneRefusesTheWholeRequest(t *testing.T) {
	s, db, answers := withLabels(t, serving.Limits{BodyBytes: 4096, LabelRows: 3})
	good := `{"prediction_id":"` + answers["flights"].String() + `","label":1}`
	for body, want := range map[string]string{
		`{`:                                   "",
		`[` + good:                            "",
		`[]`:                                  "no labels",
		`{"labels":[]}`:                       "no labels",
		`{"labels":[` + good + `],"label":2}`: "beside it",
		`[1]`:                                 "a label",
		`[` + good + `,{"request_id":"x","label":"late"}]`:                                 "labels[1]: label",
		`[` + good + `,{"request_id":"x"}]`:                                                "labels[1]: label has no label",
		`[` + good + `,{"label":1}]`:                                                       "labels[1]: prediction_id names no prediction",
		`[` + good + `,{"request_id":"x","label":1,"truth":2}]`:                            "unknown member",
		`[` + good + `,{"request_id":"x","label":1,"label":2}]`:                            "twice",
		`[` + good + `,{"request_id":5,"label":1}]`:                                        "",
		`[` + good + `,{"request_id":"x","label":1e999}]`:                                  "",
		`[` + good + `,{"request_id":"x","label":[1]}]`:                                    "",
		`[` + good + `,{"request_id":"x","label":1,"observed_at":"2999-01-01"}]`:           "observed_at",
		`[` + good + `,{"prediction_id":"` + answers["species"].String() + `","label":1}]`: "labels[1]: prediction " + answers["species"].String() + " is of endpoint species",
	} {
		status, got, _ := s.ask(t, "/v1/endpoints/flights/labels", body)
		require.Equal(t, http.StatusBadRequest, status, "%s: %v", body, got)
		require.Equal(t, string(fault.RequestInvalid), got["kind"])
		require.Contains(t, got["error"], want, body)
	}
	for body, status := range map[string]int{
		`[` + good + strings.Repeat(`,`+good, 3) + `]`: http.StatusRequestEntityTooLarge,
		`["` + strings.Repeat("x", 5000) + `"]`:        http.StatusRequestEntityTooLarge,
	} {
		got, said, _ := s.ask(t, "/v1/endpoints/flights/labels", body)
		require.Equal(t, status, got, "%v", said)
		require.Equal(t, string(fault.ResourceExhausted), said["kind"])
	}
	status, got, _ := s.ask(t, "/v1/endpoints/nowhere/labels", good)
	require.Equal(t, http.StatusNotFound, status, "%v", got)
	status, got, _ = s.ask(t, "/v1/endpoints/flights/labels", "")
	require.Equal(t, http.StatusMethodNotAllowed, status, "%v", got)
	var kept int
	require.NoError(t, db.Pool().QueryRow(t.Context(), `select count(*) from labels`).Scan(&kept))
	require.Zero(t, kept, "all or none")
}

func TestWithoutItsDatabaseAServerTakesNoLabels(t *testing.T) {
	s, db, answers := withLabels(t, serving.Limits{})
	good := `{"prediction_id":"` + answers["flights"].String() + `","label":1}`
	for name, labels := range map[string]func(context.Context) (serving.Labels, error){
		"none": nil,
		"not yet": func(context.Context) (serving.Labels, error) {
			return nil, fault.New(fault.DatabaseUnavailable, "not yet")
		},
		"out of reach": func(context.Context) (serving.Labels, error) { return away{db}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			h, err := serving.New(serving.Options{Audit: s.spool, Table: s.table, Labels: labels, Limits: serving.Limits{WriteTimeout: 10 * time.Millisecond}})
			require.NoError(t, err)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/endpoints/flights/labels", strings.NewReader(good)))
			require.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body.String())
			require.Equal(t, "1", w.Header().Get("Retry-After"))
			require.Contains(t, w.Body.String(), fault.DatabaseUnavailable)
		})
	}
}

// away is a database that does not answer before the server gives it up.
type away struct{ *metadata.DB }

func (a away) AddLabels(ctx context.Context, in metadata.AddLabels) ([]metadata.LabelOutcome, error) {
	<-ctx.Done()
	return a.DB.AddLabels(ctx, in)
}

func FuzzLabels(f *testing.F) {
	s := newServer(f, serving.Limits{BodyBytes: 1 << 16, LabelRows: 10}, regressionBundle(f, 1))
	for _, b := range []string{`{"request_id":"a","label":1}`, `[{"prediction_id":"019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d","label":"é","observed_at":"2026-11-23T00:00:00Z"}]`, `{"labels":[{"label":true}]}`, `[[{"label":null}]`, `{"labels":{"labels":[]}}`} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body string) {
		status, got, _ := s.ask(t, "/v1/endpoints/flights/labels", body+" ")
		// A well-formed body ends at the database, which this server has not.
		if status != 503 && status != 400 && status != 413 || got["kind"] == string(fault.Internal) {
			t.Fatalf("%q: %d %v", body, status, got)
		}
	})
}
