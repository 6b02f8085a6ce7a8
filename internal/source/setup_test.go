package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// collect lists a source and fetches its only part.
func collect(t *testing.T, s pipeline.Source, o Options) (Part, Fetched, error) {
	t.Helper()
	o.Retry = time.Millisecond
	from, err := Open(s, o)
	require.NoError(t, err)
	parts, err := from.List(t.Context())
	if err != nil {
		return Part{}, Fetched{}, err
	}
	require.Len(t, parts, 1)
	got, err := from.Fetch(t.Context(), parts[0], t.TempDir())
	return parts[0], got, err
}

func kind(t *testing.T, want fault.Kind, err error) *fault.Error {
	t.Helper()
	require.Equal(t, want, fault.KindOf(err), "%v", err)
	var f *fault.Error
	require.True(t, errors.As(err, &f))
	require.NotEmpty(t, f.Remedy, "%v", err)
	return f
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}
