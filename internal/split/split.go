package split

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Paths are the Parquet files of the three parts.
type Paths struct {
	Train, Validation, Test string
}

// Result says what went where.
type Result struct {
	Method     string `json:"method"` // as in the pipeline file
	Seed       int64  `json:"seed"`
	Train      Part   `json:"train"`
	Validation Part   `json:"validation"`
	Test       Part   `json:"test"`

	Strata *Strata `json:"strata,omitempty"` // of method stratified

	Left int64 `json:"left"` // rows in no split: within a gap, or of another value

	// Boundaries of method time, as text: validation starts at the first and
	// test at the second, both inclusive.
	ValidationFrom string `json:"validation_from,omitempty"`
	TestFrom       string `json:"test_from,omitempty"`
}

// Part is one of the three.
type Part struct {
	Rows  int64   `json:"rows"`
	Share float64 `json:"share"` // of all rows, as met
}

// hash names the row's hash inside a query.
const hash = pipeline.ReservedPrefix + "hash"

// Apply deals the rows of a Parquet file to three. Each keeps the file's order
// and gains RowColumn. An empty key means all columns; eventTime is used by
// method time alone.
//
// Faults: PipelineInvalid (method or shares), ColumnMissing, TypeMismatch (an
// event time that is text), DataContractViolation (rows without event time),
// DatasetEmpty (a part without rows: it names the part and its share). After
// an error no file is left.
func Apply(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, spec pipeline.Split, key []string, eventTime string, out Paths) (_ Result, err error) {
	defer func() {
		if err != nil {
			for _, path := range []string{out.Train, out.Validation, out.Test} {
				_ = os.Remove(path)
			}
		}
	}()
	result := Result{Method: spec.Method, Seed: spec.Seed}
	if result.Method == "" {
		result.Method = "random"
	}
	if !(spec.Validation > 0 && spec.Test > 0 && spec.Validation+spec.Test < 1) && result.Method != "column" { // refuses NaN too
		return result, fault.New(fault.PipelineInvalid, "split gives validation %v and test %v of the rows", spec.Validation, spec.Test).
			WithRemedy("use shares above 0 that leave something for train, such as 0.15 and 0.15")
	}
	dealt, err := dealtBy(schema, spec, key)
	if err != nil {
		return result, err
	}
	where, err := conditions(ctx, e, in, schema, spec, eventTime, &result)
	if err != nil {
		return result, err
	}
	row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+table.Scan(in))
	if err != nil {
		return result, err
	}
	all, total := row[0].(int64), int64(0)
	rows, done, err := hashed(ctx, e, in, schema, rowHash(spec.Seed, dealt))
	if err != nil {
		return result, err
	}
	defer done()
	items := make([]string, 0, len(schema)+1)
	for _, c := range schema {
		items = append(items, table.Ident(c.Name))
	}
	items = append(items, rowNumber(schema, spec, eventTime)+" AS "+RowColumn)
	for i, part := range []struct {
		path string
		to   *Part
	}{{out.Train, &result.Train}, {out.Validation, &result.Validation}, {out.Test, &result.Test}} {
		info, err := e.WriteColumns(ctx, items, "FROM "+rows+" WHERE "+where[i], table.RowNumber, in, part.path)
		if err != nil {
			return result, err
		}
		part.to.Rows = info.Rows
		total += info.Rows
	}
	result.Left = all - total
	for _, part := range []struct {
		name  string
		share float64
		to    *Part
	}{{"train", 1 - spec.Validation - spec.Test, &result.Train}, {"validation", spec.Validation, &result.Validation}, {"test", spec.Test, &result.Test}} {
		if part.to.Rows == 0 {
			if result.Method == "column" {
				return result, fault.New(fault.DatasetEmpty, "the %s split is empty: no row has one of its values of %q", part.name, spec.By[0]).
					WithRemedy("write the values that mean it under split.values")
			}
			return result, fault.New(fault.DatasetEmpty, "the %s split is empty: a share of %.4g of %d rows", part.name, part.share, total).
				WithRemedy("collect more rows, raise its share, or, if many rows share a key or an event time, choose another key or method")
		}
		part.to.Share = float64(part.to.Rows) / float64(total)
	}
	if result.Method == "stratified" {
		if result.Strata, err = strata(ctx, e, out, dealt[:len(spec.By)]); err != nil {
			return result, err
		}
	}
	return result, nil
}

// wide is how many columns make a table whose hashes are computed once and kept, 24
// bytes a row: it is read several times, some columns at a time.
const wide = 1000

// hashed is the FROM of the rows with their position and hash.
func hashed(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, sql string) (from string, done func(), err error) {
	if len(schema) <= wide {
		return fmt.Sprintf("(SELECT *, %s, %s AS %s FROM %s)", table.RowNumber, sql, hash, table.Scan(in)), func() {}, nil
	}
	const kept, at = pipeline.ReservedPrefix + "hashes", pipeline.ReservedPrefix + "at"
	if err := e.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s AS SELECT %s AS %s, %s AS %s FROM %s", kept, table.RowNumber, at, sql, hash, table.Scan(in))); err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%s JOIN %s ON %s = %s", table.Scan(in), kept, table.RowNumber, at),
		func() { _ = e.Exec(context.WithoutCancel(ctx), "DROP TABLE "+kept) }, nil
}

// dealtBy returns the columns whose hash decides where a row goes: its key;
// its group; its stratum and then its key, so that each stratum is dealt by itself,
// whatever else has the same key.
func dealtBy(schema pipeline.Schema, spec pipeline.Split, key []string) ([]pipeline.Column, error) {
	by, err := named(schema, spec.By, "split.by")
	if err != nil {
		return nil, err
	}
	if spec.Method == "grouped" || spec.Method == "stratified" {
		if len(by) == 0 {
			return nil, fault.New(fault.PipelineInvalid, "split.by is missing").WithRemedy("name the columns to split by")
		}
		if spec.Method == "grouped" {
			return by, nil
		}
	}
	columns := []pipeline.Column(schema)
	if len(key) > 0 {
		if columns, err = named(schema, key, "dataset.key"); err != nil {
			return nil, err
		}
	}
	if spec.Method == "stratified" {
		columns = append(slices.Clone(by), columns...)
	}
	return columns, nil
}

func named(schema pipeline.Schema, key []string, where string) ([]pipeline.Column, error) {
	columns := make([]pipeline.Column, len(key))
	for i, name := range key {
		c := schema.Column(name)
		if c == nil {
			return nil, table.MissingColumn(name, schema, where)
		}
		columns[i] = *c
	}
	return columns, nil
}

// conditions returns the SQL that holds for the rows of train, validation and
// test, and notes boundaries in result.
func conditions(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, spec pipeline.Split, eventTime string, result *Result) ([3]string, error) {
	switch result.Method {
	case "random", "stratified", "grouped":
		// The upper 53 bits are the row's place in [0, 2⁵³); test comes first so
		// that changing validation's share moves no test row.
		place := "(" + hash + " >> 75)::BIGINT"
		test := int64(math.Round(spec.Test * (1 << 53)))
		both := int64(math.Round((spec.Test + spec.Validation) * (1 << 53)))
		return [3]string{
			fmt.Sprintf("%s >= %d", place, both),
			fmt.Sprintf("%[1]s >= %[2]d AND %[1]s < %[3]d", place, test, both),
			fmt.Sprintf("%s < %d", place, test),
		}, nil
	case "time":
		return byTime(ctx, e, in, schema, spec, eventTime, result)
	case "column":
		return byColumn(schema, spec)
	default:
		return [3]string{}, fault.New(fault.PipelineInvalid, "there is no split method %q", result.Method).WithRemedy("write random, stratified, grouped, time or column")
	}
}
