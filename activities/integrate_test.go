package activities

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// warehouse has snapshots of some small tables.
func warehouse(t *testing.T, d *depot, run Run, tables map[string]string) (all []SnapshotResult) {
	t.Helper()
	for name, content := range tables {
		d.file(t, name+".csv", content)
		p := SourceParams{Run: run, Name: name, Source: csv(name + ".csv"), BaseDir: d.dir}
		look, err := do[LookResult](d, d.Look, p)
		require.NoError(t, err)
		got, err := do[CollectResult](d, d.Collect, CollectParams{SourceParams: p, Look: look})
		require.NoError(t, err)
		snap, err := do[SnapshotResult](d, d.Snapshot, SnapshotParams{SourceParams: p, Look: look, Records: []artifact.Ref{got.Records}})
		require.NoError(t, err)
		all = append(all, snap)
	}
	return all
}

func integrated(d *depot, run Run, dataset pipeline.Dataset, snapshots []SnapshotResult) (DatasetResult, error) {
	p := pipeline.Pipeline{Name: "p", Problem: pipeline.Problem{Task: pipeline.Multiclass, Target: "y"}, Features: pipeline.Features{Auto: true}, Dataset: dataset}
	return do[DatasetResult](d, d.Integrate, IntegrateParams{Run: run, Pipeline: p, Snapshots: snapshots})
}

func TestAnAsOfJoinTakesWhatWasKnown(t *testing.T) {
	d := newDepot(t)
	run := d.run(t, "1")
	snapshots := warehouse(t, d, run, map[string]string{
		"flights": "id,at,y\n1,2024-01-01 10:00:00,a\n2,2024-01-01 12:30:00,b\n3,2023-12-31 00:00:00,a\n",
		"weather": "at,wind\n2024-01-01 09:00:00,5\n2024-01-01 12:00:00,9\n2024-01-01 13:00:00,20\n",
	})
	got := d.dataset(t, run, `SELECT f.id, f.y, w.wind FROM flights f ASOF LEFT JOIN weather w ON f."at" >= w."at"`, snapshots...)
	require.Equal(t, "1 a 5|2 b 9|3 a <nil>", got)
}

func TestAJoinThatMultipliesRowsIsTold(t *testing.T) {
	d := newDepot(t)
	run := d.run(t, "1")
	snapshots := warehouse(t, d, run, map[string]string{
		"orders": "id,customer,y\n1,10,a\n2,10,b\n3,11,a\n",
		"cards":  "customer,card\n10,x\n10,z\n11,x\n",
	})
	const sql = "SELECT o.id, o.y, o.customer, c.card FROM orders o JOIN cards c USING (customer)"
	res, err := integrated(d, run, pipeline.Dataset{SQL: sql, RowsFrom: "orders"}, snapshots)
	require.NoError(t, err)
	require.Contains(t, res.FanOut, "3 rows of orders became 5")
	require.Contains(t, res.Figure, "warning")
	require.Empty(t, res.Violation)

	res, err = integrated(d, run, pipeline.Dataset{SQL: sql, Key: []string{"id"}, FanOut: "stop"}, snapshots)
	require.NoError(t, err)
	require.Contains(t, res.Violation, "2 keys (id) are not unique: 4 of 5 rows share one, up to 2 a key")

	res, err = integrated(d, run, pipeline.Dataset{SQL: "SELECT id, customer, y FROM orders", Key: []string{"id"}, RowsFrom: "orders", FanOut: "stop"}, snapshots)
	require.NoError(t, err)
	require.Empty(t, res.FanOut)
}

// As many rows as before, and yet not the same.
func TestDroppedRowsHideNoMultipliedOnes(t *testing.T) {
	d := newDepot(t)
	run := d.run(t, "1")
	snapshots := warehouse(t, d, run, map[string]string{
		"orders": "id,customer,y\n1,10,a\n2,12,b\n3,11,a\n3,11,a\n",
		"cards":  "customer,card\n10,x\n10,z\n11,x\n",
	})
	const sql = "SELECT o.id, o.y, c.card FROM orders o %s JOIN cards c USING (customer)"
	res, err := integrated(d, run, pipeline.Dataset{SQL: fmt.Sprintf(sql, ""), RowsFrom: "orders", FanOut: "stop"}, snapshots)
	require.NoError(t, err)
	require.EqualValues(t, 4, res.Rows)
	require.Contains(t, res.Violation, "1 rows of orders are there more often than in it, up to 2 times, 1 too many", "the row that is twice in orders may be twice here")

	res, err = integrated(d, run, pipeline.Dataset{SQL: fmt.Sprintf(sql, "LEFT"), FanOut: "warn"}, snapshots)
	require.NoError(t, err)
	require.Contains(t, res.Figure, "not checked for rows that a join multiplies: name dataset.key or dataset.rows_from")
	require.Empty(t, res.FanOut, "nobody knows")

	res, err = integrated(d, run, pipeline.Dataset{SQL: "SELECT o.id, o.y FROM orders o JOIN (SELECT DISTINCT customer FROM cards) c USING (customer)", RowsFrom: "orders", FanOut: "stop"}, snapshots)
	require.NoError(t, err)
	require.Empty(t, res.FanOut)
}

func TestSQLThatNeverEndsIsBounded(t *testing.T) {
	d := newDepot(t)
	run := d.run(t, "1")
	snapshots := warehouse(t, d, run, map[string]string{"s": "x,y\n1,a\n"})
	begun := time.Now()
	_, err := integrated(d, run, pipeline.Dataset{SQL: "SELECT count(*) AS n, 'a' AS y FROM range(1000000) a, range(1000000) b, range(1000000) c, s WHERE a.range + b.range > c.range", Timeout: "100ms"}, snapshots)
	app := kindOf(t, fault.ResourceExhausted, err)
	require.Contains(t, app.Message(), "dataset.timeout, 100ms")
	require.Less(t, time.Since(begun), 20*time.Second)
}

func TestRulesAreTriedOnceTheColumnsAreKnown(t *testing.T) {
	d := newDepot(t)
	run := d.run(t, "1")
	snapshots := warehouse(t, d, run, map[string]string{"s": "x,y\n1,a\n2,b\n"})
	p := pipeline.Pipeline{Name: "p", Problem: pipeline.Problem{Task: pipeline.Multiclass, Target: "y"}, Features: pipeline.Features{Auto: true}, Validation: []pipeline.Rule{
		{Column: "x", NotNull: true, OnFail: pipeline.Correct, Repair: "impute", Value: new("4.5")},
	}}
	_, err := do[DatasetResult](d, d.Integrate, IntegrateParams{Run: run, Pipeline: p, Snapshots: snapshots})
	app := kindOf(t, fault.PipelineInvalid, err)
	require.Contains(t, app.Message(), "validation[0].value")
}
