package testline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testline"
)

// A worker that scores a table holds a batch of it: ten times the rows add to the memory
// less than a quarter of what they are themselves.
func TestScoringHoldsABatchAndNotTheTable(t *testing.T) {
	l := testline.Start(t)
	name := deployed(t, l, regression)
	dir := t.TempDir()
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	peak := func(rows int) (held, size int64) {
		in := filepath.Join(dir, fmt.Sprintf("%d.csv", rows))
		// Texts that the answers carry along and that hardly compress.
		require.NoError(t, e.Exec(t.Context(), fmt.Sprintf(`COPY (SELECT i AS id, (i %% 2300) / 100 AS size, 3 + (i %% 17) / 10 AS weight, 'red' AS colour, DATE '2026-01-01' + (i %% 28)::INT AS seen,
			md5(i::VARCHAR) || md5((i + 1)::VARCHAR) || md5((i + 2)::VARCHAR) || md5((i + 3)::VARCHAR) || md5((i + 4)::VARCHAR) || md5((i + 5)::VARCHAR) AS note
			FROM range(%d) AS r(i)) TO '%s' (HEADER)`, rows, in)))
		info, err := os.Stat(in)
		require.NoError(t, err)
		l.KillWorker()
		l.StartWorker("ESTEIRA_MEMORY_LIMIT=64MB")
		done := score(l, testline.ExitDone, name, in, filepath.Join(dir, fmt.Sprintf("%d.parquet", rows)), "--part-rows", "20000")
		require.EqualValues(t, rows, done.Result.Rows)
		return l.WorkerPeak(), info.Size()
	}
	few, _ := peak(100_000)
	many, size := peak(1_000_000)
	t.Logf("%d MiB for a tenth, %d MiB for a table of %d MiB", few>>20, many>>20, size>>20)
	require.Less(t, many-few, size/4)
}
