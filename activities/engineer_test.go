package activities

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestAutoLearnsFromNoKeyAndNoEventTime(t *testing.T) {
	acts, err := New(Options{DB: testenv.Database(t), Store: testenv.Store(t), Log: zerolog.Nop(), ScratchDir: t.TempDir()})
	require.NoError(t, err)
	_, _, err = acts.DB.StartRun(t.Context(), metadata.StartRun{ID: "r", Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	rows := "id,seen,x,y\n1,2026-01-01,1,2\n2,2026-01-02,2,4\n3,2026-01-03,4,8\n"
	csv, parquet := filepath.Join(t.TempDir(), "rows.csv"), filepath.Join(t.TempDir(), "rows.parquet")
	require.NoError(t, os.WriteFile(csv, []byte(rows), 0o600))
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	_, err = e.Convert(t.Context(), table.Source{Paths: []string{csv}}, csv+".parquet")
	require.NoError(t, err)
	_, err = e.Write(t.Context(), "SELECT *, id::DOUBLE AS __esteira_row FROM "+table.Scan(csv+".parquet"), parquet)
	require.NoError(t, err)
	train, err := acts.Store.PutFile(t.Context(), parquet, artifact.MediaTypeParquet)
	require.NoError(t, err)

	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	value, err := env.ExecuteActivity(acts.Engineer, EngineerParams{
		Run: Run{ID: "r", Pipeline: "p"}, Train: train, Features: pipeline.Features{Auto: true},
		Problem: pipeline.Problem{Task: pipeline.Regression, Target: "y"}, Dataset: pipeline.Dataset{Key: []string{"id"}, EventTime: "seen"},
	})
	require.NoError(t, err)
	var res EngineerResult
	require.NoError(t, value.Get(&res))
	var plan []pipeline.Feature
	require.NoError(t, acts.Store.JSON(t.Context(), res.Plan, &plan))
	require.Len(t, plan, 1)
	require.Equal(t, []string{"x"}, plan[0].Columns)
}
