package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
)

// put deploys a bundle as the next revision of flights.
func (s *stand) put(t testing.TB, bundle []byte, expected int64) {
	t.Helper()
	ref, err := s.store.PutBytes(t.Context(), bundle, artifact.MediaTypeBundle)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.db.RegisterModel(t.Context(), metadata.RegisterModel{Name: "flights", Bundle: ref, Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: "flights", Expected: expected, ModelName: "flights", ModelVersion: m.Version, Actor: "test"}); err != nil {
		t.Fatal(err)
	}
}

// reported waits until a server has said how it fares with a revision.
func (s *stand) reported(t testing.TB, revision int64, want metadata.ServerState) (said string) {
	t.Helper()
	eventually(t, "the revision is "+string(want), func() bool {
		reports, err := s.db.RevisionReports(t.Context(), "flights", revision)
		if err != nil || len(reports) == 0 || reports[0].State != want {
			return false
		}
		said = reports[0].Error
		return true
	})
	return said
}

// predicted is the answer to one record.
func (s *stand) predicted(t testing.TB, record string) float64 {
	t.Helper()
	res, err := http.Post(s.url+"/v1/endpoints/flights/predict", "application/json", strings.NewReader(`{"records":[`+record+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct {
		Predictions []struct{ Prediction float64 }
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || len(got.Predictions) != 1 {
		t.Fatalf("status %d, %v, %+v", res.StatusCode, err, got)
	}
	return got.Predictions[0].Prediction
}

// A model that somebody else trained is answered in ONNX Runtime.
func TestItAnswersWithAModelTrainedElsewhere(t *testing.T) {
	t.Parallel()
	library, err := onnxruntime.Find()
	if err != nil {
		t.Fatal(err)
	}
	s := setup(t)
	s.put(t, servingtest.Foreign(t, 3), 0)
	s.start(t, onnxruntime.LibraryVariable+"="+library)
	s.reported(t, 1, metadata.ServerLive)
	if got := s.predicted(t, `{"x": 7, "c": null}`); got != 3*7+1 {
		t.Fatalf("it answers %v", got)
	}
}

// Without the library a native model is answered as ever, and one trained elsewhere
// fails to load, says what is missing, and leaves the one before.
func TestWithoutARuntimeTheOldRevisionStays(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.deploy(t, 0)
	s.start(t, onnxruntime.LibraryVariable+"=/nowhere/libonnxruntime.so")
	s.reported(t, 1, metadata.ServerLive)
	const record = `{"distance":7,"origin":"LAX","departs":1}`
	before := s.predicted(t, record)
	s.put(t, servingtest.Foreign(t, 3), 1)
	said := s.reported(t, 2, metadata.ServerFailed)
	for _, word := range []string{"trained elsewhere", "make setup", onnxruntime.LibraryVariable} {
		if !strings.Contains(said, word) {
			t.Errorf("it says %q, without %q", said, word)
		}
	}
	if got := s.predicted(t, record); got != before {
		t.Fatalf("it answers %v and answered %v", got, before)
	}
}
