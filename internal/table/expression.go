package table

import (
	"context"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Locked returns a fresh engine with the same limits that can read the given
// files and write the given ones, and nothing else, whatever SQL it is given. The
// caller closes it.
func (e *Engine) Locked(ctx context.Context, read, write []string) (*Engine, error) {
	files := append([]string(nil), read...)
	for _, path := range write {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		for _, path := range []string{absolute, path} {
			files = append(files, path, partial(path))
			for k := range maxStripes {
				files = append(files, stripe(path, k), partial(stripe(path, k)))
			}
		}
	}
	return e.locked(ctx, files, e.width(ctx, Parts(read...)))
}

// CheckExpression proves that a text people wrote is one boolean expression over
// the rows of a table of these columns: it can then stand between parentheses in
// a larger query of a locked engine without changing what surrounds it. where
// names it in errors.
//
// Faults: QueryInvalid, TypeMismatch (not boolean).
func (e *Engine) CheckExpression(ctx context.Context, schema pipeline.Schema, expression, where string) error {
	q := e
	if !e.sealed { // else there is nothing to open but what the expression may read
		var err error
		if q, err = e.locked(ctx, nil, 0); err != nil {
			return err
		}
		defer q.Close()
	}
	refused := fault.New(fault.QueryInvalid, "%s is not one expression over the row's columns", where).
		WithRemedy("write a condition such as arrival >= departure, without SELECT, aggregates or subqueries")
	// What parses both in parentheses and in brackets closes neither too early.
	for _, pair := range []string{"()", "[]"} {
		row, err := q.query(ctx, "SELECT j->>'error', j->>'error_message', json_array_length(j->'statements'), json_array_length(j->'statements'->0->'node'->'select_list'), "+
			"j->'statements'->0->'node'->'from_table'->>'type', j->'statements'->0->'node'->>'where_clause', CAST(j AS VARCHAR) LIKE '%\"class\":\"SUBQUERY\"%' "+
			"FROM (SELECT json_serialize_sql("+Literal("SELECT "+pair[:1]+"\n"+expression+"\n"+pair[1:])+") AS j)")
		if err != nil {
			return failure(err, fault.QueryInvalid, "%s is refused", where)
		}
		if r := row[0]; r[0] != "false" {
			text, _ := r[1].(string)
			return fault.New(fault.QueryInvalid, "%s does not parse: %s", where, text).WithRemedy("mend the expression: one condition over the row's columns")
		} else if r[2] != int64(1) || r[3] != int64(1) || r[4] != "EMPTY" || r[5] != nil || r[6] == true {
			return refused
		}
	}
	var columns []string
	for _, c := range schema {
		columns = append(columns, Ident(c.Name)+" "+c.SQL)
	}
	defer func() { _ = q.exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+dataset) }()
	if err := q.exec(ctx, "CREATE OR REPLACE TABLE "+dataset+" ("+strings.Join(columns, ", ")+")"); err != nil {
		return failure(err, fault.Internal, "the columns make no table")
	}
	// Beside all columns, so that an aggregate does not bind.
	bound, err := q.describe(ctx, "SELECT *, (\n"+expression+"\n) AS "+pipeline.ReservedPrefix+"condition FROM "+dataset)
	if err != nil {
		return failure(err, fault.QueryInvalid, "%s does not fit the columns", where)
	}
	if sql := bound[len(bound)-1].SQL; sql != "BOOLEAN" {
		return fault.New(fault.TypeMismatch, "%s is a %s, not a condition", where, sql).WithRemedy("compare it with something")
	}
	return nil
}

// Words runs a trusted SELECT of one BIGINT or UBIGINT column and gives take its
// values as 64-bit words, some thousand at a time, in a slice that the next ones
// overwrite; its error ends the query. It is Stream for what would be too many rows
// to box, by all threads of the engine, which holds the words: no more than some
// million are to be asked for at once.
func (e *Engine) Words(ctx context.Context, sql string, take func(words []uint64) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return failure(e.interruptible(ctx, func() error {
		return e.held(sql, func(c *chunk) error {
			v := &c.vectors[0]
			if len(c.vectors) != 1 || v.kind != mapping.TypeUBigInt && v.kind != mapping.TypeBigInt {
				return fault.New(fault.Internal, "words of %d columns", len(c.vectors))
			}
			return take(unsafe.Slice((*uint64)(v.data), c.rows))
		})
	}), fault.Internal, "the engine fails")
}

// From is the table as the FROM of trusted SQL.
func (t Table) From() string { return "(" + t.query() + ")" }

// Files are the paths of the table's parts.
func (t Table) Files() []string { return t.paths() }

// Refusal runs a trusted SELECT of which texts that people wrote are literals, and
// says why the engine refuses them, in a sentence; "" if it does not. The error is
// of what is no fault of theirs.
func (e *Engine) Refusal(ctx context.Context, sql string) (why string, err error) {
	err = failure(e.exec(ctx, sql), fault.QueryInvalid, "the engine refuses it")
	if fault.KindOf(err) != fault.QueryInvalid {
		return "", err
	}
	return strings.TrimPrefix(err.(*fault.Error).Message, "the engine refuses it: "), nil
}
