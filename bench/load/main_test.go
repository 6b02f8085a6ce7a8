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
	r, err := run(s.URL, []byte("rows"), 4, 200*time.Millisecond)
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
	if r, err := run(s.URL, nil, 1, 50*time.Millisecond); err == nil {
		t.Fatalf("%+v", r)
	}
}
