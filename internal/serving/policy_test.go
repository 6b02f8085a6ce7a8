package serving_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
)

const oneRow = `{"records":[{"distance":7,"origin":"LAX","departs":1}]}`

func setPolicy(t *testing.T, s *testServer, p metadata.AuditPolicy) {
	t.Helper()
	p.Endpoint, p.Version = "flights", 1
	if err := s.table.SetPolicies([]metadata.AuditPolicy{p}); err != nil {
		t.Fatal(err)
	}
}

func hmacOf(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func TestARecordHoldsTheHashOfTheRequest(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	s.ask(t, predictPath, oneRow)
	s.ask(t, predictPath, `{broken`)
	got := s.audited(t)
	for i, body := range []string{oneRow, `{broken`} {
		if sum := sha256.Sum256([]byte(body)); string(got[i].RequestHash) != string(sum[:]) {
			t.Errorf("%q: %x", body, got[i].RequestHash)
		}
	}
}

func TestWithheldColumnsNeverReachTheDisk(t *testing.T) {
	const key = "a secret of the test alone"
	t.Setenv("AUDIT_TEST_KEY", key)
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	setPolicy(t, s, metadata.AuditPolicy{Mode: metadata.AuditStrict, Key: "env:AUDIT_TEST_KEY", Columns: map[string]string{
		"origin": metadata.ColumnHash, "distance": metadata.ColumnMask, "departs": metadata.ColumnOmit,
	}})
	if status, got, _ := s.ask(t, predictPath, oneRow); status != 200 {
		t.Fatalf("%d %v", status, got)
	}
	if status, _, _ := s.ask(t, predictPath, `{"records":[{"distance":null,"origin":"\u004cAX","departs":1}]}`); status != 200 && status != 400 {
		t.Fatal(status)
	}
	if status, _, _ := s.ask(t, predictPath, `{"records":[{"distance":"SECRET-VALUE","origin":"LAX","departs":1}]}`); status != 400 {
		t.Fatal(status)
	}
	if status, _, _ := s.ask(t, predictPath, `{"records":[{"distance":7,"origin":"LAX","departs":1}SECRET-VALUE`); status != 400 {
		t.Fatal(status)
	}
	got := s.audited(t)
	want := `{"distance":"***","origin":"hmac-sha256:` + hmacOf(key, "origin\x00LAX") + `"}`
	if string(got[0].Features) != want || string(got[0].Redacted) != `{"departs":"omit","distance":"mask","origin":"hash"}` {
		t.Fatalf("%s, %s", got[0].Features, got[0].Redacted)
	}
	if hex.EncodeToString(got[0].RequestHash) != hmacOf(key, oneRow) {
		t.Fatal("the hash of the request would let one guess what is withheld")
	}
	for _, r := range got {
		if strings.Contains(r.Error, "SECRET") || strings.Contains(string(r.Features), "LAX") || r.Status == 400 && r.Error == "" {
			t.Errorf("%+v", r)
		}
	}
}

func TestWithoutItsSecretColumnsToHashAreMasked(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	p := metadata.AuditPolicy{Endpoint: "flights", Version: 1, Key: "env:AUDIT_TEST_NONE", Columns: map[string]string{"origin": metadata.ColumnHash}}
	if err := s.table.SetPolicies([]metadata.AuditPolicy{p}); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
	s.ask(t, predictPath, oneRow)
	if got := s.audited(t); string(got[0].Features) != `{"distance":7,"origin":"***","departs":1}` || string(got[0].Redacted) != `{"origin":"mask"}` || got[0].RequestHash != nil {
		t.Fatalf("%s %s", got[0].Features, got[0].Redacted)
	}
	if err := s.table.SetPolicies([]metadata.AuditPolicy{p}); err != nil {
		t.Fatalf("said twice: %v", err)
	}
	t.Setenv("AUDIT_TEST_NONE", "here it is, sixteen long")
	if err := s.table.SetPolicies([]metadata.AuditPolicy{p}); err != nil {
		t.Fatal(err)
	}
	s.ask(t, predictPath, oneRow)
	if got := s.audited(t); !strings.Contains(string(got[0].Features), "hmac-sha256:") {
		t.Fatalf("the secret was not looked for again: %s", got[0].Features)
	}
}

func TestABoundedEndpointSaysSoInItsRecords(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	setPolicy(t, s, metadata.AuditPolicy{Mode: metadata.AuditBounded, MaxRecords: 1000, MaxDelay: time.Minute})
	s.ask(t, predictPath, oneRow)
	s.ask(t, "/v1/endpoints/species/predict", oneRow) // refused, under strict audit
	got := s.audited(t)
	if len(got) != 2 || got[0].Mode != metadata.AuditBounded || got[1].Mode != "" {
		t.Fatalf("%+v", got)
	}
}

// answersServer repeats answers; lookup is its database.
func answersServer(t *testing.T, lookup func(context.Context, audit.AnswerKey) (audit.Stored, bool, error)) *testServer {
	t.Helper()
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	var err error
	if s.handler, err = serving.New(serving.Options{Audit: s.spool, Table: s.table, Answers: audit.NewAnswers(1<<20, lookup)}); err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = s.handler
	return s
}

func nowhere(context.Context, audit.AnswerKey) (audit.Stored, bool, error) {
	return audit.Stored{}, false, nil
}

// send asks with a key and returns status, body and headers.
func (s *testServer) send(t *testing.T, key, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.URL+predictPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", key)
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestAKeyRepeatsTheFirstAnswerByteForByte(t *testing.T) {
	s := answersServer(t, nowhere)
	status, first, header := s.send(t, "k1", oneRow)
	if status != 200 || header.Get("Esteira-Idempotency") != "first" {
		t.Fatalf("%d %s %v", status, first, header)
	}
	status, again, repeated := s.send(t, "k1", oneRow)
	if status != 200 || again != first || repeated.Get("Esteira-Idempotency") != "repeated" {
		t.Fatalf("%d %s %v", status, again, repeated)
	}
	for _, name := range []string{"Esteira-Prediction-Id", "Esteira-Revision", "Esteira-Model-Version", "X-Request-Id", "Content-Type"} {
		if repeated.Get(name) != header.Get(name) || header.Get(name) == "" {
			t.Errorf("%s: %q, then %q", name, header.Get(name), repeated.Get(name))
		}
	}
	if status, text, _ := s.send(t, "k1", strings.Replace(oneRow, "7", "8", 1)); status != 422 || !strings.Contains(text, "IdempotencyConflict") {
		t.Fatalf("%d %s", status, text)
	}
	if _, other, _ := s.send(t, "k2", oneRow); other == first {
		t.Fatal("another key has the same answer")
	}
	got := s.audited(t)
	if len(got) != 3 || got[0].IdempotencyKey != "k1" || got[1].Status != 422 || string(got[0].Answer) != first {
		t.Fatalf("%d records, %+v", len(got), got)
	}
}

func TestWhatWasRefusedIsNotRepeated(t *testing.T) {
	s := answersServer(t, nowhere)
	if status, _, _ := s.send(t, "k", `{broken`); status != 400 {
		t.Fatal(status)
	}
	if status, text, _ := s.send(t, "k", oneRow); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	for _, key := range []string{"two words", strings.Repeat("x", 300), "é"} {
		if status, _, _ := s.send(t, key, oneRow); status != 400 {
			t.Errorf("key %q: %d", key, status)
		}
	}
}

func TestDuplicatesAtOnceWaitForTheFirst(t *testing.T) {
	s := answersServer(t, nowhere)
	bodies := make([]string, 16)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() { _, bodies[i], _ = s.send(t, "k", oneRow) })
	}
	wg.Wait()
	for _, b := range bodies {
		if b != bodies[0] || !strings.Contains(b, "predictions") {
			t.Fatalf("%q and %q", b, bodies[0])
		}
	}
	if n := len(s.audited(t)); n != 1 {
		t.Fatalf("%d records of one answer", n)
	}
}

func TestTheDatabaseIsAskedForWhatMemoryDoesNotKnow(t *testing.T) {
	first := answersServer(t, nowhere)
	_, body, _ := first.send(t, "k", oneRow)
	record := first.audited(t)[0]
	other := answersServer(t, func(_ context.Context, key audit.AnswerKey) (audit.Stored, bool, error) {
		if key != (audit.AnswerKey{Endpoint: "flights", Key: "k"}) {
			t.Errorf("asked for %+v", key)
		}
		return audit.Stored{RequestHash: record.RequestHash, Header: record.AnswerHeader, Body: record.Answer, At: time.Now()}, true, nil
	})
	if status, again, header := other.send(t, "k", oneRow); status != 200 || again != body || header.Get("Esteira-Idempotency") != "repeated" {
		t.Fatalf("%d %s", status, again)
	}
	if n := len(other.audited(t)); n != 0 {
		t.Fatalf("%d records of an answer that was given before", n)
	}
	away := answersServer(t, func(context.Context, audit.AnswerKey) (audit.Stored, bool, error) {
		return audit.Stored{}, false, fault.New(fault.DatabaseUnavailable, "away")
	})
	if status, _, header := away.send(t, "k", oneRow); status != 200 || header.Get("Esteira-Idempotency") != "unchecked" {
		t.Fatalf("%d %v", status, header)
	}
}
