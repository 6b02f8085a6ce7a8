package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/signing"
)

// say records what versions answered, as a server does.
func (s *site) say(t *testing.T, records ...audit.Record) []audit.Record {
	t.Helper()
	for i := range records {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		r := &records[i]
		r.ID, r.Endpoint, r.ModelName = id, "e", "p"
		if r.At.IsZero() {
			r.At = time.Now()
		}
		if r.Status == 0 {
			r.Status = 200
		}
	}
	require.NoError(t, audit.NewPostgres(s.DB).Insert(t.Context(), records))
	return records
}

func answers(n int, role metadata.Role, revision int64, out func(i int) float64) []audit.Record {
	var records []audit.Record
	for i := range n {
		records = append(records, audit.Record{
			Role: role, Revision: revision, ModelVersion: 1, RequestID: fmt.Sprint(role, revision, "-", i), Latency: time.Millisecond,
			Features: json.RawMessage(fmt.Sprintf(`{"distance": %d, "origin": "LAX", "departs": 1000000}`, i)), Outputs: json.RawMessage(fmt.Sprintf(`{"prediction": %v}`, out(i))),
		})
	}
	return records
}

func same(i int) float64 { return float64(i) }

func (s *site) compare(t *testing.T, role metadata.Role, since time.Time) rollout.Comparison {
	t.Helper()
	c, err := act(t, s, s.CompareAnswers, CompareAnswersParams{
		Endpoint: "e", Revision: 3, Role: role, Since: since, Question: rollout.Question{Task: pipeline.Regression, Metric: "rmse"},
		Rules: pipeline.Rollback{MaxErrorRate: new(0.01), MaxLatencyRatio: new(3.0), MaxPredictionShift: new(0.3), MaxMetricLoss: new(0.1), MinRequests: 100},
	})
	require.NoError(t, err)
	return c
}

// Both versions are compared in one revision and from one moment on: what was before
// or in another part says nothing.
func TestVersionsAreComparedInTheSamePeriod(t *testing.T) {
	s := newSite(t)
	begun := time.Now().Add(-time.Second)
	s.say(t, answers(150, metadata.RoleLive, 3, same)...)
	s.say(t, answers(120, metadata.RoleCanary, 3, same)...)
	s.say(t, answers(500, metadata.RoleCanary, 2, func(int) float64 { return 1e6 })...)
	early := answers(300, metadata.RoleCanary, 3, func(int) float64 { return 1e6 })
	for i := range early {
		early[i].At = begun.Add(-time.Minute)
	}
	s.say(t, early...)
	// What a caller did wrong is not the live version's error; what the canary refuses is its own.
	bad := answers(30, metadata.RoleLive, 3, same)
	for i := range bad {
		bad[i].Status = 400
	}
	s.say(t, bad...)
	c := s.compare(t, metadata.RoleCanary, begun)
	require.Empty(t, c.Insufficient)
	require.Empty(t, c.Breach)
	require.Equal(t, 150, c.Champion.Rows)
	require.Equal(t, 120, c.Candidate.Rows)
	refused := answers(30, metadata.RoleCanary, 3, same)
	for i := range refused {
		refused[i].Status = 400
	}
	s.say(t, refused...)
	c = s.compare(t, metadata.RoleCanary, begun)
	require.Contains(t, c.Breach, "error rate 0.2 against 0")
}

// A shadow's truth is that of the prediction that was answered; labels name
// predictions or requests.
func TestLabelsReachBothVersions(t *testing.T) {
	s := newSite(t)
	s.deploy(t, 1, "")
	begun := time.Now().Add(-time.Second)
	live := s.say(t, answers(120, metadata.RoleLive, 3, same)...)
	shadow := answers(120, metadata.RoleShadow, 3, func(i int) float64 { return float64(i) + 5 })
	for i := range shadow {
		shadow[i].ShadowOf, shadow[i].RequestID = live[i].ID, live[i].RequestID
	}
	s.say(t, shadow...)
	var labels []metadata.Label
	for i, r := range live {
		l := metadata.Label{Value: json.RawMessage(fmt.Sprint(i + 1)), ObservedAt: time.Now()}
		if i%2 == 0 {
			l.PredictionID = &r.ID
		} else {
			l.RequestID = r.RequestID
		}
		labels = append(labels, l)
	}
	_, err := s.DB.AddLabels(context.Background(), metadata.AddLabels{Endpoint: "e", Labels: labels})
	require.NoError(t, err)
	c := s.compare(t, metadata.RoleShadow, begun)
	require.Equal(t, 120, c.Champion.Labels)
	require.Equal(t, 120, c.Candidate.Labels)
	require.Equal(t, 1.0, *c.Champion.Loss)
	require.Equal(t, 16.0, *c.Candidate.Loss)
	require.Contains(t, c.Breach, "mean squared error 16 against 1")
}

func TestRequestsOfThePastAreReplayed(t *testing.T) {
	s := newSite(t)
	ref, err := s.Store.PutBytes(t.Context(), servingtest.Regression(t, 10), artifact.MediaTypeBundle)
	require.NoError(t, err)
	s.say(t, answers(50, metadata.RoleLive, 3, func(i int) float64 { return float64(i) })...)
	other := answers(50, metadata.RoleLive, 4, same)
	for i := range other {
		other[i].ModelVersion = 2
	}
	s.say(t, other...)
	masked := answers(2, metadata.RoleLive, 3, same)
	masked[0].Features = json.RawMessage(`{"distance": "secret", "origin": "LAX", "departs": 1}`)
	masked[1].Features = nil
	s.say(t, masked...)
	p := ReplayParams{
		Endpoint: "e", Model: "p", Version: 1, Bundle: ref, Question: rollout.Question{Task: pipeline.Regression, Metric: "rmse"},
		Rules: pipeline.Replay{Requests: 40, MaxRefused: new(1.0)},
	}
	res, err := act(t, s, s.Replay, p)
	require.NoError(t, err)
	require.Equal(t, 40, res.Rows, "the newest of the live version")
	require.Equal(t, 2, res.Refused)
	require.NotContains(t, res.Why, "secret")
	require.InDelta(t, 10, res.Mean, 1e-9)
	require.InDelta(t, 10, res.Max, 1e-9)
	require.Len(t, res.Examples, 5)
	p.Rules.MaxRefused = new(0.01)
	res, err = act(t, s, s.Replay, p)
	require.NoError(t, err)
	require.Contains(t, res.Breach, "2 of 40 rows are refused")
}

// A candidate that nobody vouches for is not run, where somebody must.
func TestAnUnsignedCandidateIsNotReplayed(t *testing.T) {
	s := newSite(t)
	key, err := signing.Generate(signing.Ed25519)
	require.NoError(t, err)
	s.Trust = func() (signing.Trust, error) {
		return signing.Trust{Keys: []signing.PublicKey{key.Public("release", time.Time{})}}, nil
	}
	body := servingtest.Regression(t, 10)
	signed, err := bundle.Sign(body, key)
	require.NoError(t, err)
	for kind, candidate := range map[fault.Kind][]byte{fault.SignatureInvalid: body, "": signed} {
		ref, err := s.Store.PutBytes(t.Context(), candidate, artifact.MediaTypeBundle)
		require.NoError(t, err)
		_, err = act(t, s, s.Replay, ReplayParams{
			Endpoint: "e", Model: "p", Version: 1, Bundle: ref, Question: rollout.Question{Task: pipeline.Regression, Metric: "rmse"},
			Rules: pipeline.Replay{Requests: 40, MaxRefused: new(1.0)},
		})
		var app *temporal.ApplicationError
		if kind == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorAs(t, err, &app)
		require.Equal(t, string(kind), app.Type())
	}
}
