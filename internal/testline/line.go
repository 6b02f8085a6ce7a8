package testline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// Line is a worker, a prediction server and a command line of one test.
type Line struct {
	*line
	tb testing.TB
}

// line is what all subtests of a test share.
type line struct {
	DB     *metadata.DB
	Queue  string // prefix of the task queues
	Server string // base URL of the prediction server
	Bucket string

	CacheDir string // of the worker and the server
	url      string // of the database
	bin      string
	env      []string
	worker   *process
	server   *process
}

// In is the same line for a subtest: its failures are the subtest's.
func (l *Line) In(tb testing.TB) *Line { return &Line{line: l.line, tb: tb} }

// Start builds the programs if need be and starts worker and server; both are
// stopped when the test ends.
func Start(tb testing.TB) *Line {
	tb.Helper()
	l := New(tb)
	l.StartWorker()
	l.StartServer()
	return l
}

// New is Start without starting anything.
func New(tb testing.TB) *Line {
	tb.Helper()
	where := testenv.Isolated(tb)
	listen := freeAddress(tb)
	l := &Line{tb: tb, line: &line{DB: where.DB, Queue: where.TaskQueue, Server: "http://" + listen, bin: binaries(tb)}}
	for _, pair := range where.Env {
		if value, ok := strings.CutPrefix(pair, "DATABASE_URL="); ok {
			l.url = value
		}
		if value, ok := strings.CutPrefix(pair, "ESTEIRA_BUCKET="); ok {
			l.Bucket = value
		}
	}
	dir := tb.TempDir()
	l.CacheDir = filepath.Join(dir, "cache")
	l.env = append(os.Environ(), where.Env...)
	l.env = append(l.env,
		"ESTEIRA_CACHE_DIR="+l.CacheDir,
		"ESTEIRA_SPOOL_DIR="+filepath.Join(dir, "spool"),
		"ESTEIRA_LISTEN="+listen,
		"ESTEIRA_SERVER_ADDRESS="+l.Server,
		"ESTEIRA_LOG_FORMAT=json",
	)
	tb.Cleanup(func() {
		l.KillServer()
		l.KillWorker()
	})
	return l
}

// commandWithin bounds one command, so that a run that hangs fails its test and
// shows its log.
const commandWithin = 3 * time.Minute

// SetEnv adds variables to the environment of what is started from now on.
func (l *Line) SetEnv(env ...string) { l.env = append(l.env, env...) }

// StartWorker starts the worker, with variables of its own if any are given, and
// waits until it has said that it is ready.
func (l *Line) StartWorker(env ...string) {
	l.tb.Helper()
	l.worker = l.start("esteira-worker", "worker ready", env)
}

// AnotherWorker starts a worker beside the line's own, on the same queues; kill
// ends it with SIGKILL, as the end of the test does.
func (l *Line) AnotherWorker(env ...string) (kill func()) {
	l.tb.Helper()
	p := l.start("esteira-worker", "worker ready", env)
	l.tb.Cleanup(p.kill)
	return p.kill
}

// StartServer starts the prediction server, with variables of its own if any are
// given, and waits until it listens.
func (l *Line) StartServer(env ...string) {
	l.tb.Helper()
	l.server = l.start("esteira-server", "listening", env)
}

// StartConsole starts the console, with variables of its own if any are given, waits
// until it listens and returns its base URL; it is stopped when the test ends.
func (l *Line) StartConsole(env ...string) string {
	l.tb.Helper()
	listen := freeAddress(l.tb)
	p := l.start("esteira", "listens on", append(env, "ESTEIRA_CONSOLE_LISTEN="+listen), "console")
	l.tb.Cleanup(func() {
		if l.tb.Failed() {
			l.tb.Logf("console log:\n%s", p.tail())
		}
		p.kill()
	})
	return "http://" + listen
}

// KillWorker ends the worker with SIGKILL, if it runs.
func (l *Line) KillWorker() { l.worker.kill() }

// KillServer ends the server with SIGKILL, if it runs.
func (l *Line) KillServer() { l.server.kill() }

// CLI runs the command line and returns what it printed and its exit code.
func (l *Line) CLI(args ...string) (stdout, stderr string, code int) {
	l.tb.Helper()
	cmd := exec.Command(filepath.Join(l.bin, "esteira"), args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = l.env, &out, &errs
	if err := cmd.Start(); err != nil {
		l.tb.Fatalf("esteira %s: %v", strings.Join(args, " "), err)
	}
	timer := time.AfterFunc(commandWithin, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait() // the exit code tells
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// JSON runs the command line with --output json, expects the exit code, and
// decodes what it printed.
func (l *Line) JSON(code int, into any, args ...string) {
	l.tb.Helper()
	out, errs, got := l.CLI(append(args, "--output", "json")...)
	if got != code {
		l.tb.Fatalf("esteira %s: exit code %d, want %d\n%s%s\nworker log:\n%s", strings.Join(args, " "), got, code, out, errs, l.WorkerLog())
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		l.tb.Fatalf("esteira %s printed what is not JSON: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// WorkerLog is the tail of what the workers wrote.
func (l *Line) WorkerLog() string { return l.worker.tail() }

// WorkerPeak is the most resident memory that the worker held since it started, in
// bytes. Linux alone tells.
func (l *Line) WorkerPeak() int64 {
	l.tb.Helper()
	peak, err := l.worker.peak()
	if err != nil {
		l.tb.Fatal(err)
	}
	return peak
}

// ServerLog is the tail of what the server wrote.
func (l *Line) ServerLog() string { return l.server.tail() }

func (l *Line) start(program, ready string, env []string, args ...string) *process {
	l.tb.Helper()
	p, err := startProcess(filepath.Join(l.bin, program), slices.Concat(l.env, env), ready, args...)
	if err != nil {
		l.tb.Fatal(err)
	}
	return p
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprint(listener.Addr())
}
