package activities

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// put stores the rows of a SELECT.
func (s *shop) put(t *testing.T, sql string) artifact.Ref {
	t.Helper()
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	path := filepath.Join(t.TempDir(), "t.parquet")
	_, err = e.Write(t.Context(), sql, path)
	require.NoError(t, err)
	ref, err := s.Store.PutFile(t.Context(), path, artifact.MediaTypeParquet)
	require.NoError(t, err)
	return ref
}

// snapshot stores the manifest of a source of one part with the column code.
func (s *shop) snapshot(t *testing.T, part artifact.Ref) artifact.Ref {
	t.Helper()
	schema := pipeline.Schema{{Name: "code", Type: "text", SQL: "VARCHAR"}}
	ref, err := s.Store.PutJSON(t.Context(), Snapshot{Source: "codes", Schema: schema, Layouts: []pipeline.Schema{schema}, Parts: []SnapshotPart{{Data: part}}})
	require.NoError(t, err)
	return ref
}

// earlier records a completed run of pipeline p, before the one under way.
func (s *shop) earlier(t *testing.T, id string, dataset artifact.Ref, rows int64, outputs metadata.Outputs) {
	t.Helper()
	_, _, err := s.DB.StartRun(t.Context(), metadata.StartRun{ID: id, Pipeline: "p", Trigger: "manual", Started: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	require.NoError(t, s.DB.RecordDataset(t.Context(), metadata.Dataset{Run: id, Artifact: dataset, Rows: rows}))
	require.NoError(t, s.DB.SaveStep(t.Context(), metadata.StepRecord{Run: id, Step: "profile", Attempt: 1, Cache: metadata.CacheMiss, Outputs: outputs, Started: time.Now()}))
	require.NoError(t, s.DB.FinishRun(t.Context(), metadata.FinishRun{ID: id, State: metadata.RunCompleted, Decision: "deployed"}))
}

func (s *shop) validate(t *testing.T, p ValidateParams) (*ValidateResult, error) {
	t.Helper()
	s.env.RegisterActivity(s.Validate)
	p.Run = Run{ID: "r", Pipeline: "p"}
	value, err := s.env.ExecuteActivity(s.Validate, p)
	if err != nil {
		return nil, err
	}
	var res ValidateResult
	require.NoError(t, value.Get(&res))
	return &res, nil
}

func TestValidateAsksForSourcesAndEarlierRuns(t *testing.T) {
	s := newShop(t)
	const rows = "SELECT i AS y, CASE WHEN i < 3 THEN 'A' ELSE 'B' END AS code, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS at FROM range(10) t(i)"
	dataset, codes := s.put(t, rows), s.put(t, "SELECT 'A' AS code")
	s.earlier(t, "before", s.put(t, "SELECT i AS y, CASE WHEN i < 12 THEN 'A' ELSE 'C' END AS code FROM range(40) t(i)"), 40, metadata.Outputs{})
	half := 0.5
	p := ValidateParams{
		Dataset: dataset, At: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC),
		Snapshots: []SnapshotResult{{Name: "codes", Manifest: s.snapshot(t, codes)}},
		Pipeline: pipeline.Pipeline{Problem: pipeline.Problem{Target: "y", Task: pipeline.Regression}, Validation: []pipeline.Rule{
			{Column: "code", References: &pipeline.Reference{Source: "codes", Column: "code"}, OnFail: pipeline.Quarantine},
			{RowsSince: &pipeline.RowsSince{Runs: 5, Min: &half}, OnFail: pipeline.Warn},
			{Column: "code", Distribution: &pipeline.Distribution{Measure: "linf", Max: 0.5}, OnFail: pipeline.Warn},
			{Column: "at", Freshness: "24h", OnFail: pipeline.Warn},
		}},
	}
	res, err := s.validate(t, p)
	require.NoError(t, err)
	require.Equal(t, metadata.CacheMiss, res.Cache)
	require.EqualValues(t, 3, res.Rows)
	require.EqualValues(t, 7, res.Removed)
	require.NotNil(t, res.Quarantined)
	require.NotEmpty(t, res.Report.Digest)
	checks, err := s.DB.Checks(t.Context(), "r")
	require.NoError(t, err)
	said := map[string]string{}
	passed := map[string]bool{}
	for _, c := range checks {
		said[c.Name], passed[c.Name] = c.Message, c.Passed
	}
	require.Equal(t, "7 of 10 rows", said["code is among codes.code"])
	require.Equal(t, "3 rows, 0.075 × the median 40 of 1 earlier run", said["row count by that of earlier runs ≥ 0.5"])
	require.False(t, passed["row count by that of earlier runs ≥ 0.5"])
	require.Contains(t, said["code is distributed as in the previous run: largest difference of a share ≤ 0.5"], "0.7")
	require.True(t, passed["newest at at most 24h old"], said)

	// The same question is answered from the cache; later, or against other codes,
	// it is another.
	res, err = s.validate(t, p)
	require.NoError(t, err)
	require.Equal(t, metadata.CacheHit, res.Cache)
	p.At = p.At.Add(time.Hour)
	res, err = s.validate(t, p)
	require.NoError(t, err)
	require.Equal(t, metadata.CacheMiss, res.Cache)
	p.Snapshots[0].Manifest = s.snapshot(t, s.put(t, "SELECT unnest(['A', 'B']) AS code"))
	res, err = s.validate(t, p)
	require.NoError(t, err)
	require.EqualValues(t, 10, res.Rows)
}

// TestTheSameDataIsAsBefore runs twice over rows of which two fifths repeat others,
// one in eleven is put aside and a column is cast: what went on is what is compared.
func TestTheSameDataIsAsBefore(t *testing.T) {
	s := newShop(t)
	least, most, top := 0.99, 1.01, 90.0
	p := ValidateParams{
		Dataset: s.put(t, "SELECT i % 60 AS id, i % 60 AS y, CASE WHEN i % 60 % 11 = 3 THEN '99' ELSE CAST(i % 60 // 10 AS VARCHAR) END AS x FROM range(100) t(i)"),
		Pipeline: pipeline.Pipeline{Problem: pipeline.Problem{Target: "y", Task: pipeline.Regression}, Validation: []pipeline.Rule{
			{Unique: []string{"id"}, OnFail: pipeline.Correct, Repair: "drop_duplicate"},
			{Column: "x", Parse: &pipeline.ParseAs{As: "integer"}, OnFail: pipeline.Correct, Repair: "cast"},
			{Column: "x", Range: &pipeline.Range{Max: &top}, OnFail: pipeline.Quarantine},
			{RowsSince: &pipeline.RowsSince{Runs: 5, Min: &least, Max: &most}},
			{Column: "x", Distribution: &pipeline.Distribution{Measure: "linf", Max: 0.001}},
		}},
	}
	s.env.RegisterActivity(s.Validate)
	for i, run := range []string{"first", "second", "third"} {
		_, _, err := s.DB.StartRun(t.Context(), metadata.StartRun{ID: run, Pipeline: "p", Trigger: "manual", Started: time.Now().Add(time.Duration(i-4) * time.Hour)})
		require.NoError(t, err)
		require.NoError(t, s.DB.RecordDataset(t.Context(), metadata.Dataset{Run: run, Artifact: p.Dataset, Rows: 100}))
		p.Run = Run{ID: run, Pipeline: "p"}
		value, err := s.env.ExecuteActivity(s.Validate, p)
		require.NoError(t, err)
		var res ValidateResult
		require.NoError(t, value.Get(&res))
		require.Empty(t, res.Violation)
		require.EqualValues(t, 54, res.Rows)
		require.NoError(t, s.DB.FinishRun(t.Context(), metadata.FinishRun{ID: run, State: metadata.RunCompleted, Decision: "deployed"}))
	}
	checks, err := s.DB.Checks(t.Context(), "third")
	require.NoError(t, err)
	said := map[string]string{}
	for _, c := range checks {
		said[c.Name] = c.Message
	}
	require.Equal(t, "54 rows, 1 × the median 54 of 2 earlier runs", said["row count by that of earlier runs in [0.99, 1.01]"])
	require.Contains(t, said["x is distributed as in the previous run: largest difference of a share ≤ 0.001"], "share 0 over")
}

func TestValidateStoresWhatItCorrected(t *testing.T) {
	s := newShop(t)
	zero, one := "0", 1.0
	res, err := s.validate(t, ValidateParams{
		Dataset: s.put(t, "SELECT i AS y, CASE WHEN i > 0 THEN i END AS x FROM range(4) t(i)"),
		Pipeline: pipeline.Pipeline{Problem: pipeline.Problem{Target: "y", Task: pipeline.Regression}, Validation: []pipeline.Rule{
			{Column: "x", NotNull: true, OnFail: pipeline.Correct, Repair: "impute", Value: &zero}, {Column: "x", Mean: &pipeline.Range{Min: &one}},
		}},
	})
	require.NoError(t, err)
	require.Contains(t, res.Figure, "1 corrected")
	require.Empty(t, res.Violation)
	path, release, err := s.Store.File(t.Context(), res.Valid)
	require.NoError(t, err)
	defer release()
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	rows, err := e.Query(t.Context(), "SELECT x FROM "+table.Scan(path))
	require.NoError(t, err)
	require.Equal(t, [][]any{{int64(0)}, {int64(1)}, {int64(2)}, {int64(3)}}, rows)
}
