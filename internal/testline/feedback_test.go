package testline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// learnt is a pipeline over what an endpoint was asked and what became true.
const learnt = `
problem: {task: regression, target: price}
sources:
  asked: {predictions: {endpoint: ENDPOINT, labelled: only}}
dataset: {key: [id], sql: "SELECT request_id AS id, size, weight, colour, label AS price FROM asked"}
features:
  - {columns: [size, weight], apply: [impute, standardize]}
  - {columns: [colour], apply: [impute, one_hot]}
`

// A model answers, the truth becomes known, late and corrected, and the next
// model is trained on it.
func TestTheTruthComesBackAsTrainingData(t *testing.T) {
	l := testline.Start(t)
	dir, name := t.TempDir(), testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	o := l.Run(testline.ExitDone, l.File(dir, "a.yaml", "name: "+name+regression))
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	next := l.File(dir, "b.yaml", "name: "+name+"-next"+strings.ReplaceAll(learnt, "ENDPOINT", name))

	rows := strings.Split(strings.TrimSpace(goods(nil)), "\n")[1:]
	var prediction string // of the first row
	truth := strings.Builder{}
	truth.WriteString("request_id,label,observed_at\n")
	for i, row := range rows {
		c := strings.Split(row, ",") // id, size, weight, colour, price, sold
		var got struct{ Predictions []struct{ ID string } }
		body := fmt.Sprintf(`{"id":"sale-%s","records":[{"size":%s,"weight":%s,"colour":%q}]}`, c[0], c[1], c[2], c[3])
		require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/predict", body, &got))
		if i == 0 {
			prediction = got.Predictions[0].ID
		}
		if i < 250 { // of the rest nobody knows yet
			fmt.Fprintf(&truth, "sale-%s,%s,2026-11-01T00:00:00Z\n", c[0], c[4])
		}
	}
	refused := l.Run(testline.ExitFailed, next)
	require.Equal(t, fault.SourceNotFound, refused.Error.Kind)
	require.Contains(t, refused.Error.Message, "no label")

	file := l.File(dir, "truth.csv", truth.String())
	var counts label.Counts
	l.JSON(testline.ExitDone, &counts, "labels", "add", name, file)
	require.Equal(t, 250, counts.Accepted)
	l.JSON(testline.ExitDone, &counts, "labels", "add", name, file)
	require.Equal(t, 250, counts.Repeated, "the same file twice")
	correction := `{"prediction_id":"` + prediction + `","label":1000,"observed_at":"2026-11-02T00:00:00Z"}`
	require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/labels", correction, nil))
	l.Await(10*time.Second, "the answers in the table", func() bool {
		return testline.Count(t, l.Pool(), `select count(*) from predictions where endpoint = $1 and status = 200 and request_id like 'sale-%'`, name) == len(rows)
	})

	o = l.Run(testline.ExitDone, next)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	path, release, err := l.Store().File(t.Context(), o.Result.Dataset)
	require.NoError(t, err)
	defer release()
	engine, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer engine.Close()
	found, err := engine.Query(t.Context(), "SELECT id, price FROM "+table.Scan(path))
	require.NoError(t, err)
	got := map[string]string{}
	for _, r := range found {
		got[r[0].(string)] = fmt.Sprintf("%.4f", r[1])
	}
	want := map[string]string{}
	for _, row := range rows[:250] {
		c := strings.Split(row, ",")
		want["sale-"+c[0]] = c[4]
	}
	want["sale-0"] = "1000.0000" // corrected by the prediction's id
	require.Equal(t, want, got)
	again := l.Run(testline.ExitDone, next)
	require.Equal(t, o.Result.Dataset, again.Result.Dataset, "nothing new is the same dataset")
}
