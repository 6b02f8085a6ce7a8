package activities

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// training stores training rows: a key, a number with holes, a text and a target.
func training(t *testing.T, s *shop) artifact.Ref {
	t.Helper()
	dir := t.TempDir()
	var csv strings.Builder
	csv.WriteString("id,distance,origin,delay\n")
	for i := range 400 {
		distance := fmt.Sprint(100 + i*i%977)
		if i%10 == 0 {
			distance = ""
		}
		fmt.Fprintf(&csv, "row %d,%s,%s,%d\n", i, distance, []string{"GRU", "JFK", "LAX"}[i%3], i*7%60)
	}
	source := filepath.Join(dir, "rows.csv")
	require.NoError(t, os.WriteFile(source, []byte(csv.String()), 0o600))
	e, err := table.Open(table.Options{})
	require.NoError(t, err)
	defer e.Close()
	out := filepath.Join(dir, "rows.parquet")
	_, err = e.Write(t.Context(), "SELECT *, row_number() OVER () AS __esteira_row FROM read_csv('"+source+"')", out)
	require.NoError(t, err)
	ref, err := s.Store.PutFile(t.Context(), out, artifact.MediaTypeParquet)
	require.NoError(t, err)
	return ref
}

func TestEngineerRecordsWhatAutoPickedAndWhatItMade(t *testing.T) {
	s := newShop(t)
	s.env.RegisterActivity(s.Engineer)
	params := EngineerParams{
		Run: Run{ID: "r", Pipeline: "flights"}, Train: training(t, s), Dataset: pipeline.Dataset{Key: []string{"id"}}, Features: pipeline.Features{Auto: true},
		Problem: pipeline.Problem{Task: pipeline.Regression, Target: "delay"},
	}
	engineer := func() (res EngineerResult) {
		value, err := s.env.ExecuteActivity(s.Engineer, params)
		require.NoError(t, err)
		require.NoError(t, value.Get(&res))
		return res
	}
	res := engineer()
	require.Equal(t, "3 features from 2 columns", res.Figure, "distance, its indicator and origin; never the key")
	var plan []pipeline.Feature
	require.NoError(t, s.Store.JSON(t.Context(), res.Plan, &plan))
	require.Equal(t, []string{"distance"}, plan[0].Columns)
	require.True(t, plan[0].Apply[0].Impute.Indicator, "missing in a row of ten")
	var summary feature.Summary
	require.NoError(t, s.Store.JSON(t.Context(), res.Summary, &summary))
	require.Equal(t, 400, summary.Rows)
	require.Equal(t, 40, summary.Before[0].Missing)
	require.Len(t, summary.After, 3)
	page, err := s.Store.Bytes(t.Context(), res.Report, 1<<20)
	require.NoError(t, err)
	require.Contains(t, string(page), "missing in 10.0 % of the rows")
	again := engineer()
	require.Equal(t, metadata.CacheHit, again.Cache)
	require.Equal(t, res.Features, again.Features)
	params.Problem.Task, params.Run.NoCache = pipeline.Multiclass, true
	require.Equal(t, res.Features, engineer().Features, "the target does not matter to these transforms")
}

func TestEngineerDescribesSomeOfTooManyRows(t *testing.T) {
	s := newShop(t)
	s.env.RegisterActivity(s.Engineer)
	s.maxDescribed = 400 // values of a hundred rows by four columns
	value, err := s.env.ExecuteActivity(s.Engineer, EngineerParams{
		Run: Run{ID: "r", Pipeline: "flights"}, Train: training(t, s), Dataset: pipeline.Dataset{Key: []string{"id"}}, Features: pipeline.Features{Auto: true},
		Problem: pipeline.Problem{Task: pipeline.Regression, Target: "delay"},
	})
	require.NoError(t, err)
	var res EngineerResult
	require.NoError(t, value.Get(&res))
	require.Equal(t, "3 features from 2 columns, described by 100 of 400 rows", res.Figure)
	var summary feature.Summary
	require.NoError(t, s.Store.JSON(t.Context(), res.Summary, &summary))
	require.Equal(t, []int64{100, 400}, []int64{int64(summary.Rows), summary.Of})
	page, err := s.Store.Bytes(t.Context(), res.Report, 1<<20)
	require.NoError(t, err)
	require.Contains(t, string(page), "described by 100 of them")
}
