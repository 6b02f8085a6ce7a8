package main

import (
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stackBundle is a real stack in a directory and on ports of its own.
type stackBundle struct {
	layout
	t       *testing.T
	program string
}

func setupStack(t *testing.T) stackBundle {
	t.Helper()
	l, err := newLayout(filepath.Join(t.TempDir(), "stack"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range servers {
		if key, err := p.key(l); err != nil || builtKey(l.bin(p.name)) != key {
			t.Fatalf("%s is not built: run make setup (%v)", p.name, err)
		}
	}
	for _, name := range portNames {
		t.Setenv("ESTEIRA_PORT_"+name, "")
	}
	s := stackBundle{layout: l, t: t, program: filepath.Join(t.TempDir(), "program")}
	if out, err := exec.Command("go", "build", "-o", s.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Cleanup(func() { s.command("clean") })
	return s
}

func (s stackBundle) command(args ...string) (string, error) {
	out, err := exec.Command(s.program, append(args, "--dir", s.dir)...).CombinedOutput()
	return string(out), err
}

func (s stackBundle) must(args ...string) string {
	s.t.Helper()
	out, err := s.command(args...)
	if err != nil {
		s.t.Fatalf("stack %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// pids returns the process of each part and of the supervisor, 0 if stopped.
func (s stackBundle) pids() map[string]int {
	pids := map[string]int{}
	for _, name := range []string{"postgres", "minio", "temporal", "supervisor"} {
		if r, ok := running(s.layout, name); ok {
			pids[name] = r.PID
		}
	}
	return pids
}

// identity names the data: Temporal's namespace, which lies in Postgres, and
// MinIO's deployment.
func (s stackBundle) identity() string {
	s.t.Helper()
	parts, err := readParts(s.layout)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.Get(parts[2].Probe)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	format, err := os.ReadFile(filepath.Join(s.minio(), ".minio.sys", "format.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	id := regexp.MustCompile(`"id": *"[0-9a-f-]{36}"`)
	return id.FindString(string(body)) + " " + string(format)
}

func (s stackBundle) eventually(what string, condition func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within a minute\n%s", what, tail(s.log("supervisor"), 20))
		}
	}
}

func TestStackSurvives(t *testing.T) {
	s := setupStack(t)
	s.must("up", "--free-ports")
	s.must("status")
	first, data := s.pids(), s.identity()

	t.Run("a second up", func(t *testing.T) {
		began := time.Now()
		out := s.must("up")
		t.Logf("took %s", time.Since(began))
		if !strings.HasPrefix(out, "the stack runs") || !maps.Equal(s.pids(), first) {
			t.Errorf("not a no-op: %v after %v\n%s", s.pids(), first, out)
		}
	})
	for _, name := range []string{"postgres", "minio", "temporal"} {
		t.Run("kill -9 of "+name, func(t *testing.T) {
			before := s.pids()
			syscall.Kill(before[name], syscall.SIGKILL)
			s.eventually(name+" runs again", func() bool {
				now := s.pids()[name]
				_, err := s.command("status")
				return now != 0 && now != before[name] && err == nil
			})
			for other, pid := range s.pids() {
				if other != name && pid != before[other] {
					t.Errorf("%s was restarted as well", other)
				}
			}
		})
	}
	t.Run("kill -9 of the supervisor", func(t *testing.T) {
		before := s.pids()
		syscall.Kill(before["supervisor"], syscall.SIGKILL)
		s.eventually("it is gone", func() bool { return s.pids()["supervisor"] == 0 })
		// A part whose record is lost is found by its arguments.
		os.Remove(s.record("minio"))
		s.must("up")
		after := s.pids()
		if after["supervisor"] == 0 || after["supervisor"] == before["supervisor"] {
			t.Errorf("supervisor %d after %d", after["supervisor"], before["supervisor"])
		}
		after["supervisor"] = before["supervisor"]
		if !maps.Equal(after, before) {
			t.Errorf("parts were not adopted: %v after %v", after, before)
		}
	})
	t.Run("the end of everything at once", func(t *testing.T) {
		before := s.pids()
		for _, name := range []string{"supervisor", "temporal", "minio", "postgres"} {
			syscall.Kill(before[name], syscall.SIGKILL)
		}
		s.eventually("all are gone", func() bool { return len(s.pids()) == 0 })
		s.must("up")
		s.must("status")
	})
	t.Run("down and up", func(t *testing.T) {
		s.must("down")
		if left := s.pids(); len(left) > 0 {
			t.Errorf("after down: %v", left)
		}
		if _, err := s.command("status"); err == nil {
			t.Error("status is content with a stopped stack")
		}
		s.must("up")
		if now := s.identity(); now != data {
			t.Errorf("other data: %s, before: %s", now, data)
		}
	})
	t.Run("a stranger on a port", func(t *testing.T) {
		s.must("down")
		p, _ := readPorts(s.layout)
		stranger, err := net.Listen("tcp", p.address("UI"))
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		if out, err := s.command("up"); err == nil || !strings.Contains(out, "set ESTEIRA_PORT_UI") {
			t.Errorf("up: %v\n%s", err, out)
		}
	})
	t.Run("clean", func(t *testing.T) {
		s.must("clean")
		left, _ := os.ReadDir(s.dir)
		if len(left) > 0 {
			t.Errorf("left after clean: %v", left)
		}
	})
}

func TestPostgresDataWhereItsUserCannotGo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs Postgres as another user")
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := newLayout(filepath.Join(closed, "stack"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.create(); err != nil {
		t.Fatal(err)
	}
	pg, err := findPostgres(l)
	if err != nil {
		t.Fatal(err)
	}
	if err := pg.initialise(l); err != nil {
		t.Fatal(err)
	}
	data := dataDir(l)
	if !strings.HasPrefix(data, "/var/lib/esteira/") || !pg.user.reaches(filepath.Dir(data)) {
		t.Errorf("data are in %s", data)
	}
	if err := clean(l); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(data)); !os.IsNotExist(err) {
		t.Errorf("%s after clean: %v", filepath.Dir(data), err)
	}
}
