package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

type testBundle struct {
	db   *metadata.DB
	sink *audit.Postgres
}

func setup(t testing.TB) testBundle {
	db := testenv.Database(t)
	return testBundle{db, audit.NewPostgres(db)}
}

func (b testBundle) count(t testing.TB) (n int) {
	t.Helper()
	if err := b.db.Pool().QueryRow(context.Background(), `select count(*) from predictions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func records(t testing.TB, n int) []audit.Record {
	t.Helper()
	out := make([]audit.Record, n)
	for i := range out {
		out[i] = audit.Record{
			ID: uuid.Must(uuid.NewV7()), At: time.Now().UTC().Truncate(time.Microsecond), Endpoint: "flights", Revision: 3, ModelName: "flights",
			ModelVersion: 2, RequestID: "r", Features: json.RawMessage(`{"distance": 733.5, "origin": "JFK"}`),
			Outputs: json.RawMessage(`{"prediction": 1.5}`), Status: 200, Latency: 1500 * time.Microsecond,
		}
	}
	return out
}

func TestARowHoldsTheRecord(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	in := records(t, 2)
	in[1].Features, in[1].Outputs, in[1].Status, in[1].Error = nil, nil, 400, "RequestInvalid: no"
	in[0].Role, in[0].ShadowOf, in[0].Token, in[0].RequestHash, in[0].IdempotencyKey = metadata.RoleShadow, in[1].ID, "app", []byte{1, 2}, "once"
	if err := b.sink.Insert(ctx, in); err != nil {
		t.Fatal(err)
	}
	got, err := traced(ctx, b.db, in[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Endpoint != "flights" || got.Revision != 3 || got.ModelVersion != 2 || got.RequestID != "r" || got.LatencyUS != 1500 ||
		!got.At.Equal(in[0].At) || got.Status != 200 || !strings.Contains(string(got.Features), "JFK") || !strings.Contains(string(got.Outputs), "1.5") {
		t.Fatalf("%+v", got)
	}
	if got.Role != metadata.RoleShadow || got.ShadowOf == nil || *got.ShadowOf != in[1].ID || got.Token != "app" || string(got.RequestHash) != "\x01\x02" || got.IdempotencyKey != "once" {
		t.Fatalf("%+v", got)
	}
	got, err = traced(ctx, b.db, in[1].ID)
	if err != nil || got.Role != metadata.RoleLive || got.ShadowOf != nil || got.Features != nil || got.Outputs != nil || got.Error != in[1].Error {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestTheFirstAnswerToAKeyIsKept(t *testing.T) {
	b := setup(t)
	in := records(t, 3)
	for i := range in {
		in[i].IdempotencyKey, in[i].RequestHash = "k", []byte{byte(i)}
		in[i].AnswerHeader, in[i].Answer = json.RawMessage(`{"request": "r"}`), []byte{'a' + byte(i)}
	}
	in[2].At = in[2].At.Add(metadata.AnswersLive + time.Minute) // a new request, by then
	for i, want := range []string{"a", "a", "c"} {
		if err := b.sink.Insert(context.Background(), in[i:i+1]); err != nil {
			t.Fatal(err)
		}
		got, found, err := b.db.IdempotentAnswer(context.Background(), "flights", "", "k")
		if err != nil || !found || string(got.Body) != want || got.Prediction == uuid.Nil || string(got.Header) != `{"request": "r"}` {
			t.Fatalf("%+v, %v, %v; want %s", got, found, err, want)
		}
	}
	if n := b.count(t); n != 3 {
		t.Fatalf("%d rows", n)
	}
}

// Shares of a large batch go by several connections; a poison record in one of them
// is found, and nothing is lost or stored twice.
func TestALargeBatchWithPoisonIsStoredButForThat(t *testing.T) {
	b := setup(t)
	s, err := audit.Open(audit.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := records(t, 9000)
	in[7000].Features = json.RawMessage(`{not json`)
	if err := s.Append(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	if err := audit.NewDrainer(audit.DrainerOptions{Spool: s, Sink: b.sink}).DrainAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	if h := s.Health(); b.count(t) != 8999 || h.Poisoned != 1 || h.Backlog != 0 {
		t.Fatalf("%d rows, %+v", b.count(t), h)
	}
}

func TestARecordOfAnotherDayFindsItsPartition(t *testing.T) {
	b := setup(t)
	old := records(t, 1)
	ms := time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC).UnixMilli()
	for i := range 6 {
		old[0].ID[i] = byte(ms >> (40 - 8*i))
	}
	if err := b.sink.Insert(context.Background(), old); err != nil {
		t.Fatal(err)
	}
	if n := b.count(t); n != 1 {
		t.Fatalf("%d rows", n)
	}
}

func TestTwoDrainsAtOnceStoreEachRecordOnce(t *testing.T) {
	b := setup(t)
	in := records(t, 2000)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			mine := append([]audit.Record(nil), in[i*300:]...)
			if i%2 == 1 { // in the other order, which must not deadlock
				for a, z := 0, len(mine)-1; a < z; a, z = a+1, z-1 {
					mine[a], mine[z] = mine[z], mine[a]
				}
			}
			if err := b.sink.Insert(context.Background(), mine); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := b.count(t); n != len(in) {
		t.Fatalf("%d rows, want %d", n, len(in))
	}
}

func TestWhatTheTableRefusesIsQuarantined(t *testing.T) {
	b := setup(t)
	dir := t.TempDir()
	s, err := audit.Open(audit.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := records(t, 20)
	in[3].Features = json.RawMessage(`{"a":"\u0000"}`)
	in[7].Features = json.RawMessage(`{not json`)
	in[11].ID = uuid.New() // version 4: no day
	in[13].Endpoint = "a\xff"
	if err := s.Append(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	d := audit.NewDrainer(audit.DrainerOptions{Spool: s, Sink: b.sink})
	if err := d.DrainAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	if h := s.Health(); b.count(t) != 16 || h.Poisoned != 4 || h.Backlog != 0 {
		t.Fatalf("%d rows, %+v", b.count(t), h)
	}
	if _, err := os.Stat(filepath.Join(dir, "quarantine", "poison.jsonl")); err != nil {
		t.Fatal(err)
	}
}

func TestAnOutageIsNotPoison(t *testing.T) {
	b := setup(t)
	b.db.Close()
	if err := b.sink.Insert(context.Background(), records(t, 1)); err == nil || errors.Is(err, audit.ErrRejected) {
		t.Fatalf("got %v", err)
	}
}

// BenchmarkDrain measures the whole way from segments to committed rows.
func BenchmarkDrain(b *testing.B) {
	x := setup(b)
	s, err := audit.Open(audit.Options{Dir: b.TempDir(), MaxBytes: 16 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	wide := json.RawMessage(`{"a":1.25,"b":2.5,"c":3.125,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":"one","l":"two","m":"three","n":14,"o":15,"p":16,"q":17,"r":18,"s":19,"t":20}`)
	for left := b.N; left > 0; left -= 1000 {
		in := records(b, min(left, 1000))
		for i := range in {
			in[i].Features = wide
		}
		if err := s.Append(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
	d := audit.NewDrainer(audit.DrainerOptions{Spool: s, Sink: x.sink})
	b.ResetTimer()
	if err := d.DrainAll(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	if n := x.count(b); n != b.N {
		b.Fatalf("%d rows, want %d", n, b.N)
	}
}

func traced(ctx context.Context, db *metadata.DB, id uuid.UUID) (metadata.Prediction, error) {
	t, err := db.Trace(ctx, id.String())
	return t.Prediction, err
}
