package serving_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving"
)

const (
	predictPath = "/v1/endpoints/flights/predict"
	goodBody    = `{"records":[{"distance":10,"origin":"JFK","departs":1}]}`
)

func TestNoAnswerLeavesWithoutItsRecord(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	if err := s.spool.Close(); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{goodBody, `{`} {
		status, got, header := s.ask(t, predictPath, body)
		if status != 503 || got["kind"] != string(fault.AuditUnavailable) || got["predictions"] != nil || header.Get("Esteira-Prediction-Id") != "" {
			t.Fatalf("%s: %d %v %v", body, status, got, header)
		}
	}
	if status, got, _ := s.ask(t, "/v2/health/ready", ""); status != 503 || got["kind"] != string(fault.AuditUnavailable) {
		t.Fatalf("ready: %d %v", status, got)
	}
	if status, _, _ := s.ask(t, "/v2/models/flights/ready", ""); status != 503 {
		t.Fatalf("model ready: %d", status)
	}
	if status, _, _ := s.ask(t, "/v2/health/live", ""); status != 200 {
		t.Fatalf("live: %d", status)
	}
	if _, got, _ := s.ask(t, "/v1/health", ""); got["ready"] != false || got["reason"] == "" {
		t.Fatalf("health: %v", got)
	}
}

// gate is an audit that lets records pass when told.
type gate struct {
	*audit.Spool
	waiting, open chan struct{}
}

func (g *gate) Append(ctx context.Context, r []audit.Record) error {
	g.waiting <- struct{}{}
	select {
	case <-g.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	return g.Spool.Append(ctx, r)
}

func TestTheAnswerWaitsForTheRecord(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	g := &gate{s.spool, make(chan struct{}), make(chan struct{})}
	h, err := serving.New(serving.Options{Audit: g, Table: s.table})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, predictPath, strings.NewReader(goodBody)))
		close(done)
	}()
	<-g.waiting
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Fatal("something was written before the record was durable")
	}
	close(g.open)
	<-done
	if w.Code != 200 || len(s.audited(t)) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestConcurrencyIsBoundedAndShedIsAudited(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	g := &gate{s.spool, make(chan struct{}, 2), make(chan struct{})}
	h, err := serving.New(serving.Options{Audit: g, Table: s.table, Limits: serving.Limits{Concurrent: 1, QueueTimeout: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, predictPath, strings.NewReader(goodBody)))
		return w
	}
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- ask() }()
	<-g.waiting // it has the only turn
	second := make(chan *httptest.ResponseRecorder)
	go func() { second <- ask() }()
	<-g.waiting // refused, and waits for its own record
	close(g.open)
	if w := <-second; w.Code != 503 || !strings.Contains(w.Body.String(), "1 requests are being answered") || w.Header().Get("Retry-After") == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := <-first; w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if n := len(s.audited(t)); n != 2 {
		t.Fatalf("%d records", n)
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	s := newServer(t, serving.Limits{ReadTimeout: 100 * time.Millisecond}, regressionBundle(t, 1))
	for name, head := range map[string]string{
		"head": "POST " + predictPath + " HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"body": "POST " + predictPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"rec",
	} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(bufio.NewReader(conn)) // ends when the server closes
		if err != nil || strings.Contains(string(answer), "200 OK") {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
		if name == "body" && !strings.Contains(string(answer), "408") {
			t.Errorf("%s: %q", name, answer)
		}
	}
}

// endless is a body without end, whose length is not declared.
type endless struct{ read int64 }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	e.read += int64(len(b))
	return len(b), nil
}

func TestAnEndlessBodyIsCutOff(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	body := &endless{}
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, predictPath, body)
	req.ContentLength = -1
	s.handler.ServeHTTP(w, req)
	if w.Code != 413 || !strings.Contains(w.Body.String(), "8388608 bytes") || body.read > 10<<20 {
		t.Fatalf("%d %s after %d bytes", w.Code, w.Body, body.read)
	}
	req = httptest.NewRequest(http.MethodPost, predictPath, body)
	req.ContentLength = 1 << 30
	body.read = 0
	w = httptest.NewRecorder()
	if s.handler.ServeHTTP(w, req); w.Code != 413 || body.read != 0 {
		t.Fatalf("a declared gigabyte: %d after %d bytes", w.Code, body.read)
	}
}

func TestWhatIsNotJSONIsRefused(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	for header, value := range map[string]string{"Content-Encoding": "gzip", "Inference-Header-Content-Length": "10"} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, predictPath, strings.NewReader(goodBody))
		req.Header.Set(header, value)
		if s.handler.ServeHTTP(w, req); w.Code != 400 || !strings.Contains(w.Body.String(), "not supported") {
			t.Errorf("%s: %d %s", header, w.Code, w.Body)
		}
	}
}

func TestTextFromOutsideCannotPoisonTheTable(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/v1/endpoints/a%00b%FF"+strings.Repeat("c", 300)+"/predict", strings.NewReader(goodBody))
	req.Header.Set("X-Request-Id", "id\xff\x01"+strings.Repeat("d", 300))
	s.handler.ServeHTTP(w, req)
	r := s.audited(t)
	if w.Code != 404 || len(r) != 1 || !strings.HasPrefix(r[0].Endpoint, "abc") || len(r[0].Endpoint) > 128 || !strings.HasPrefix(r[0].RequestID, "idd") || len(r[0].RequestID) > 256 {
		t.Fatalf("%d %+v", w.Code, r)
	}
	for _, text := range []string{r[0].Endpoint, r[0].RequestID, r[0].Error} {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\ufffd") {
			t.Fatalf("%q", text)
		}
	}
}

func TestDrainingIsNotReadyAndStillAnswers(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	s.handler.Drain()
	if status, _, _ := s.ask(t, "/v2/health/ready", ""); status != 503 {
		t.Fatalf("ready: %d", status)
	}
	if status, _, _ := s.ask(t, predictPath, goodBody); status != 200 {
		t.Fatalf("predict: %d", status)
	}
}

func TestManyClientsAreEachAnsweredAndAuditedOnce(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1000))
	var wg sync.WaitGroup
	errs := make(chan error, 32)
	for i := range 32 {
		wg.Go(func() {
			for k := range 20 {
				body := fmt.Sprintf(`{"records":[{"distance":%d,"origin":"o%d","departs":null}]}`, i*100+k, i)
				res, err := s.Client().Post(s.URL+predictPath, "application/json", strings.NewReader(body))
				if err != nil {
					errs <- err
					return
				}
				text, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if want := fmt.Sprintf(`"prediction":%d}`, 1000+i*100+k); !strings.Contains(string(text), want) {
					errs <- errors.New(string(text) + " lacks " + want)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	ids := map[string]bool{}
	for _, r := range s.audited(t) {
		ids[r.ID.String()] = true
	}
	if len(ids) != 32*20 {
		t.Fatalf("%d records", len(ids))
	}
}

func FuzzPredict(f *testing.F) {
	s := newServer(f, serving.Limits{BodyBytes: 1 << 16, Rows: 10}, regressionBundle(f, 1))
	for _, b := range []string{goodBody, `{"records":[{"distance":1e400}]}`, `{"inputs":[{"name":"distance","shape":[1],"datatype":"FP64","data":[1]},{"name":"origin","shape":[1,1],"datatype":"BYTES","data":[["a"]]},{"name":"departs","shape":[1],"datatype":"INT64","data":[null]}],"outputs":[{"name":"prediction"}],"id":"é"}`} {
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, body string, plain bool) {
		path := predictPath
		if !plain {
			path = "/v2/models/flights/infer"
		}
		status, got, _ := s.ask(t, path, body+" ")
		_, failed := got["error"]
		if status != 200 && status != 400 && status != 413 || failed != (status != 200) {
			t.Fatalf("%q: %d %v", body, status, got)
		}
	})
}
