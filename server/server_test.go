package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// TestMain lets the test binary be the server, so that the tests can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("ESTEIRA_TEST_SERVER") != "" {
		if err := mountSpool(); err != nil {
			fmt.Fprintln(os.Stderr, "mount the spool:", err)
			os.Exit(1)
		}
		main()
		return
	}
	os.Exit(m.Run())
}

// stand is a database, a store and the servers of one test.
type stand struct {
	db    *metadata.DB
	store *artifact.Store
	url   string
	env   []string
	log   bytes.Buffer
	cmd   *exec.Cmd
	small string // where the server mounts a small disk; empty: nowhere
}

func setup(t testing.TB) *stand {
	t.Helper()
	databaseURL := testenv.DatabaseURL(t)
	options := testenv.StoreOptions(t)
	s := &stand{db: testenv.OpenDatabase(t, databaseURL)}
	if err := s.db.EnsurePartitions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.store, err = artifact.Open(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s.url = "http://" + address
	dir := t.TempDir()
	s.env = append(os.Environ(), "ESTEIRA_TEST_SERVER=1", "DATABASE_URL="+databaseURL, "ESTEIRA_LISTEN="+address, "ESTEIRA_BUCKET="+options.Bucket,
		"AWS_ENDPOINT_URL_S3="+options.Endpoint, "AWS_ACCESS_KEY_ID="+options.AccessKey, "AWS_SECRET_ACCESS_KEY="+options.SecretKey,
		"ESTEIRA_CACHE_DIR="+filepath.Join(dir, "cache"), "ESTEIRA_SPOOL_DIR="+filepath.Join(dir, "spool"), "ESTEIRA_LOG_FORMAT=json")
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("server:\n%s", s.log.String())
		}
	})
	return s
}

func (s *stand) start(t testing.TB, env ...string) {
	t.Helper()
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = append(s.env, env...), &s.log, &s.log
	if s.small != "" {
		s.cmd.SysProcAttr = onSmallDisk()
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

func (s *stand) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *stand) deploy(t testing.TB, expected int64) {
	t.Helper()
	ref, err := s.store.PutBytes(t.Context(), servingtest.Regression(t, float64(expected)), artifact.MediaTypeBundle)
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

// ask sends one request; status 0 means that no answer came.
func (s *stand) ask(client *http.Client) (status int, id string) {
	res, err := client.Post(s.url+"/v1/endpoints/flights/predict", "application/json", strings.NewReader(`{"records":[{"distance":7,"origin":"LAX","departs":1}]}`))
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	var got struct {
		Predictions []struct{ ID string }
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || json.Unmarshal(text, &got) != nil || len(got.Predictions) == 0 {
		return res.StatusCode, ""
	}
	return res.StatusCode, got.Predictions[0].ID
}

func (s *stand) answers(path string, status int) bool {
	res, err := http.Get(s.url + path)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == status
}

func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// rows counts the predictions in the table by id.
func (s *stand) rows(t testing.TB) map[string]int {
	t.Helper()
	rows, err := s.db.Pool().Query(context.Background(), `select id from predictions where status = 200`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		found[id.String()]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// Every 200 that left a server which was killed under load is in the table, once.
func TestKilledUnderLoadEveryAnswerIsInTheTableOnce(t *testing.T) {
	s := setup(t)
	s.deploy(t, 0)
	var mu sync.Mutex
	answered := map[string]bool{}
	rounds := 4
	if os.Getenv("ESTEIRA_CHAOS") == "full" {
		rounds = 50
	}
	for round := range rounds {
		s.start(t)
		eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
		var wg sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		for range 16 {
			wg.Go(func() {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for {
					status, id := s.ask(client)
					if status == 0 || id == "" {
						once.Do(func() { close(enough) })
						return
					}
					mu.Lock()
					if answered[id] {
						t.Errorf("id %s was given twice", id)
					}
					answered[id] = true
					n := len(answered)
					mu.Unlock()
					if n >= (round+1)*500 {
						once.Do(func() { close(enough) })
					}
				}
			})
		}
		<-enough
		s.kill() // while 16 clients ask
		wg.Wait()
	}
	if len(answered) < rounds*500 {
		t.Fatalf("%d answers", len(answered))
	}
	s.start(t)
	var found map[string]int
	eventually(t, "every answer is in the table", func() bool {
		found = s.rows(t)
		for id := range answered {
			if found[id] == 0 {
				return false
			}
		}
		return true
	})
	for id, n := range found {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
}

// SIGTERM answers what is in flight, and what was answered is in the table.
func TestTerminatedItDrainsAndLeavesTheList(t *testing.T) {
	s := setup(t)
	s.deploy(t, 0)
	s.start(t)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	ids := map[string]bool{}
	for range 50 {
		status, id := s.ask(http.DefaultClient)
		if status != 200 {
			t.Fatalf("status %d", status)
		}
		ids[id] = true
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("exit: %v", err)
	}
	s.cmd = nil
	found := s.rows(t)
	for id := range ids {
		if found[id] != 1 {
			t.Fatalf("%s is there %d times after the server ended", id, found[id])
		}
	}
	servers, err := s.db.LiveServers(t.Context(), time.Hour)
	if err != nil || len(servers) != 0 {
		t.Fatalf("%+v, %v", servers, err)
	}
}

// Without Postgres and the store, a server that ran before answers from disk.
func TestItStartsFromDiskWhenTheWorldIsAway(t *testing.T) {
	s := setup(t)
	s.deploy(t, 0)
	s.start(t)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	s.kill()
	s.start(t, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "AWS_ENDPOINT_URL_S3=http://127.0.0.1:1")
	eventually(t, "it answers alone", func() bool { status, _ := s.ask(http.DefaultClient); return status == 200 })
	if !s.answers("/v2/health/ready", 200) {
		t.Error("not ready although it answers")
	}
	s.kill()
	s.start(t)
	eventually(t, "the answer is in the table", func() bool { return len(s.rows(t)) > 0 })
}

func TestItSaysWhyItCannotStart(t *testing.T) {
	s := setup(t)
	s.start(t)
	eventually(t, "it lives", func() bool { return s.answers("/v2/health/live", 200) })
	second := func(env ...string) (string, int) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(s.env, env...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	for want, env := range map[string][]string{
		"in use by process":  nil,
		"set ESTEIRA_LISTEN": {"ESTEIRA_SPOOL_DIR=" + t.TempDir()},
		"ESTEIRA_LOG_LEVEL":  {"ESTEIRA_LOG_LEVEL=loud"},
	} {
		if out, code := second(env...); code != 2 || !strings.Contains(out, want) {
			t.Errorf("%q: exit %d, %s", want, code, out)
		}
	}
}

func TestItWaitsForTheSchema(t *testing.T) {
	s := setup(t)
	name := "unmigrated_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := s.db.Pool().Exec(t.Context(), fmt.Sprintf("create database %s", name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if _, err := s.db.Pool().Exec(context.Background(), fmt.Sprintf("drop database %s with (force)", name)); err != nil {
			t.Error(err)
		}
	})
	var current string
	for _, e := range s.env {
		if v, ok := strings.CutPrefix(e, "DATABASE_URL="); ok {
			current = v
		}
	}
	head, query, _ := strings.Cut(current, "?")
	empty := head[:strings.LastIndex(head, "/")+1] + name
	if query != "" {
		empty += "?" + query
	}
	s.start(t, "DATABASE_URL="+empty)
	eventually(t, "it is there and not ready", func() bool { return s.answers("/v2/health/ready", 503) })
	db := testenv.OpenDatabase(t, empty)
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is ready", func() bool { return s.answers("/v2/health/ready", 200) })
}

// The server stays small: the data engine is the worker's. ONNX Runtime is linked
// by nobody; it is loaded when a model needs it.
func TestItLinksNoEngine(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		for _, no := range []string{"duckdb", "go.temporal.io"} {
			if strings.Contains(dep, no) {
				t.Errorf("the server links %s", strings.TrimSpace(dep))
			}
		}
	}
}

// BenchmarkAnswers measures one-row requests to the real server, strict audit and
// drain to Postgres included, the clients on the same cores.
func BenchmarkAnswers(b *testing.B) {
	s := setup(b)
	s.deploy(b, 0)
	s.start(b)
	eventually(b, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: clients}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			latencies := make([]time.Duration, b.N)
			var next atomic.Int64
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						began := time.Now()
						if status, _ := s.ask(client); status != 200 {
							b.Errorf("status %d", status)
							return
						}
						latencies[i] = time.Since(began)
					}
				})
			}
			wg.Wait()
			slices.Sort(latencies)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(latencies[b.N/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(latencies[b.N*99/100].Microseconds()), "p99-µs")
		})
	}
}
