package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/testline"
)

// mountSpool puts a small disk of memory where the spool will be, in a mount
// namespace of this process alone.
func mountSpool() error {
	dir := os.Getenv("ESTEIRA_TEST_TMPFS")
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m")
}

// onSmallDisk lets the server's process mount its spool; an unprivileged one is root
// in a namespace of its own for that.
func onSmallDisk() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
}

// between puts a proxy between the server and what a variable of its environment
// names.
func (s *stand) between(t *testing.T, variable string) *testline.Proxy {
	t.Helper()
	for i, e := range s.env {
		if value, ok := strings.CutPrefix(e, variable+"="); ok {
			u, err := url.Parse(value)
			if err != nil {
				t.Fatal(err)
			}
			p := testline.NewProxy(t, u.Host)
			u.Host = p.Address()
			s.env[i] = variable + "=" + u.String()
			return p
		}
	}
	t.Fatalf("the server is not told %s", variable)
	return nil
}

// load asks from several clients until stop; it counts the answers with 200 and
// fails the test at any other that is not allowed.
func (s *stand) load(t *testing.T, allowed ...int) (answers *atomic.Int64, ids *sync.Map, stop func()) {
	answers, ids = &atomic.Int64{}, &sync.Map{}
	var ended atomic.Bool
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for !ended.Load() {
				status, id := s.ask(client)
				if status == 200 {
					ids.Store(id, true)
					answers.Add(1)
					continue
				}
				ok := false
				for _, a := range allowed {
					ok = ok || a == status
				}
				if !ok {
					t.Errorf("status %d", status)
					return
				}
			}
		})
	}
	return answers, ids, func() { ended.Store(true); wg.Wait() }
}

// inTable waits until exactly the answered predictions are in the table.
func (s *stand) inTable(t *testing.T, ids *sync.Map) {
	t.Helper()
	eventually(t, "every answer is in the table", func() bool {
		found, all := s.rows(t), true
		ids.Range(func(id, _ any) bool {
			all = found[id.(string)] == 1
			return all
		})
		return all
	})
}

// away is how long an outage takes: by answers given meanwhile, and in full by the
// clock, too.
func away(t *testing.T, answers *atomic.Int64) {
	t.Helper()
	var elapsed <-chan time.Time
	if os.Getenv("ESTEIRA_CHAOS") == "full" {
		elapsed = time.After(time.Minute)
	}
	from := answers.Load()
	eventually(t, "predictions go on", func() bool { return answers.Load() > from+300 })
	if elapsed != nil {
		<-elapsed
	}
}

func TestKilledPostgresConnectionsStopNoPrediction(t *testing.T) {
	s := setup(t)
	postgres := s.between(t, "DATABASE_URL")
	s.deploy(t, 0)
	s.start(t)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	answers, ids, stop := s.load(t)
	postgres.Cut()
	away(t, answers)
	if !s.answers("/v2/health/ready", 200) {
		t.Error("not ready although it answers")
	}
	postgres.Mend()
	stop()
	s.inTable(t, ids) // the backlog reaches zero
}

func TestKilledStoreConnectionsStopNoPrediction(t *testing.T) {
	s := setup(t)
	store := s.between(t, "AWS_ENDPOINT_URL_S3")
	s.deploy(t, 0)
	s.start(t)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	store.Cut()
	answers, ids, stop := s.load(t)
	away(t, answers)
	stop()
	s.inTable(t, ids)
}

// A spool on a disk that is really full: 503 and not ready, never an answer without
// its record; when the drain has made room, it answers again.
func TestKilledByAFullDiskIsNobody(t *testing.T) {
	s := setup(t)
	postgres := s.between(t, "DATABASE_URL")
	s.deploy(t, 0)
	s.small = filepath.Join(t.TempDir(), "small")
	s.start(t, "ESTEIRA_TEST_TMPFS="+s.small, "ESTEIRA_SPOOL_DIR="+s.small)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })
	answers, ids, stop := s.load(t, 503)
	postgres.Cut()
	eventually(t, "the disk is full", func() bool { return s.answers("/v2/health/ready", 503) })
	if answers.Load() == 0 {
		t.Error("nothing was answered before")
	}
	stop()
	if status, _ := s.ask(http.DefaultClient); status != 503 {
		t.Errorf("status %d while the disk is full", status)
	}
	postgres.Mend()
	eventually(t, "it answers again", func() bool { status, _ := s.ask(http.DefaultClient); return status == 200 })
	eventually(t, "it is ready", func() bool { return s.answers("/v2/health/ready", 200) })
	s.inTable(t, ids)
}
