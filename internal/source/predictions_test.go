package source

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestPredictionsAreTheAnsweredRequests(t *testing.T) {
	db := testenv.Database(t)
	ref := artifact.Ref{Digest: artifact.DigestOf([]byte("b")), Size: 1, MediaType: artifact.MediaTypeBundle}
	_, err := db.RegisterModel(t.Context(), metadata.RegisterModel{Name: "m", Bundle: ref, Run: "r"})
	require.NoError(t, err)
	_, err = db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: "flights", ModelName: "m", ModelVersion: 1, Actor: "test"})
	require.NoError(t, err)
	source := pipeline.Source{Predictions: &pipeline.Predictions{Endpoint: "flights"}}
	_, _, err = collect(t, source, Options{DB: db})
	kind(t, fault.SourceNotFound, err)

	add := func(status int, features, outputs string) uuid.UUID {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		_, err = db.Pool().Exec(t.Context(), `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, request_id, features, outputs, status, latency_us)
			values ($1, $2, 'flights', 1, 'm', 1, $3, 'mine', $4, $5, $6, 10)`, metadata.Day(id), id, time.Now(), features, outputs, status)
		require.NoError(t, err)
		return id
	}
	first := add(200, `{"distance": 100, "origin": "JFK"}`, `{"prediction": 3.5}`)
	add(400, `{"distance": "far"}`, `{}`)
	second := add(200, `{"distance": 7, "origin": null}`, `{"label": "late", "probabilities": {"late": 0.9}}`)
	_, got, err := collect(t, source, Options{DB: db})
	require.NoError(t, err)
	require.Equal(t, "json", got.Format)
	lines := strings.Split(strings.TrimSpace(text(t, got.Path)), "\n")
	require.Len(t, lines, 2, "a refused request is not among them")
	var row map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &row))
	require.Equal(t, first.String(), row["prediction_id"])
	require.EqualValues(t, 3.5, row["prediction"])
	require.EqualValues(t, 100, row["distance"])
	require.EqualValues(t, 1, row["model_version"])
	require.Equal(t, "mine", row["request_id"])
	_, err = time.Parse(time.RFC3339, row["prediction_at"].(string))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &row))
	require.Equal(t, second.String(), row["prediction_id"])
	require.Equal(t, "late", row["prediction"])
	require.Equal(t, false, row["labelled"])
	require.Nil(t, row["label"])
	require.Nil(t, row["label_at"])

	only := pipeline.Source{Predictions: &pipeline.Predictions{Endpoint: "flights", Labelled: "only"}}
	_, _, err = collect(t, only, Options{DB: db})
	require.Contains(t, kind(t, fault.SourceNotFound, err).Message, "no label")
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	_, err = db.AddLabels(t.Context(), metadata.AddLabels{Endpoint: "flights", Labels: []metadata.Label{
		{PredictionID: &first, Value: json.RawMessage("4.5"), ObservedAt: at}, {PredictionID: &first, Value: json.RawMessage("4.25"), ObservedAt: at.Add(time.Hour)},
	}})
	require.NoError(t, err)
	_, got, err = collect(t, only, Options{DB: db})
	require.NoError(t, err)
	lines = strings.Split(strings.TrimSpace(text(t, got.Path)), "\n")
	require.Len(t, lines, 1)
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &row))
	require.Equal(t, first.String(), row["prediction_id"])
	require.EqualValues(t, 4.25, row["label"], "the newest truth")
	require.Equal(t, "2026-11-23T13:00:00.000000Z", row["label_at"])
	require.Equal(t, true, row["labelled"])
	only.Predictions.ExcludeModelVersions = []int{1}
	_, _, err = collect(t, only, Options{DB: db})
	require.Contains(t, kind(t, fault.SourceNotFound, err).Message, "model versions")

	for _, own := range []string{"Label", "labelled", "label_at"} {
		_, err = lineOf(metadata.Answer{Prediction: metadata.Prediction{Features: json.RawMessage(`{"` + own + `": 1}`)}})
		kind(t, fault.SourceUnreadable, err)
	}
	add(200, `{"Prediction": 1}`, `{"prediction": 1}`)
	_, _, err = collect(t, source, Options{DB: db})
	kind(t, fault.SourceUnreadable, err)
	source.Predictions.Endpoint = "nowhere"
	_, _, err = collect(t, source, Options{DB: db})
	kind(t, fault.SourceNotFound, err)
}
