package testline_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// scored is what `esteira score --wait --output json` prints.
type scored struct {
	Run           string                   `json:"run"`
	TemporalRunID string                   `json:"temporal_run_id"`
	Existing      bool                     `json:"existing"`
	Error         *testline.Failure        `json:"error"`
	Steps         []workflows.StepStatus   `json:"steps"`
	Result        *workflows.ScoringResult `json:"result"`
}

// step returns the named step.
func (s scored) step(name string) workflows.StepStatus {
	return testline.Outcome{Steps: s.Steps}.Step(name)
}

func score(l *testline.Line, code int, args ...string) scored {
	var s scored
	l.JSON(code, &s, append([]string{"score", "--wait"}, args...)...)
	return s
}

// deployed has a model trained on goods and live on an endpoint of the same name.
func deployed(t *testing.T, l *testline.Line, text string) (name string) {
	t.Helper()
	name = testenv.Name(t)
	dir := t.TempDir()
	l.File(dir, "goods.csv", goods(nil))
	o := l.Run(testline.ExitDone, l.File(dir, "a.yaml", "name: "+name+text))
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	return name
}

// asked are rows of goods without their answers; edit may spoil one.
func asked(rows int, edit func(i int, cells []string)) string {
	var b strings.Builder
	b.WriteString("id,size,weight,colour,seen\n")
	for i := range rows {
		cells := []string{fmt.Sprint(i), fmt.Sprintf("%.2f", float64(i%2300)/100), fmt.Sprintf("%.3f", 3+float64(i%17)/10), []string{"red", "green", "blue", "mauve", ""}[i%5], fmt.Sprintf("2026-01-%02d", 1+i%28)}
		if edit != nil {
			edit(i, cells)
		}
		b.WriteString(strings.Join(cells, ",") + "\n")
	}
	return b.String()
}

func query(t *testing.T, sql string) [][]any {
	t.Helper()
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	rows, err := e.Query(t.Context(), sql)
	require.NoError(t, err)
	return rows
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	return artifact.DigestOf(body)
}

// A table is answered as its rows are by the server, in their order; the same rows as
// CSV or as Parquet, in one part or in five, by one worker or two, give the same
// bytes; what was scored before is not again.
func TestATableIsScored(t *testing.T) {
	l := testline.Start(t)
	name := deployed(t, l, regression)
	dir := t.TempDir()
	const rows = 5000
	in := l.File(dir, "asked.csv", asked(rows, nil))
	out := func(file string) string { return filepath.Join(dir, file) }

	first := score(l, testline.ExitDone, name, in, out("a.csv"), "--part-rows", "1000")
	r := first.Result
	require.Equal(t, workflows.DecisionScored, r.Decision, r.Reason)
	require.Equal(t, []int64{rows, 0, 5, 0}, []int64{r.Rows, r.Rejected, int64(r.Parts), int64(r.Hits)})
	require.Equal(t, activities.ScoringModel{Name: name, Version: 1, Bundle: r.Model.Bundle, Endpoint: name, Revision: 1}, r.Model)
	require.Equal(t, digestOf(t, out("a.csv")), r.Output.SHA256)
	require.Contains(t, r.Details, "rows/s")

	// The answers are the server's own.
	text, err := os.ReadFile(out("a.csv"))
	require.NoError(t, err)
	records, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"id", "size", "weight", "colour", "seen", "prediction", "model", "model_version"}, records[0])
	require.Len(t, records, rows+1)
	var question []string
	for i, rec := range records[1:] {
		require.Equal(t, fmt.Sprint(i), rec[0], "rows keep their order")
		if i%50 == 0 {
			colour := "null"
			if rec[3] != "" {
				colour = strconv.Quote(rec[3])
			}
			question = append(question, fmt.Sprintf(`{"size": %s, "weight": %s, "colour": %s}`, rec[1], rec[2], colour))
		}
	}
	var answer struct {
		Predictions []struct{ Prediction float64 }
	}
	require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/predict", `{"records": [`+strings.Join(question, ",")+`]}`, &answer))
	require.Len(t, answer.Predictions, len(question))
	for k, p := range answer.Predictions {
		got, err := strconv.ParseFloat(records[1+50*k][5], 64)
		require.NoError(t, err)
		require.Equal(t, p.Prediction, got, "row %d", 50*k)
	}

	// The same into Parquet, in one part and in five, from Parquet, and by two workers.
	l.AnotherWorker()
	query(t, "COPY (SELECT * FROM read_csv('"+in+"')) TO '"+out("asked.parquet")+"' (FORMAT parquet)")
	b := score(l, testline.ExitDone, name+"@1", in, out("b.parquet")).Result
	c := score(l, testline.ExitDone, name, in, out("c.parquet"), "--part-rows", "1000", "--no-cache").Result
	d := score(l, testline.ExitDone, name, out("asked.parquet"), out("d.csv"), "--part-rows", "1000", "--no-cache").Result
	require.Equal(t, b.Output.SHA256, c.Output.SHA256)
	require.Equal(t, r.Output.SHA256, d.Output.SHA256)
	require.Equal(t, [][]any{{int64(rows), int64(0), int64(rows - 1)}}, query(t, "SELECT count(*)::BIGINT, min(id)::BIGINT, max(id)::BIGINT FROM "+table.Scan(out("b.parquet"))+" WHERE prediction IS NOT NULL"))

	// Again: every part comes from the cache. An output is not written over unasked.
	refused := score(l, testline.ExitFailed, name, in, out("a.csv"), "--part-rows", "1000")
	require.Equal(t, fault.ConfigInvalid, refused.Error.Kind)
	require.Contains(t, refused.Error.Remedy, "--overwrite")
	again := score(l, testline.ExitDone, name, in, out("a.csv"), "--part-rows", "1000", "--overwrite").Result
	require.Equal(t, 5, again.Hits)
	require.Equal(t, r.Output, again.Output)

	// In and out of the object store, a glob of objects, chosen columns.
	for i, part := range []string{asked(1500, nil), asked(700, nil)} {
		_, err := testenv.S3(t).PutObject(t.Context(), l.Bucket, fmt.Sprintf("in/%d.csv", i), strings.NewReader(part), int64(len(part)), minio.PutObjectOptions{})
		require.NoError(t, err)
	}
	to := "s3://" + l.Bucket + "/out/scores.csv"
	s3 := score(l, testline.ExitDone, name, "s3://"+l.Bucket+"/in/*", to, "--format", "csv", "--keys", "id,seen", "--part-rows", "1000").Result
	require.Equal(t, []int64{2200, 3}, []int64{s3.Rows, int64(s3.Parts)})
	_, err = l.Store().Download(t.Context(), to, out("s3.csv"), 1<<30)
	require.NoError(t, err)
	require.Equal(t, s3.Output.SHA256, digestOf(t, out("s3.csv")))
	require.Equal(t, [][]any{{"id"}, {"seen"}, {"prediction"}, {"model"}, {"model_version"}}, query(t, "SELECT column_name FROM (DESCRIBE SELECT * FROM read_csv('"+out("s3.csv")+"'))"))
	require.Equal(t, fault.ConfigInvalid, score(l, testline.ExitFailed, name, in, to).Error.Kind)

	// It is a run, with its lineage from the output's bytes to the input's.
	run, err := l.DB.Run(t.Context(), first.Run)
	require.NoError(t, err)
	require.Equal(t, []string{"score", "scored", name}, []string{run.Trigger, run.Decision, run.ModelName})
	var record activities.ScoringRecord
	require.NoError(t, l.Store().JSON(t.Context(), run.Reports["scoring"], &record))
	require.Equal(t, r.Output, record.Output)
	require.Equal(t, 1, testline.Count(t, l.Pool(), `with recursive back (output, input) as (
		select output, input from lineage where output = $1 and run = $2 union
		select l.output, l.input from back b join lineage l on l.output = b.input and l.run = $2)
		select count(distinct input) from back where input = $3`, r.Output.SHA256, first.Run, digestOf(t, in)), "the input's bytes are behind the output's")
	require.Zero(t, testline.Count(t, l.Pool(), `select count(*) from predictions where request_id like '%score%'`))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), "partial")
	}

	// The same key is the same run.
	one := score(l, testline.ExitDone, name, in, out("k.csv"), "--key", "nightly")
	two := score(l, testline.ExitDone, name, in, out("k.csv"), "--key", "nightly")
	require.True(t, two.Existing)
	require.Equal(t, one.TemporalRunID, two.TemporalRunID)
	var shown scored
	l.JSON(testline.ExitDone, &shown, "runs", "show", one.Run, "--wait")
	require.Equal(t, one.Result.Output, shown.Result.Output)
}

// Classes have a label and probabilities; what each feature added adds up to the
// log-odds of the second.
func TestClassesAreScoredAndExplained(t *testing.T) {
	l := testline.Start(t)
	name := deployed(t, l, binary+"train: {folds: 2, candidates: [{kind: logistic}]}\n")
	dir := t.TempDir()
	in, out := l.File(dir, "asked.csv", asked(1200, nil)), filepath.Join(dir, "out.parquet")
	score(l, testline.ExitDone, name, in, out, "--explain")
	bad := query(t, `SELECT count(*)::BIGINT FROM `+table.Scan(out)+` WHERE NOT (
		abs(probability_cheap + probability_dear - 1) < 1e-12 AND label = CASE WHEN probability_dear > probability_cheap THEN 'dear' ELSE 'cheap' END
		AND abs(ln(probability_dear / probability_cheap) - (`+contributions(t, out)+`)) < 1e-6 * (1 + abs(contribution_expected)))`)
	require.Equal(t, [][]any{{int64(0)}}, bad)
}

func contributions(t *testing.T, path string) string {
	t.Helper()
	var names []string
	for _, row := range query(t, "SELECT column_name FROM (DESCRIBE SELECT * FROM "+table.Scan(path)+") WHERE starts_with(column_name, 'contribution_')") {
		names = append(names, table.Ident(row[0].(string)))
	}
	require.Len(t, names, 4, "size, weight, colour, expected")
	return strings.Join(names, " + ")
}

// Rows that cannot be answered stop the run and leave nothing, or are put aside with
// the reason; the others are answered.
func TestRowsThatCannotBeAnswered(t *testing.T) {
	l := testline.Start(t)
	name := deployed(t, l, regression)
	dir := t.TempDir()
	spoilt := l.File(dir, "spoilt.csv", asked(2500, func(i int, cells []string) {
		switch i {
		case 7:
			cells[1] = "wide"
		case 1203:
			cells[2] = "inf"
		case 2400:
			cells[1] = "1e999"
		}
	}))
	out := filepath.Join(dir, "out.csv")
	failed := score(l, testline.ExitFailed, name, spoilt, out, "--part-rows", "1000")
	require.Equal(t, fault.RequestInvalid, failed.Error.Kind, failed.Error.Message)
	require.Regexp(t, `row (7|1203|2400) of spoilt\.csv cannot be answered: column "(size|weight)": got (wide|inf|1e999), expected a number`, failed.Error.Message)
	require.NoFileExists(t, out)

	r := score(l, testline.ExitDone, name, spoilt, out, "--part-rows", "1000", "--on-error", "reject").Result
	require.Equal(t, []int64{2500, 3, 2497, 3}, []int64{r.Rows, r.Rejected, r.Output.Rows, r.Rejects.Rows})
	rejects := filepath.Join(dir, "out.rejects.csv")
	require.Equal(t, rejects, r.Rejects.Path)
	require.Equal(t, [][]any{
		{"spoilt.csv", int64(7), `column "size": got wide, expected a number`, int64(7)},
		{"spoilt.csv", int64(1203), `column "weight": got inf, expected a number`, int64(1203)},
		{"spoilt.csv", int64(2400), `column "size": got 1e999, expected a number`, int64(2400)},
	}, query(t, "SELECT rejected_file, rejected_row, rejected_reason, id::BIGINT FROM read_csv('"+rejects+"')"))
	require.Equal(t, [][]any{{int64(2497), int64(2497)}}, query(t, "SELECT count(*)::BIGINT, count(prediction)::BIGINT FROM read_csv('"+out+"') WHERE id NOT IN (7, 1203, 2400)"))

	// A table without a row has an output without a row.
	none := score(l, testline.ExitDone, name, l.File(dir, "none.csv", asked(0, nil)), filepath.Join(dir, "none.parquet")).Result
	require.Zero(t, none.Rows)
	require.Equal(t, [][]any{{int64(0)}}, query(t, "SELECT count(prediction)::BIGINT FROM "+table.Scan(filepath.Join(dir, "none.parquet"))))
}

// What cannot be scored is refused by name, before a row is.
func TestWhatCannotBeScored(t *testing.T) {
	l := testline.Start(t)
	name := deployed(t, l, regression)
	dir := t.TempDir()
	in, out := l.File(dir, "asked.csv", asked(50, nil)), filepath.Join(dir, "out.csv")
	numbers := filepath.Join(dir, "numbers.parquet")
	query(t, "COPY (SELECT 1 AS size, 2 AS weight, 3 AS colour) TO '"+numbers+"' (FORMAT parquet)")
	for _, c := range []struct {
		args []string
		kind fault.Kind
		says string
	}{
		{[]string{"nobody", in, out}, fault.NotFound, `no endpoint and no model "nobody"`},
		{[]string{name + "@9", in, out}, fault.NotFound, "version 9 of model"},
		{[]string{name + "@favourite", in, out}, fault.NotFound, `no alias "favourite"`},
		{[]string{name, in + "s", out}, fault.SourceNotFound, "asked.csvs"},
		{[]string{name, l.File(dir, "narrow.csv", "id,size,colour\n1,2,red\n"), out}, fault.ColumnMissing, `no column "weight"`},
		{[]string{name, numbers, out}, fault.TypeMismatch, `"colour" of the input is a number`},
		{[]string{name, l.File(dir, "taken.csv", "size,weight,colour,Model\n1,2,red,T\n"), out}, fault.ConfigInvalid, `"Model"`},
		{[]string{name, in, out, "--keys", "id,ids"}, fault.ColumnMissing, `"ids"`},
		{[]string{name, in, filepath.Join(dir, "no such directory", "out.csv")}, fault.ConfigInvalid, "cannot be written"},
		{[]string{name, in, "s3://" + l.Bucket + "/sha256/aa.csv"}, fault.ConfigInvalid, "among the artifacts"},
	} {
		if c.kind == fault.SourceNotFound {
			c.args = append(c.args, "--format", "csv")
		}
		failed := score(l, testline.ExitFailed, c.args...)
		require.Equal(t, c.kind, failed.Error.Kind, "%v: %s", c.args, failed.Error.Message)
		require.Contains(t, failed.Error.Message, c.says)
		require.NotEmpty(t, failed.Error.Remedy, "%v: %s", c.args, failed.Error.Message)
		require.Equal(t, "skipped", failed.step("score").State)
		require.NoFileExists(t, out)
	}
	for _, args := range [][]string{{name, in, "out.xlsx"}, {name, in, "ftp://host/out.csv"}, {name + "@", in, out}, {name + "@0", in, out}, {name, "in.xlsx", out}, {name, in, out, "--on-error", "ignore"}, {name, in, out, "--part-rows", "1"}, {name, in}} {
		stdout, stderr, code := l.CLI(append([]string{"score"}, args...)...)
		require.Equal(t, testline.ExitUsage, code, "%v: %s%s", args, stdout, stderr)
	}
}

// A worker that is killed while it scores costs the parts it had in hand; those it
// had finished are there for this run, and for the next if this one is ended.
func TestAKilledScoringGoesOn(t *testing.T) {
	l := testline.Start(t)
	c := testenv.Temporal(t)
	name := deployed(t, l, regression)
	dir := t.TempDir()
	in := l.File(dir, "asked.csv", asked(12000, nil))
	out := func(file string) string { return filepath.Join(dir, file) }
	args := func(file string) []string { return []string{"score", name, in, out(file), "--part-rows", "1000"} }

	w := l.Watch()
	var begun scored
	l.JSON(testline.ExitDone, &begun, args("a.parquet")...)
	w.Next(time.Minute, "score", "completed")
	l.KillWorker()
	require.NoFileExists(t, out("a.parquet"))
	require.NoError(t, c.TerminateWorkflow(t.Context(), begun.Run, "", "a test"))
	require.Positive(t, testline.Count(t, l.Pool(), `select count(*) from steps where step like 'score/%' and state = 'completed'`))

	// Another run goes on from what that one had finished, and is killed in its turn
	// while the worker writes the output; the run itself goes on.
	l.StartWorker()
	w = l.Watch()
	l.JSON(testline.ExitDone, &begun, args("a.parquet")...)
	w.Next(time.Minute, "write", "running")
	l.KillWorker()
	l.StartWorker()
	var disturbed scored
	l.JSON(testline.ExitDone, &disturbed, "runs", "show", begun.Run, "--wait")
	require.Positive(t, disturbed.Result.Hits, "parts of the ended run are not scored again")
	undisturbed := score(l, testline.ExitDone, append(args("b.parquet")[1:], "--no-cache")...)
	require.Zero(t, undisturbed.Result.Hits)
	require.Equal(t, undisturbed.Result.Output.SHA256, disturbed.Result.Output.SHA256)
	require.Equal(t, digestOf(t, out("a.parquet")), digestOf(t, out("b.parquet")))

	// The memo keeps the report for when no worker is there to ask.
	described, err := c.DescribeWorkflowExecution(t.Context(), begun.Run, "")
	require.NoError(t, err)
	var report string
	require.NoError(t, json.Unmarshal(described.WorkflowExecutionInfo.Memo.Fields["report"].Data, &report))
	require.Contains(t, report, "**Scored**: 12000 rows by "+name+"@1")
}
