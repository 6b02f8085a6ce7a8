package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestEveryAnswerIsCounted(t *testing.T) {
	var asked, failed atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if string(body) != "rows" {
			t.Errorf("body %q", body)
		}
		if asked.Add(1)%10 == 0 {
			failed.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	r, err := run(s.URL, []byte("rows"), 4, 0, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if int64(r.Requests) != asked.Load() || int64(r.Errors) != failed.Load() || r.Statuses["200"] != r.Requests-r.Errors || r.Rate <= 0 || r.P50 > r.P99 || r.P99 > r.Max {
		t.Fatalf("%+v, asked %d, failed %d", r, asked.Load(), failed.Load())
	}
}

func TestASilentServerIsAnError(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	if r, err := run(s.URL, nil, 1, 0, 50*time.Millisecond); err == nil {
		t.Fatalf("%+v", r)
	}
}

// An open loop asks as often as it is told to, and counts from when a request was due.
func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer s.Close()
	r, err := run(s.URL, nil, 4, 100, 500*time.Millisecond)
	if err != nil || r.Requests > 51 || int64(r.Requests) != asked.Load() || r.Due != 100 {
		t.Fatalf("%+v, asked %d: %v", r, asked.Load(), err)
	}
}
