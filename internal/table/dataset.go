package table

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// dataset names the view over a user's query.
const dataset = pipeline.ReservedPrefix + "dataset"

// Integrate runs a user's SQL, one SELECT, over tables (local Parquet parts by
// their whole paths) and writes its rows as one Parquet file, sorted by the key columns and
// then by all others, NULLs last: the same rows give the same bytes whatever
// their order and the number of threads. With no sql it takes all of the only
// table. An empty key means all columns.
//
// Faults: QueryInvalid (does not parse or bind, is not one SELECT, names what it
// may not reach, fails while it runs), ColumnMissing (a key column),
// TypeMismatch (a list, struct or bytes in the result), ResourceExhausted. Once
// ctx is done it returns its error within milliseconds and leaves no file.
func (e *Engine) Integrate(ctx context.Context, tables map[string]Table, sql string, key []string, out string) (Info, error) {
	return e.IntegrateSince(ctx, tables, sql, key, Since{}, out)
}

// Since leaves out the rows whose column is before a moment, or missing. The zero
// value leaves out none.
type Since struct {
	Column string
	At     time.Time
}

func (s Since) condition() string {
	if s.At.IsZero() {
		return ""
	}
	return fmt.Sprintf(" WHERE CAST(%s AS TIMESTAMP) >= TIMESTAMP '%s'", Ident(s.Column), s.At.UTC().Format("2006-01-02 15:04:05.999999"))
}

// IntegrateSince is Integrate without the rows before a moment.
func (e *Engine) IntegrateSince(ctx context.Context, tables map[string]Table, sql string, key []string, since Since, out string) (Info, error) {
	out, err := filepath.Abs(out)
	if err != nil {
		return Info{}, err
	}
	create, columns := "", 0
	var parts, relations []string
	for _, name := range names(tables) {
		paths := tables[name].paths()
		for _, p := range paths {
			if !filepath.IsAbs(p) {
				return Info{}, fault.New(fault.Internal, "part %s is not named by its whole path", p)
			}
		}
		parts = append(parts, paths...)
		n := e.width(ctx, tables[name])
		columns += n
		if len(paths) > 0 && n > 0 && n <= wide { // else a few rows take more memory than there is
			relations = append(relations, Scan(paths[0]))
		}
		create += "CREATE VIEW " + Ident(name) + " AS " + tables[name].query() + ";\n"
	}
	if sql, err = defaultSQL(sql, names(tables)); err != nil {
		return Info{}, err
	}
	q, err := e.locked(ctx, append([]string{partial(out)}, parts...), columns)
	if err != nil {
		return Info{}, err
	}
	defer q.Close()
	schema, err := q.bind(ctx, create, sql)
	if err != nil {
		return Info{}, err
	}
	if err := checkOrder(schema, key); err != nil {
		return Info{}, err
	}
	size, err := e.extentOf(ctx, len(schema), relations...)
	if err != nil {
		return Info{}, failure(err, fault.SourceUnreadable, "a source does not read")
	}
	rows := ordered{
		asked:  q,
		single: columns > wide,
		query:  "SELECT " + strings.Join(projection(schema), ", ") + " FROM " + dataset + since.condition(),
		schema: schema,
		first:  key,
		bytes:  e.rowsOf(ctx, parts) * size.bytes,
	}
	if err := e.writeOrdered(ctx, rows, size, out); err != nil {
		return Info{}, queryFailure(err, "dataset.sql fails")
	}
	return e.info(ctx, out)
}

// BindQuery returns the columns the dataset would have, from the sources'
// columns alone; nothing is read. Faults are Integrate's.
func (e *Engine) BindQuery(ctx context.Context, schemas map[string]pipeline.Schema, sql string) (pipeline.Schema, error) {
	sql, err := defaultSQL(sql, names(schemas))
	if err != nil {
		return nil, err
	}
	create := ""
	for _, name := range names(schemas) {
		var columns []string
		for _, c := range schemas[name] {
			columns = append(columns, Ident(c.Name)+" "+c.SQL)
		}
		create += "CREATE TABLE " + Ident(name) + " (" + strings.Join(columns, ", ") + ");\n"
	}
	q, err := e.locked(ctx, nil, 0)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	return q.bind(ctx, create, sql)
}

func defaultSQL(sql string, tables []string) (string, error) {
	if strings.TrimSpace(sql) != "" {
		return sql, nil
	}
	if len(tables) != 1 {
		return "", fault.New(fault.QueryInvalid, "dataset.sql is missing, and there are %d sources", len(tables)).
			WithRemedy("write one SELECT over %s", strings.Join(tables, ", "))
	}
	return "SELECT * FROM " + Ident(tables[0]), nil
}

// bind makes the tables and the view over the user's SQL, after proving that the
// SQL is one SELECT, and returns the view's columns.
func (e *Engine) bind(ctx context.Context, create, sql string) (pipeline.Schema, error) {
	if err := e.exec(ctx, create); err != nil {
		return nil, queryFailure(err, "the sources do not make tables")
	}
	columns, err := e.inspect(ctx, sql)
	if err != nil {
		return nil, queryFailure(err, "dataset.sql is refused")
	}
	if err := checkNames(columns, fault.QueryInvalid, "dataset.sql"); err != nil {
		return nil, err
	}
	if err := e.refuseVolatile(ctx, sql); err != nil {
		return nil, queryFailure(err, "dataset.sql is refused")
	}
	// One parsed SELECT stays one SELECT here: what follows AS is all of it.
	if err := e.exec(ctx, "CREATE TEMP VIEW "+dataset+" AS "+sql); err != nil {
		return nil, queryFailure(err, "dataset.sql is refused")
	}
	schema, err := e.describe(ctx, "SELECT * FROM "+dataset)
	if err != nil {
		return nil, queryFailure(err, "dataset.sql is refused")
	}
	for _, c := range schema {
		if _, ok := kindOf(c.SQL); !ok {
			return nil, fault.New(fault.TypeMismatch, "column %q of the dataset is a %s, which no step can use", c.Name, c.SQL).
				WithRemedy("select its parts in dataset.sql, or leave it out")
		}
	}
	return schema, nil
}

// queryFailure is failure for a user's SQL.
func queryFailure(err error, message string) error {
	err = failure(err, fault.QueryInvalid, "%s", message)
	typed := new(fault.Error)
	if !errors.As(err, &typed) || typed.Remedy != "" {
		return err
	}
	return typed.WithRemedy("mend dataset.sql; it sees the sources by their names and nothing else")
}

// inspect prepares the SQL without running it and returns its columns; more than
// one statement, or one that is not a SELECT, is refused.
func (e *Engine) inspect(ctx context.Context, sql string) (columns []string, err error) {
	refused := fault.New(fault.QueryInvalid, "dataset.sql is not one SELECT").
		WithRemedy("write a single SELECT (WITH is fine); it can read the sources and nothing else")
	e.mu.Lock()
	defer e.mu.Unlock()
	err = e.interruptible(ctx, func() error {
		var statements mapping.ExtractedStatements
		n := mapping.ExtractStatements(e.conn, sql, &statements)
		defer mapping.DestroyExtracted(&statements)
		if n == 0 {
			return failureText(mapping.ExtractStatementsError(statements))
		}
		if n > 1 {
			return refused
		}
		var prepared mapping.PreparedStatement
		state := mapping.PrepareExtractedStatement(e.conn, statements, 0, &prepared)
		defer mapping.DestroyPrepare(&prepared)
		if state == mapping.StateError {
			return failureText(mapping.PrepareError(prepared))
		}
		if mapping.PreparedStatementType(prepared) != mapping.StatementTypeSelect || mapping.NParams(prepared) > 0 {
			return refused
		}
		for i := range mapping.PreparedStatementColumnCount(prepared) {
			columns = append(columns, mapping.PreparedStatementColumnName(prepared, i))
		}
		return nil
	})
	return columns, err
}

// projection selects every column; adding zero makes -0 and 0, which sort as
// equals, equal in bytes too.
func projection(schema pipeline.Schema) []string {
	list := make([]string, len(schema))
	for i, c := range schema {
		list[i] = Ident(c.Name)
		if IsFloat(c) {
			list[i] = "CASE WHEN " + list[i] + " = 0 THEN 0::" + c.SQL + " ELSE " + list[i] + " END AS " + list[i]
		}
	}
	return list
}

// checkOrder refuses a key of columns that are not there.
func checkOrder(schema pipeline.Schema, key []string) error {
	for _, k := range key {
		if schema.Column(k) == nil {
			return MissingColumn(k, schema, "dataset.key")
		}
	}
	return nil
}

func names[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}
