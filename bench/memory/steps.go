package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
)

// rowBytes is what a row takes in the CSV file.
const rowBytes = 182

// work is one step in one process.
type work struct {
	dir    string
	limit  int64
	rows   int64
	narrow bool // few columns: more rows to a file
	long   int  // characters of a further text; 0: there is none
}

var steps = []struct {
	name, input string
	do          func(w work, ctx context.Context, e *table.Engine) (rows int64, err error)
}{
	{"make", "", work.make},
	{"collect", "rows.csv", work.collect},
	{"integrate", "rows.parquet", work.integrate},
	{"profile", "dataset.parquet", work.profile},
	{"validate", "dataset.parquet", work.validate},
	{"split", "dataset.parquet", work.split},
	{"engineer", "train.parquet", work.engineer},
}

func (w work) run(ctx context.Context, step, rows string) (err error) {
	if w.rows, err = strconv.ParseInt(rows, 10, 64); err != nil {
		return err
	}
	e, err := table.Open(table.Options{MemoryLimit: w.limit << 20, TempDir: w.dir, Threads: 2})
	if err != nil {
		return err
	}
	defer e.Close()
	for _, s := range steps {
		if s.name == step {
			n, err := s.do(w, ctx, e)
			if err == nil {
				fmt.Println(n)
			}
			return err
		}
	}
	return fmt.Errorf("no step %s", step)
}

func (w work) path(name string) string { return filepath.Join(w.dir, name) }

// make writes the CSV file: a compound key, a time, twelve numbers, four texts and a
// target; every value but the key is decided by a hash of the row's number, so that
// nothing compresses much.
func (w work) make(ctx context.Context, e *table.Engine) (int64, error) {
	sql := "SELECT i // 4 AS trip, i % 4 AS leg, TIMESTAMP '2024-01-01' + to_seconds(i // 3) AS seen"
	numbers, texts := 12, []int{5, 40, 400, 100000}
	if w.narrow {
		numbers, texts = 4, texts[3:]
	}
	for k := range numbers {
		sql += fmt.Sprintf(", (hash(i, 'x%d') %% 100000000) / 1000.0 AS x%[1]d", k)
	}
	for k, n := range texts {
		sql += fmt.Sprintf(", 'v' || (hash(i, 't%d') %% %d) AS t%[1]d", k+4-len(texts), n)
	}
	for at := 0; at < w.long; at += 32 {
		if at > 0 {
			sql += fmt.Sprintf(" || md5(i || 'l%d')", at)
		} else {
			sql += ", md5(i::VARCHAR)"
		}
	}
	if w.long > 0 {
		sql += " AS story"
	}
	sql += ", (hash(i, 'y') % 1000) / 10.0 AS y FROM range(" + fmt.Sprint(w.rows) + ") r(i)"
	return w.rows, e.Exec(ctx, "COPY ("+sql+") TO "+table.Literal(w.path("rows.csv"))+" (FORMAT csv)")
}

func (w work) collect(ctx context.Context, e *table.Engine) (int64, error) {
	info, err := e.Convert(ctx, table.Source{Paths: []string{w.path("rows.csv")}}, w.path("rows.parquet"))
	return info.Rows, err
}

func (w work) integrate(ctx context.Context, e *table.Engine) (int64, error) {
	info, err := e.Integrate(ctx, map[string]table.Table{"rows": table.Parts(w.path("rows.parquet"))}, "SELECT *, x0 - x1 AS gap FROM rows WHERE x2 >= 0", key, w.path("dataset.parquet"))
	return info.Rows, err
}

var (
	key     = []string{"trip", "leg"}
	problem = pipeline.Problem{Target: "y", Task: pipeline.Regression}
)

func (w work) profile(ctx context.Context, e *table.Engine) (int64, error) {
	schema, err := e.Schema(ctx, w.path("dataset.parquet"))
	if err != nil {
		return 0, err
	}
	p, err := profile.Compute(ctx, e, w.path("dataset.parquet"), schema, profile.Options{Target: problem.Target, Task: problem.Task, Key: key, EventTime: "seen", Split: "time"})
	if err != nil {
		return 0, err
	}
	return p.Rows, nil
}

func (w work) validate(ctx context.Context, e *table.Engine) (int64, error) {
	schema, err := e.Schema(ctx, w.path("dataset.parquet"))
	if err != nil {
		return 0, err
	}
	low, high := 0.0, 99_000.0
	p := pipeline.Pipeline{Problem: problem, Dataset: pipeline.Dataset{Key: key, EventTime: "seen"}}
	p.Validation = []pipeline.Rule{
		{Unique: key, OnFail: pipeline.Stop},
		{Column: "x0", Range: &pipeline.Range{Min: &low, Max: &high}, OnFail: pipeline.Quarantine}, // a hundredth
		{Column: "t3", Pattern: "^v[0-9]+$", OnFail: pipeline.Stop},
		{SQL: "x1 >= 0", OnFail: pipeline.Stop},
		{Column: "t3", Distinct: &pipeline.Range{Min: &low}, OnFail: pipeline.Warn},
		{Column: "x3", Quantile: &pipeline.Quantile{P: 0.5, Min: &low, Max: &high}, OnFail: pipeline.Warn},
	}
	got, err := quality.Check(ctx, e, w.path("dataset.parquet"), schema, quality.For(p, schema, pipeline.Training), quality.Options{Out: quality.Outputs{Valid: w.path("valid.parquet"), Quarantined: w.path("quarantined.parquet")}})
	if err != nil {
		return 0, err
	}
	if err := got.Violation(); err != nil {
		return 0, err
	}
	var target feature.TargetRows
	err = e.EachFrame(ctx, w.path("valid.parquet"), []string{problem.Target}, func(f *frame.Frame) error {
		target.Add(&f.Columns[0])
		return nil
	})
	if err != nil {
		return 0, err
	}
	_, err = target.Fit(problem)
	return got.Rows, err
}

func (w work) split(ctx context.Context, e *table.Engine) (int64, error) {
	schema, err := e.Schema(ctx, w.path("dataset.parquet"))
	if err != nil {
		return 0, err
	}
	out := split.Paths{Train: w.path("train.parquet"), Validation: w.path("validation.parquet"), Test: w.path("test.parquet")}
	spec := pipeline.Split{Method: "time", Validation: 0.15, Test: 0.15}
	dealt, err := split.Apply(ctx, e, w.path("dataset.parquet"), schema, spec, key, "seen", out)
	if err != nil {
		return 0, err
	}
	if _, err := split.FindLeakage(ctx, e, out, schema, key, "seen"); err != nil {
		return 0, err
	}
	_, err = split.Crossings(ctx, e, out, schema, spec, key, "seen")
	return dealt.Train.Rows + dealt.Validation.Rows + dealt.Test.Rows, err
}

func (w work) engineer(ctx context.Context, e *table.Engine) (int64, error) {
	in := w.path("train.parquet")
	schema, err := e.Schema(ctx, in)
	if err != nil {
		return 0, err
	}
	read := func(columns []string) (*frame.Frame, int64, error) {
		long, err := e.RowBytes(ctx, in, columns)
		if err != nil {
			return nil, 0, err
		}
		return e.ReadSome(ctx, in, columns, feature.RowsDescribed(feature.MaxDescribed, len(columns), long))
	}
	auto, skip := pipeline.Features{Auto: true}, append([]string{"seen"}, key...)
	columns := feature.Columns(auto, problem, schema, skip...)
	rows, _, err := read(columns)
	if err != nil {
		return 0, err
	}
	plan, choices, err := feature.Plan(auto, problem, schema, feature.FactsOf(rows), skip...)
	if err != nil {
		return 0, err
	}
	rows, of, err := read(append(columns, problem.Target, split.RowColumn))
	if err != nil {
		return 0, err
	}
	target, err := feature.FitTarget(problem, rows.Column(problem.Target))
	if err != nil {
		return 0, err
	}
	y, err := target.Values(rows.Column(problem.Target))
	if err != nil {
		return 0, err
	}
	fitted, made, err := feature.FitApply(plan, rows, feature.Supervised(target, y))
	if err != nil {
		return 0, err
	}
	return of, feature.Summarize(fitted, rows, made, choices).HTML(io.Discard, "Features", "")
}
