package source

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// Look asks postgres.changed_by, if there is one: its answer is the identity of the
// rows, so that nobody need read them while it is the same.
func (q *query) Look(ctx context.Context, part Part) (Part, error) {
	if q.ChangedBy == "" {
		return part, nil
	}
	conn, err := q.connect(ctx)
	if err != nil {
		return part, err
	}
	defer hangUp(ctx, conn)
	description, err := q.prepare(ctx, conn)
	if err == nil {
		part.Identity, err = q.answer(ctx, conn, description)
	}
	return part, q.refused(err)
}

// answer is the identity of the rows as the transaction of conn sees them: what
// changed_by says, of which query, with which columns, by which user of which
// database. No password is part of it.
func (q *query) answer(ctx context.Context, conn *pgconn.PgConn, rows *pgconn.StatementDescription) (string, error) {
	sql, err := q.statement(ctx, conn, "esteira_change", q.ChangedBy)
	if err != nil {
		return "", err
	}
	// The database hashes its answer, so that no size of it comes here; a second
	// row is asked for to see that there is none.
	sql = "select encode(sha256(convert_to(row(a.*)::text, 'UTF8')), 'hex') from (" + sql + "\n) as a limit 2"
	got := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if got.Err != nil {
		return "", got.Err
	}
	if n := len(got.Rows); n != 1 {
		said := "no row"
		if n > 1 {
			said = "several rows"
		}
		return "", fault.New(fault.QueryInvalid, "postgres.changed_by of %s answered with %s", q.URL, said).WithRemedy("write one that always gives one row, such as SELECT max(updated_at), count(*) FROM flights")
	}
	columns := make([]string, len(rows.Fields))
	for i, f := range rows.Fields {
		columns[i] = fmt.Sprintf("%s %d %d", f.Name, f.DataTypeOID, f.TypeModifier)
	}
	c := q.config
	options := slices.Sorted(maps.Keys(c.RuntimeParams))
	for i, name := range options {
		options[i] += "=" + c.RuntimeParams[name]
	}
	b, err := artifact.Canonical(map[string]any{
		"answer": string(got.Rows[0][0]), "changed_by": q.ChangedBy, "query": q.Query, "columns": columns,
		"host": c.Host, "port": c.Port, "database": c.Database, "user": c.User, "options": options,
	})
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "encode the answer of postgres.changed_by")
	}
	return "answer " + artifact.DigestOf(b), nil
}

// unchanged proves that the transaction that reads the rows sees what Look saw.
func (q *query) unchanged(ctx context.Context, conn *pgconn.PgConn, rows *pgconn.StatementDescription, part Part) error {
	if part.Identity == "" {
		return nil
	}
	now, err := q.answer(ctx, conn, rows)
	if err != nil || now == part.Identity {
		return err
	}
	return fault.New(fault.SourceChanged, "%s changed between the look and the copy", part.Name).
		WithRemedy("nothing; it is looked at again. A table that is written all the time gains nothing by postgres.changed_by: remove it")
}
