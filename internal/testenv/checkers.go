package testenv

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Checkers are other people's programs that judge exported forms: JPMML's evaluator
// and the checker of ONNX, as one process (deploy/checkers/check.py). They are set up
// once a machine.
type Checkers struct {
	in  *json.Encoder
	out *bufio.Reader
}

// StartCheckers starts them; they end with the test.
func StartCheckers(t testing.TB) *Checkers {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..")
	setup := exec.CommandContext(t.Context(), filepath.Join(root, "deploy", "checkers.sh"))
	setup.Stderr = os.Stderr
	python, err := setup.Output()
	if err != nil {
		t.Fatalf("set up the checkers of PMML and ONNX: %v", err)
	}
	cmd := exec.Command(strings.TrimSpace(string(python)), filepath.Join(root, "deploy", "checkers", "check.py"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it then ends
		_ = cmd.Wait()
	})
	return &Checkers{json.NewEncoder(in), bufio.NewReaderSize(out, 1<<20)}
}

// PMML answers rows, records of columns, with a document. The answer to a row it
// refuses has one entry, "error".
func (c *Checkers) PMML(t testing.TB, document []byte, rows []map[string]any) []map[string]any {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.pmml")
	if err := os.WriteFile(path, document, 0o644); err != nil {
		t.Fatal(err)
	}
	var said struct {
		Error   string           `json:"error"`
		Answers []map[string]any `json:"answers"`
	}
	c.ask(t, map[string]any{"pmml": path, "rows": rows}, &said)
	if said.Error != "" || len(said.Answers) != len(rows) {
		t.Fatalf("JPMML refuses the document: %s", said.Error)
	}
	return said.Answers
}

// ONNX returns what the checker of ONNX has against graphs, by their names.
func (c *Checkers) ONNX(t testing.TB, graphs map[string][]byte) map[string]string {
	t.Helper()
	dir := t.TempDir()
	paths, names := []string{}, map[string]string{}
	for name, graph := range graphs {
		path := filepath.Join(dir, strings.NewReplacer("/", "_", " ", "_").Replace(name)+".onnx")
		if err := os.WriteFile(path, graph, 0o644); err != nil {
			t.Fatal(err)
		}
		if paths = append(paths, path); names[path] != "" {
			t.Fatalf("two graphs have the name %s", name)
		}
		names[path] = name
	}
	var said struct {
		Error  string            `json:"error"`
		Errors map[string]string `json:"errors"`
	}
	c.ask(t, map[string]any{"onnx": paths}, &said)
	if said.Error != "" {
		t.Fatalf("the checker of ONNX: %s", said.Error)
	}
	out := map[string]string{}
	for path, why := range said.Errors {
		out[names[path]] = why
	}
	return out
}

func (c *Checkers) ask(t testing.TB, question, answer any) {
	t.Helper()
	if err := c.in.Encode(question); err != nil {
		t.Fatalf("ask the checkers: %v", err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the checkers ended: %v", err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		t.Fatal(err)
	}
}
