package testline

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/workflows"
)

// Outcome is what `esteira run --wait --output json` prints.
type Outcome struct {
	Run           string                    `json:"run"`
	TemporalRunID string                    `json:"temporal_run_id"`
	Existing      bool                      `json:"existing"`
	UI            string                    `json:"ui"`
	Decision      workflows.Decision        `json:"decision"`
	Reason        string                    `json:"reason"`
	Error         *Failure                  `json:"error"`
	Steps         []workflows.StepStatus    `json:"steps"`
	Result        *workflows.PipelineResult `json:"result"`
}

// Failure is an error as the command line prints it.
type Failure struct {
	Kind    fault.Kind      `json:"kind"`
	Message string          `json:"message"`
	Remedy  string          `json:"remedy"`
	Details json.RawMessage `json:"details"`
}

// The exit codes of the command line.
const (
	ExitDone     = 0
	ExitFailed   = 1
	ExitUsage    = 2
	ExitRejected = 3
)

// Run runs a pipeline file to its decision and expects the exit code.
func (l *Line) Run(code int, file string, flags ...string) Outcome {
	l.tb.Helper()
	var o Outcome
	l.JSON(code, &o, append([]string{"run", file, "--wait"}, flags...)...)
	return o
}

// Begin starts a run and does not wait for it.
func (l *Line) Begin(file string, flags ...string) Outcome {
	l.tb.Helper()
	var o Outcome
	l.JSON(ExitDone, &o, append([]string{"run", file}, flags...)...)
	return o
}

// Follow waits for a run that was begun and expects the exit code.
func (l *Line) Follow(code int, run string) Outcome {
	l.tb.Helper()
	var o Outcome
	l.JSON(code, &o, "runs", "show", run, "--wait")
	return o
}

// Step returns the named step of the outcome.
func (o Outcome) Step(name string) workflows.StepStatus {
	for _, s := range o.Steps {
		if s.Name == name {
			return s
		}
	}
	return workflows.StepStatus{}
}

// Failed names the step at which the run ended, or "".
func (o Outcome) Failed() string {
	for _, s := range o.Steps {
		if s.State == "failed" {
			return s.Name
		}
	}
	return ""
}

// Pool is a bare connection to the line's database, for questions that the
// product does not ask.
func (l *Line) Pool() *pgxpool.Pool {
	l.tb.Helper()
	pool, err := pgxpool.New(l.tb.Context(), l.url)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.tb.Cleanup(pool.Close)
	return pool
}

// Count answers a question whose answer is one number.
func Count(tb testing.TB, pool *pgxpool.Pool, sql string, args ...any) int {
	tb.Helper()
	var n int
	if err := pool.QueryRow(tb.Context(), sql, args...).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return n
}

// Store opens the line's artifacts, with a cache of the test alone.
func (l *Line) Store() *artifact.Store {
	l.tb.Helper()
	c := testenv.Config(l.tb)
	c.Bucket = l.Bucket
	store, err := artifact.Open(l.tb.Context(), c.ArtifactOptions())
	if err != nil {
		l.tb.Fatal(err)
	}
	return store
}

// Post sends JSON to the prediction server and decodes its answer, or only
// returns the status if into is nil.
func (l *Line) Post(path, body string, into any) int {
	l.tb.Helper()
	request, err := http.NewRequestWithContext(l.tb.Context(), http.MethodPost, l.Server+path, strings.NewReader(body))
	if err != nil {
		l.tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		l.tb.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		l.tb.Fatal(err)
	}
	if into != nil {
		if err := json.NewDecoder(bytes.NewReader(said)).Decode(into); err != nil {
			l.tb.Fatalf("%s answered %d with what does not fit: %v\n%s", path, answer.StatusCode, err, said)
		}
	}
	return answer.StatusCode
}

// Await polls until done says true, and fails the test after the limit.
func (l *Line) Await(limit time.Duration, what string, done func() bool) {
	l.tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			l.tb.Fatalf("not within %s: %s\nworker log:\n%s\nserver log:\n%s", limit, what, l.WorkerLog(), l.ServerLog())
		}
		<-tick.C
	}
}

// File writes a file of the test and returns its path.
func (l *Line) File(dir, name, text string) string {
	l.tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.tb.Fatal(err)
	}
	return path
}

// Example writes a copy of an example's pipeline file under another name, edited
// by pairs of old and new text, with its sources where they are. Runs of one
// name meet on one Temporal; a test that asks for moments wants its own.
func (l *Line) Example(file, name string, edits ...string) string {
	l.tb.Helper()
	from := filepath.Join(Root(), "examples", file)
	data, err := os.ReadFile(from)
	if err != nil {
		l.tb.Fatal(err)
	}
	text := string(data)
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			l.tb.Fatalf("%s has no %q to replace", file, edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "name: ") {
			lines[i] = "name: " + name
		}
	}
	text = strings.ReplaceAll(strings.Join(lines, "\n"), "{path: ", "{path: "+filepath.Dir(from)+"/")
	return l.File(l.tb.TempDir(), name+".yaml", text)
}
