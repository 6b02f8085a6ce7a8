package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/serving"
)

// A minute tells what the clients saw and the most that waited, and a look after it
// waits until nothing does.
func TestAMinuteIsAskedAndLookedAt(t *testing.T) {
	load := filepath.Join(t.TempDir(), "load")
	out, err := exec.Command("go", "build", "-o", load, "../load").CombinedOutput()
	require.NoError(t, err, string(out))
	body := filepath.Join(t.TempDir(), "one.json")
	require.NoError(t, os.WriteFile(body, []byte("{}"), 0o600))
	var asked, looks atomic.Int64
	backlogs := []int64{3, 70, 5}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/v2/models/m/infer" {
			asked.Add(1)
			return
		}
		require.Equal(t, "/v1/health", req.URL.Path)
		n := looks.Add(1)
		backlog := backlogs[min(int(n)-1, len(backlogs)-1)]
		_ = json.NewEncoder(w).Encode(serving.Health{Audit: audit.Health{Backlog: backlog, Bytes: 1000 * backlog}})
	}))
	defer s.Close()
	o := options{load: load, server: s.URL, endpoint: "m", body: body, pid: os.Getpid(), clients: 2, minute: time.Second, every: 50 * time.Millisecond, within: 10 * time.Second}
	m, err := o.one(t.Context())
	require.NoError(t, err)
	require.Equal(t, asked.Load(), m.Answers)
	require.EqualValues(t, 70, m.Backlog)
	require.EqualValues(t, 70_000, m.Bytes)
	require.Greater(t, m.RSS, int64(1<<20))
	require.GreaterOrEqual(t, m.Looks, 3)
	require.Positive(t, m.P99)

	looks.Store(0)
	backlogs = []int64{2, 1, 0}
	h, err := o.drained(t.Context())
	require.NoError(t, err)
	require.Zero(t, h.Audit.Backlog)
	require.EqualValues(t, 3, looks.Load())

	backlogs, o.within = []int64{1}, 50*time.Millisecond
	_, err = o.drained(t.Context())
	require.Error(t, err)

	o.load = filepath.Join(t.TempDir(), "nothing")
	_, err = o.one(t.Context())
	require.Error(t, err)
}

func TestWhatIsNoProofIsSaid(t *testing.T) {
	good := report{Answers: 7, Rows: 7, Minutes: []minute{{}, {}}}
	require.NoError(t, good.verdict())
	for says, spoil := range map[string]func(*report){
		"minute 2: 1 requests": func(r *report) { r.Minutes[1].Errors = 1 },
		"refused 4 records":    func(r *report) { r.Refused = 4 },
		"8 rows in the table":  func(r *report) { r.Rows = 8 },
		"6 rows in the table":  func(r *report) { r.Rows = 6 },
	} {
		r := good
		r.Minutes = slices.Clone(good.Minutes)
		spoil(&r)
		require.ErrorContains(t, r.verdict(), says)
	}
}
