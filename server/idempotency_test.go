package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// again sends the same request under one key and returns the body and how it came.
func (s *stand) again(t *testing.T, key string) (body, how string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/v1/endpoints/flights/predict", strings.NewReader(`{"records":[{"distance":7,"origin":"LAX","departs":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.StatusCode, string(text), err)
	}
	return string(text), res.Header.Get("Esteira-Idempotency")
}

// connected waits until a server that was started after a moment has reached the
// database.
func (s *stand) connected(t *testing.T, after time.Time) {
	t.Helper()
	eventually(t, "the server reaches the database", func() bool {
		list, err := s.db.LiveServers(t.Context(), time.Minute)
		return err == nil && len(list) == 1 && list[0].Started.After(after)
	})
}

// The first answer is repeated by the same server, by one that was killed and started
// again, and by one that has nothing of it on its disk.
func TestAKilledServerRepeatsItsAnswers(t *testing.T) {
	s := setup(t)
	s.deploy(t, 0)
	s.start(t)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	first, how := s.again(t, "k")
	if how != "first" {
		t.Fatal(how)
	}
	if body, how := s.again(t, "k"); body != first || how != "repeated" {
		t.Fatal(how, body)
	}
	s.kill()
	began := time.Now()
	s.start(t)
	s.connected(t, began)
	if body, how := s.again(t, "k"); body != first || how != "repeated" {
		t.Fatal(how, body)
	}
	eventually(t, "the record is in the table", func() bool { return len(s.rows(t)) == 1 })
	s.kill()
	began = time.Now()
	s.start(t, "ESTEIRA_SPOOL_DIR="+t.TempDir())
	s.connected(t, began)
	if body, how := s.again(t, "k"); body != first || how != "repeated" {
		t.Fatal(how, body)
	}
	if n := len(s.rows(t)); n != 1 {
		t.Fatalf("%d rows of one answer", n)
	}
}
