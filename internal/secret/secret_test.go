package secret

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
)

func TestAReferenceIsReadWhereItIsUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte("  hunter2\n"), 0o600))
	t.Setenv("SECRET_TEST", "hunter3")
	for reference, want := range map[string]string{"file:" + path: "hunter2", "env:SECRET_TEST": "hunter3"} {
		require.True(t, Valid(reference))
		got, err := Resolve(reference)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	require.NoError(t, os.WriteFile(large, make([]byte, most+1), 0o600))
	for _, reference := range []string{"file:" + filepath.Join(dir, "no"), "file:" + dir, "file:" + large, "file:/dev/zero", "env:SECRET_TEST_NOT_SET", "hunter2"} {
		_, err := Resolve(reference)
		require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), reference)
		require.ErrorContains(t, err, reference)
	}
	for _, text := range []string{"", "hunter2", "env:", "file:", "vault:x"} {
		require.False(t, Valid(text), text)
	}
}
