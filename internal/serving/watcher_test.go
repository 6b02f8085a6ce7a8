package serving_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// followed is a server whose watcher follows a real database and object store.
type followed struct {
	*testServer
	db       *metadata.DB
	store    *artifact.Store
	stateDir string
	away     atomic.Bool // the object store
}

func (f *followed) open(context.Context) (serving.Store, error) {
	if f.away.Load() {
		return nil, fault.New(fault.StoreUnavailable, "the object store is away")
	}
	return f.store, nil
}

func follow(t testing.TB) *followed {
	return followAs(t, "s1", 50*time.Millisecond, testenv.Database(t), testenv.Store(t))
}

// followAs is one of several servers, which polls at an interval.
func followAs(t testing.TB, id string, interval time.Duration, db *metadata.DB, store *artifact.Store) *followed {
	f := &followed{testServer: newServer(t, serving.Limits{}), db: db, store: store, stateDir: t.TempDir()}
	state, err := serving.OpenState(f.stateDir)
	if err != nil {
		t.Fatal(err)
	}
	w := serving.NewWatcher(serving.WatcherOptions{
		Identity: metadata.Server{ID: id, Address: f.URL, Started: time.Now()}, Interval: interval, MaxBackoff: 100 * time.Millisecond,
		Table: f.table, State: state, Loader: &serving.BundleLoader{State: state, Open: f.open},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { w.Run(ctx, f.db); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return f
}

// deploy registers the bytes as the next version and makes it live.
func (f *followed) deploy(t testing.TB, data []byte, expected int64) metadata.Revision {
	t.Helper()
	ctx := context.Background()
	ref, err := f.store.PutBytes(ctx, data, artifact.MediaTypeBundle)
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.db.RegisterModel(ctx, metadata.RegisterModel{Name: "flights", Bundle: ref, Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.db.SetRevision(ctx, metadata.SetRevision{Endpoint: "flights", Expected: expected, ModelName: m.Name, ModelVersion: m.Version, Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reported waits for what the server says about a revision.
func (f *followed) reported(t testing.TB, revision int64, state metadata.ServerState) metadata.RevisionReport {
	t.Helper()
	var last []metadata.RevisionReport
	eventually(t, fmt.Sprintf("revision %d is %s", revision, state), func() bool {
		reports, err := f.db.RevisionReports(context.Background(), "flights", revision)
		if err != nil {
			t.Fatal(err)
		}
		last = reports
		return len(reports) == 1 && reports[0].State == state
	})
	return last[0]
}

// eventually asks until it is so, for at most 20 seconds.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func TestSwapUnderLoadDropsNothing(t *testing.T) {
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	f.reported(t, 1, metadata.ServerLive)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var answers [4]atomic.Int64 // by version
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := f.Client().Post(f.URL+predictPath, "application/json", strings.NewReader(`{"records":[{"distance":7,"origin":"LAX","departs":1}]}`))
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(res.Body)
				res.Body.Close()
				var got struct {
					Version     int   `json:"model_version"`
					Revision    int64 `json:"revision"`
					Predictions []struct {
						Prediction float64 `json:"prediction"`
					} `json:"predictions"`
				}
				if err != nil || res.StatusCode != 200 || json.Unmarshal(text, &got) != nil {
					t.Errorf("%d %s %v", res.StatusCode, text, err)
					return
				}
				// The answer is that of the version and revision it names.
				if got.Predictions[0].Prediction != float64(1000*got.Version+7) || got.Revision != int64(got.Version) {
					t.Errorf("%s", text)
					return
				}
				answers[got.Version].Add(1)
			}
		})
	}
	for version := 1; version <= 3; version++ {
		if version > 1 {
			f.deploy(t, regressionBundle(t, float64(1000*version)), int64(version-1))
		}
		r := f.reported(t, int64(version), metadata.ServerLive)
		if r.AnsweredAt == nil {
			t.Errorf("live without an answer: %+v", r)
		}
		eventually(t, "each version answers", func() bool { return answers[version].Load() > 20 })
	}
	close(stop)
	wg.Wait()
	servers, err := f.db.LiveServers(context.Background(), 10*time.Second)
	if err != nil || len(servers) != 1 || servers[0].Address != f.URL {
		t.Fatalf("heartbeat: %+v, %v", servers, err)
	}
}

// Several servers agree because they are told: the next poll of these is an hour away.
func TestServersAreToldOfARevision(t *testing.T) {
	db, store := testenv.Database(t), testenv.Store(t)
	servers := []*followed{followAs(t, "s1", time.Hour, db, store), followAs(t, "s2", time.Hour, db, store)}
	for revision := range int64(3) {
		r := servers[0].deploy(t, regressionBundle(t, float64(1000*(revision+1))), revision)
		for _, s := range servers {
			eventually(t, fmt.Sprint("revision ", r.Revision, " answers"), func() bool {
				status, got, _ := s.ask(t, predictPath, goodBody)
				return status == 200 && sprint(got["revision"]) == sprint(r.Revision)
			})
		}
	}
}

// A server that was asked and dies at once answers from the same revision when it is
// back: it was on local disk before the first answer.
func TestARevisionIsOnDiskBeforeItAnswers(t *testing.T) {
	f := follow(t)
	for revision := range int64(5) {
		r := f.deploy(t, regressionBundle(t, float64(1000*(revision+1))), revision)
		eventually(t, "the revision is live in the table", func() bool {
			status := f.table.Status()
			return len(status) == 1 && status[0].Revision == r.Revision
		})
		after, err := serving.OpenState(f.stateDir)
		if err != nil {
			t.Fatal(err)
		}
		if kept := after.Revisions(); len(kept) != 1 || kept[0].Revision != r.Revision {
			t.Fatalf("revision %d answers, and on disk are %v", r.Revision, kept)
		}
	}
}

func TestABundleThatDoesNotLoadLeavesTheOldOne(t *testing.T) {
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	f.reported(t, 1, metadata.ServerLive)
	broken := regressionBundle(t, 2000)
	broken[len(broken)/2] ^= 1
	f.deploy(t, broken, 1)
	r := f.reported(t, 2, metadata.ServerFailed)
	if !strings.Contains(r.Error, string(fault.BundleInvalid)) || r.AnsweredAt != nil {
		t.Fatalf("%+v", r)
	}
	if status, got, _ := f.ask(t, predictPath, goodBody); status != 200 || asJSON(t, got["revision"]) != "1" {
		t.Fatalf("%d %v", status, got)
	}
	if s := f.table.Status()[0]; s.Revision != 1 || s.Wanted != 2 || s.Failure == "" {
		t.Fatalf("%+v", s)
	}
	f.deploy(t, regressionBundle(t, 3000), 2)
	f.reported(t, 3, metadata.ServerLive)
	if s := f.table.Status()[0]; s.Revision != 3 || s.Failure != "" {
		t.Fatalf("%+v", s)
	}
}

func TestAStoreThatIsAwayIsAskedAgain(t *testing.T) {
	f := follow(t)
	f.away.Store(true)
	f.deploy(t, regressionBundle(t, 1000), 0)
	if r := f.reported(t, 1, metadata.ServerLoading); !strings.Contains(r.Error, string(fault.StoreUnavailable)) {
		t.Fatalf("%+v", r)
	}
	if status, got, _ := f.ask(t, predictPath, goodBody); status != 404 || !strings.Contains(got["error"].(string), "away") {
		t.Fatalf("%d %v", status, got)
	}
	f.away.Store(false)
	f.reported(t, 1, metadata.ServerLive)
}

func TestAServerStartsWithoutDatabaseAndStore(t *testing.T) {
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	f.reported(t, 1, metadata.ServerLive)
	state, err := serving.OpenState(f.stateDir)
	if err != nil {
		t.Fatal(err)
	}
	f.away.Store(true)
	table := serving.NewTable()
	w := serving.NewWatcher(serving.WatcherOptions{Table: table, State: state, Loader: &serving.BundleLoader{State: state, Open: f.open}})
	if w.Synced() {
		t.Fatal("synced before it knows anything")
	}
	if n := w.Restore(context.Background()); n != 1 || !w.Synced() || len(table.Names()) != 1 {
		t.Fatalf("%d restored: %+v", n, table.Status())
	}
}
