package activities

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScratchOfEndedWorkersIsRemovedAndOfLivingOnesKept(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "scratch")
	living, held, err := ownScratch(parent)
	require.NoError(t, err)
	defer held.Close()
	ended, lock, err := ownScratch(parent)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(ended, "half.parquet"), []byte("PAR"), 0o600))
	require.NoError(t, lock.Close()) // as the kernel does when the process is killed

	own, lock, err := ownScratch(parent)
	require.NoError(t, err)
	defer lock.Close()
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Len(t, left, 2)
	require.DirExists(t, living)
	require.DirExists(t, own)
	require.NoDirExists(t, ended)
}

func TestScratchThatCannotBeWrittenIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, _, err := ownScratch(filepath.Join(file, "scratch"))
	require.Error(t, err)
	require.ErrorContains(t, scratchFault(err, file), "ESTEIRA_CACHE_DIR")
}
