package testline_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// goods is a small table with something to learn: price follows size and colour.
// edit may change a row before it is written.
func goods(edit func(i int, row map[string]string)) string {
	columns := []string{"id", "size", "weight", "colour", "price", "sold"}
	var b strings.Builder
	b.WriteString(strings.Join(columns, ",") + "\n")
	for i := range 300 {
		size := float64(1+i%23) + float64(i%7)/10
		colour := []string{"red", "green", "blue"}[i%3]
		price := 10 + 4*size + 5*float64(i%3) + math.Sin(float64(i))
		row := map[string]string{
			"id": fmt.Sprint(i), "size": fmt.Sprintf("%.2f", size), "weight": fmt.Sprintf("%.2f", 3+math.Cos(float64(i))),
			"colour": colour, "price": fmt.Sprintf("%.4f", price), "sold": map[bool]string{true: "dear", false: "cheap"}[price > 60],
		}
		if edit != nil {
			edit(i, row)
		}
		cells := make([]string, len(columns))
		for j, c := range columns {
			cells[j] = row[c]
		}
		b.WriteString(strings.Join(cells, ",") + "\n")
	}
	return b.String()
}

func set(column, value string) func(int, map[string]string) {
	return func(_ int, row map[string]string) { row[column] = value }
}

const regression = `
problem: {task: regression, target: price}
sources:
  goods: {path: goods.csv}
dataset: {key: [id]}
features:
  - {columns: [size, weight], apply: [impute, standardize]}
  - {columns: [colour], apply: [impute, one_hot]}
`

var binary = strings.NewReplacer("task: regression", "task: binary", "target: price", "target: sold").Replace(regression)

// mistake is a file or data that cannot become a model, and what must be said.
type mistake struct {
	data   string // goods.csv; "": as it should be; "none": no file
	text   string // the pipeline, without its name; "": regression
	sql    string // of the dataset, if any
	step   string // at which the run ends; "": none begins
	code   int
	kind   fault.Kind
	says   []string // in the message: the place
	remedy string   // in the remedy
}

var mistakes = map[string]mistake{
	"an unknown key": {
		text: strings.Replace(regression, "features:", "feature:", 1), code: testline.ExitUsage, kind: fault.PipelineInvalid,
		says: []string{"a.yaml:6", "feature"}, remedy: "features",
	},
	"a value of another type": {
		text: regression + "train: {folds: many}\n", code: testline.ExitUsage, kind: fault.PipelineInvalid,
		says: []string{"a.yaml:9", "folds"}, remedy: "number",
	},
	"a model that does not fit the task": {
		text: regression + "train:\n  candidates:\n    - kind: logistic\n", code: testline.ExitUsage, kind: fault.PipelineInvalid,
		says: []string{"a.yaml:11", "logistic"}, remedy: "ols",
	},
	"a source that is not there": {
		data: "none", step: "collect", code: testline.ExitFailed, kind: fault.SourceNotFound,
		says: []string{"goods.csv"}, remedy: "check the path",
	},
	"a source that is not what its ending says": {
		data: "none", text: strings.Replace(regression, "goods.csv", "a.yaml, format: parquet", 1), step: "collect", code: testline.ExitFailed,
		kind: fault.SourceUnreadable, says: []string{"a.yaml"}, remedy: "format",
	},
	"a target that is not there": {
		text: strings.Replace(regression, "target: price", "target: prize", 1), step: "integrate", code: testline.ExitFailed, kind: fault.ColumnMissing,
		says: []string{`"prize"`, "problem.target"}, remedy: "price",
	},
	"a feature's column that is not there": {
		text: strings.Replace(regression, "[size, weight]", "[size, wait]", 1), step: "integrate", code: testline.ExitFailed, kind: fault.ColumnMissing,
		says: []string{`"wait"`, "features[0]"}, remedy: "weight",
	},
	"text where a number is needed": {
		text: strings.Replace(regression, "[size, weight]", "[size, colour]", 1), step: "integrate", code: testline.ExitFailed, kind: fault.FeatureInvalid,
		says: []string{`"colour"`, "text"}, remedy: "one_hot",
	},
	"a text as the target of a regression": {
		text: strings.Replace(regression, "target: price", "target: sold", 1), step: "integrate", code: testline.ExitFailed, kind: fault.TypeMismatch,
		says: []string{"sold"}, remedy: "binary",
	},
	"a table of nothing but its header": {
		data: "id,size,weight,colour,price,sold\n", step: "integrate", code: testline.ExitFailed, kind: fault.DatasetEmpty,
		says: []string{"no rows"}, remedy: "sources",
	},
	"an empty file": {
		data: "\n", step: "collect", code: testline.ExitFailed, kind: fault.DatasetEmpty,
		says: []string{"goods.csv", "header"}, remedy: "names of the columns",
	},
	"a join to no rows": {
		sql:  "SELECT a.* FROM goods a JOIN goods b ON a.id = b.id + 1000",
		step: "integrate", code: testline.ExitFailed, kind: fault.DatasetEmpty, says: []string{"no rows"}, remedy: "join",
	},
	"SQL that does not parse": {
		sql:  "SELECT id, FRUM goods",
		step: "integrate", code: testline.ExitFailed, kind: fault.QueryInvalid, says: []string{"dataset.sql"}, remedy: "SQL",
	},
	"SQL that reads a file of the worker": {
		sql:  "SELECT * FROM read_csv('/etc/passwd')",
		step: "integrate", code: testline.ExitFailed, kind: fault.QueryInvalid, says: []string{"dataset.sql"}, remedy: "sources",
	},
	"a target that never changes": {
		data: goods(set("price", "7")), step: "validate", code: testline.ExitFailed, kind: fault.TargetInvalid,
		says: []string{`"price"`, "7"}, remedy: "choose a target",
	},
	"a target of one class": {
		data: goods(set("sold", "dear")), text: binary, step: "validate", code: testline.ExitFailed, kind: fault.TargetInvalid,
		says: []string{`"sold"`, "dear"}, remedy: "choose a target",
	},
	"a binary target of three classes": {
		text: strings.Replace(regression, "task: regression, target: price", "task: binary, target: grade", 1), sql: "SELECT *, id % 3 AS grade FROM goods", step: "validate", code: testline.ExitFailed, kind: fault.TargetInvalid,
		says: []string{`"grade"`, "3 classes"}, remedy: "multiclass",
	},
	"a positive class that is not there": {
		text: strings.Replace(binary, "target: sold", "target: sold, positive: perhaps", 1), step: "validate", code: testline.ExitFailed, kind: fault.TargetInvalid,
		says: []string{`"sold"`, "perhaps", "cheap, dear"}, remedy: "positive",
	},
	"a target with no value": {
		data: goods(set("sold", "")), text: binary, code: testline.ExitRejected, says: []string{"sold is not missing", "300 of 300"},
	},
	"NaN and infinities in all of a target": {
		data: goods(func(i int, row map[string]string) { row["price"] = []string{"nan", "inf"}[i%2] }),
		code: testline.ExitRejected, says: []string{"price is not missing", "price is finite", "150 of 300"},
	},
	"a contract that stops": {
		text: regression + "validation:\n  - {column: size, range: {max: 20}}\n", step: "", code: testline.ExitRejected, kind: "",
		says: []string{"size ≤ 20", "of 300 rows"},
	},
	"a gate that is not met": {
		text: regression + "evaluate:\n  gates:\n    - {metric: rmse, max: 0.0001}\n", step: "", code: testline.ExitRejected, kind: "",
		says: []string{"rmse", "0.0001"},
	},
}

func TestMistakes(t *testing.T) {
	l := testline.Start(t)
	for name, m := range mistakes {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			m.check(t, l.In(t))
		})
	}
}

func (m mistake) check(t *testing.T, l *testline.Line) {
	dir, name := t.TempDir(), testenv.Name(t)
	if m.data == "" {
		m.data = goods(nil)
	}
	if m.data != "none" {
		l.File(dir, "goods.csv", m.data)
	}
	if m.text == "" {
		m.text = regression
	}
	if m.sql != "" {
		m.text = strings.Replace(m.text, "{key: [id]}", "{key: [id], sql: "+strconv.Quote(m.sql)+"}", 1)
	}
	name = "m" + name[len(name)-9:]
	file := l.File(dir, "a.yaml", "name: "+name+m.text)
	o := l.Run(m.code, file)
	pool := l.Pool()
	switch {
	case m.code == testline.ExitRejected:
		require.Equal(t, workflows.DecisionRejected, o.Decision)
		require.Nil(t, o.Error)
	default:
		require.NotNil(t, o.Error)
		require.Equal(t, m.kind, o.Error.Kind, o.Error.Message)
		require.Equal(t, m.step, o.Failed(), o.Error.Message)
		require.Contains(t, strings.ToLower(o.Error.Remedy), strings.ToLower(m.remedy), o.Error.Message)
		o.Reason = o.Error.Message
	}
	for _, place := range m.says {
		require.Contains(t, o.Reason, place)
	}
	if o.Run == "" {
		require.Equal(t, 0, testline.Count(t, pool, `select count(*) from runs where pipeline = $1`, name))
	} else {
		run, err := l.DB.Run(t.Context(), o.Run)
		require.NoError(t, err)
		require.Equal(t, string(m.kind), run.ErrorKind)
		require.Equal(t, map[bool]metadata.RunState{true: metadata.RunRejected, false: metadata.RunFailed}[m.code == testline.ExitRejected], run.State)
	}
	nothing(t, l, name)
}

// nothing proves that a pipeline left nothing behind that answers or could.
func nothing(t *testing.T, l *testline.Line, name string) {
	t.Helper()
	pool := l.Pool()
	require.Equal(t, 0, testline.Count(t, pool, `select count(*) from model_versions where name = $1`, name))
	require.Equal(t, 0, testline.Count(t, pool, `select count(*) from revisions where endpoint = $1`, name))
	require.Equal(t, 404, l.Post("/v1/endpoints/"+name+"/predict", `{"records":[{}]}`, nil))
}

func TestImperfectDataIsLearntFrom(t *testing.T) {
	l := testline.Start(t)
	t.Run("NaN and infinities", func(t *testing.T) {
		l := l.In(t)
		dir, name := t.TempDir(), testenv.Name(t)
		l.File(dir, "goods.csv", goods(func(i int, row map[string]string) {
			switch {
			case i < 5:
				row["size"] = "nan"
			case i < 9:
				row["weight"] = "-inf"
			case i < 12:
				row["price"] = "nan"
			case i < 14:
				row["price"] = "inf"
			}
		}))
		o := l.Run(testline.ExitDone, l.File(dir, "a.yaml", "name: "+name+regression+"validation:\n  - {column: size, range: {max: 23.3}, on_fail: quarantine}\n"))
		require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
		steps, err := l.DB.Steps(t.Context(), o.Run)
		require.NoError(t, err)
		caught := map[string]int{}
		for _, s := range steps {
			if s.Step != "validate" {
				continue
			}
			path, release, err := l.Store().File(t.Context(), s.Outputs["quarantined"])
			require.NoError(t, err)
			defer release()
			engine, err := table.Open(table.Options{TempDir: t.TempDir()})
			require.NoError(t, err)
			defer engine.Close()
			rows, err := engine.Query(t.Context(), fmt.Sprintf("select %s, count(*)::BIGINT from %s group by all", table.Ident(quality.RulesColumn), table.Scan(path)))
			require.NoError(t, err)
			for _, r := range rows {
				caught[r[0].(string)] = int(r[1].(int64))
			}
		}
		over := 0
		for _, line := range strings.Split(goods(nil), "\n")[15:301] {
			var size float64
			_, err := fmt.Sscan(strings.Split(line, ",")[1], &size)
			require.NoError(t, err)
			if size > 23.3 {
				over++
			}
		}
		require.Equal(t, map[string]int{
			"price is not missing": 3, "price is finite": 2, "weight is finite": 4, "size ≤ 23.3": over,
		}, caught, "an absent value of a feature is imputed, the rest is set aside with its rule")
	})
	t.Run("collinear columns", func(t *testing.T) {
		l := l.In(t)
		dir, name := t.TempDir(), testenv.Name(t)
		l.File(dir, "goods.csv", goods(nil))
		text := strings.NewReplacer("{key: [id]}", `{key: [id], sql: "SELECT *, 2 * size + 1 AS twice, 5 AS five FROM goods"}`, "[size, weight]", "[size, weight, twice, five]").Replace(regression)
		o := l.Run(testline.ExitDone, l.File(dir, "a.yaml", "name: "+name+text))
		require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
		card, err := l.Store().Bytes(t.Context(), o.Result.Reports["model card"], 1<<20)
		require.NoError(t, err)
		require.Contains(t, string(card), "twice", "the card names the column that was left out")
		require.Contains(t, string(card), "five")
	})
}

func TestRequestsThatDoNotFit(t *testing.T) {
	l := testline.Start(t)
	dir, name := t.TempDir(), testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	o := l.Run(testline.ExitDone, l.File(dir, "a.yaml", "name: "+name+regression))
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	pool := l.Pool()
	for name, c := range map[string]struct{ record, says string }{
		"missing column": {`{"size":1,"colour":"red"}`, `"weight"`},
		"unknown column": {`{"size":1,"weight":2,"colour":"red","shade":3}`, `"shade"`},
		"text":           {`{"size":"large","weight":2,"colour":"red"}`, `"size"`},
		"number":         {`{"size":1,"weight":2,"colour":3}`, `"colour"`},
	} {
		t.Run(name, func(t *testing.T) {
			l := l.In(t)
			endpoint := strings.Split(o.Run, "/")[0]
			var said struct{ Error, Kind string }
			key := testenv.Name(t)
			require.Equal(t, 400, l.Post("/v1/endpoints/"+endpoint+"/predict", `{"id":"`+key+`","records":[`+c.record+`]}`, &said))
			require.Contains(t, said.Error, c.says)
			require.Equal(t, string(fault.RequestInvalid), said.Kind)
			var failed struct {
				Error testline.Failure `json:"error"`
			}
			l.JSON(testline.ExitFailed, &failed, "predict", endpoint, "--data", c.record)
			require.Equal(t, fault.RequestInvalid, failed.Error.Kind)
			require.Contains(t, failed.Error.Message, c.says)
			l.Await(10*time.Second, "the refusal's audit row", func() bool {
				return testline.Count(t, pool, `select count(*) from predictions where request_id = $1 and status = 400 and error <> '' and endpoint = $2`, key, endpoint) == 1
			})
		})
	}
	require.Equal(t, 0, testline.Count(t, pool, `select count(*) from predictions where status = 200`))
}

func TestARejectedRunLeavesTheEndpoint(t *testing.T) {
	l := testline.Start(t)
	dir, name := t.TempDir(), testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	first := l.Run(testline.ExitDone, l.File(dir, "a.yaml", "name: "+name+regression))
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)
	second := l.Run(testline.ExitRejected, l.File(dir, "a.yaml", "name: "+name+regression+"evaluate:\n  gates:\n    - {against: champion, min_gain: 0.5}\n"))
	require.Equal(t, workflows.DecisionRejected, second.Decision)
	require.Contains(t, second.Reason, "champion")
	e, err := l.DB.Endpoint(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, int64(1), e.Revision)
	require.Equal(t, first.Run, e.Live.Run)
	require.Equal(t, first.Result.Bundle, e.Live.Bundle)
}
