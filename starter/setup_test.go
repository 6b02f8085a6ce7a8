package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/testenv"
)

// esteira runs a command line in this process.
func esteira(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return esteiraIn(t.Context(), "", args...)
}

func esteiraIn(ctx context.Context, in string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = Main(ctx, args, strings.NewReader(in), &out, &errs)
	return out.String(), errs.String(), code
}

// decoded runs a command line with --output json and decodes what it prints.
func decoded[T any](t *testing.T, want int, args ...string) T {
	t.Helper()
	out, errs, code := esteira(t, append(args, "--output", "json")...)
	require.Equal(t, want, code, out+errs)
	var v T
	require.NoError(t, json.Unmarshal([]byte(out), &v), out)
	return v
}

// isolated gives the commands a database, bucket and queues of the test alone.
func isolated(t *testing.T) testenv.Place {
	t.Helper()
	p := testenv.Isolated(t)
	for _, pair := range p.Env {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	t.Setenv("ESTEIRA_CACHE_DIR", t.TempDir())
	t.Setenv("ESTEIRA_SPOOL_DIR", t.TempDir())
	t.Setenv("ESTEIRA_SERVER_ADDRESS", "http://127.0.0.1:1")
	return p
}

// pipelineFile writes a small pipeline of that name with its data.
func pipelineFile(t *testing.T, name, more string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "d.csv"), []byte("id,x,y\n1,2,3\n2,3,5\n"), 0o600))
	path := filepath.Join(dir, "p.yaml")
	text := "name: " + name + "\nproblem: {task: regression, target: y}\nsources:\n  d: {path: d.csv}\n" + more
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
