package testline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// Line is a worker, a prediction server and a command line of one test.
type Line struct {
	DB     *metadata.DB
	Queue  string // prefix of the task queues
	Server string // base URL of the prediction server

	tb     testing.TB
	bin    string
	env    []string
	worker *process
	server *process
}

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
	l := &Line{DB: where.DB, Queue: where.TaskQueue, Server: "http://" + listen, tb: tb, bin: binaries(tb)}
	dir := tb.TempDir()
	l.env = append(os.Environ(), where.Env...)
	l.env = append(l.env,
		"ESTEIRA_CACHE_DIR="+filepath.Join(dir, "cache"),
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

// SetEnv adds variables to the environment of what is started from now on.
func (l *Line) SetEnv(env ...string) { l.env = append(l.env, env...) }

// StartWorker starts the worker and waits until it has said that it is ready.
func (l *Line) StartWorker(args ...string) {
	l.tb.Helper()
	l.worker = l.start("esteira-worker", "worker ready", args...)
}

// StartServer starts the prediction server and waits until it is ready.
func (l *Line) StartServer() {
	l.tb.Helper()
	l.server = l.start("esteira-server", "listening")
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
	timer := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		l.tb.Fatalf("esteira %s: %v", strings.Join(args, " "), err)
	}
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

func (l *Line) start(program, ready string, args ...string) *process {
	l.tb.Helper()
	p, err := startProcess(filepath.Join(l.bin, program), l.env, ready, args...)
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
