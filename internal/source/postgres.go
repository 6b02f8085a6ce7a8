package source

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/outbound"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/secret"
)

// query is the rows of one SELECT. They come through the extended protocol,
// which takes one statement and streams its rows, in a read-only transaction
// that sees one state of the database; memory does not grow with the rows.
type query struct {
	pipeline.Postgres
	past    Past
	private bool           // it may be at an address that is not public
	most    int64          // bytes of all rows; 0: maxBody
	config  *pgconn.Config // of the last connection
}

const connectTimeout = 10 * time.Second

// maxRow bounds a row of a query, and so any cell of it, in bytes. It is the bound of a
// record of CSV (table.MaxRecord), which is what a row becomes.
const maxRow = 2 << 20

func (q *query) List(context.Context) ([]Part, error) {
	return []Part{{Name: "rows of " + q.URL, Location: q.URL, Size: -1}}, nil
}

func (q *query) Fetch(ctx context.Context, part Part, dir string) (Fetched, error) {
	out := Fetched{Path: filepath.Join(dir, "rows.csv"), Format: "csv", Check: func(context.Context) error { return nil }}
	conn, err := q.connect(ctx)
	if err != nil {
		return out, err
	}
	defer hangUp(ctx, conn)
	description, err := q.prepare(ctx, conn)
	if err == nil {
		err = q.unchanged(ctx, conn, description, part)
	}
	if err != nil {
		return out, q.refused(err)
	}
	for _, f := range description.Fields {
		out.Columns = append(out.Columns, pipeline.Column{Name: f.Name, SQL: typeOf(f.DataTypeOID, f.TypeModifier)})
	}
	f, err := os.Create(out.Path)
	if err != nil {
		return out, fault.Wrap(err, fault.ResourceExhausted, "collect %s", part.Name).WithRemedy("check the disk of the worker")
	}
	defer f.Close()
	hash := sha256.New()
	w := bufio.NewWriterSize(writing{io.MultiWriter(f, hash), part.Name}, 1<<20)
	exact := numerics(description)
	if out.Size, err = q.copy(ctx, conn, description, w, exact); err != nil {
		return out, q.refused(err)
	}
	for i, seen := range exact {
		if seen != nil {
			out.Columns[i].SQL = seen.sql()
		}
	}
	if err := w.Flush(); err != nil {
		return out, err
	}
	out.Digest = hex.EncodeToString(hash.Sum(nil))
	return out, f.Close()
}

func (q *query) connect(ctx context.Context) (*pgconn.PgConn, error) {
	text, err := secret.Resolve(q.URL)
	if err != nil {
		return nil, err
	}
	config, err := pgconn.ParseConfig(text)
	if err != nil {
		// The driver's message may quote what it could not parse.
		return nil, fault.New(fault.ConfigInvalid, "%s does not hold the address of a Postgres database", q.URL).WithRemedy("write postgres://USER:PASSWORD@HOST:PORT/DATABASE there")
	}
	config.ConnectTimeout = connectTimeout
	config.MaxProtocolMessageBodyLen = maxRow
	dialer := outbound.Dialer(q.private)
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "unix" && !q.private { // a socket in the file system is the machine's own
			return nil, q.reserved()
		}
		return dialer.DialContext(ctx, network, address)
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if fault.KindOf(err) != "" { // the dialer's, within the driver's, which tells what belongs to the secret
		return nil, q.reserved()
	}
	if err != nil {
		return nil, q.refused(err)
	}
	q.config = config
	return conn, nil
}

// reserved is the fault of an address that is not public.
func (q *query) reserved() error {
	return fault.New(fault.ConfigInvalid, "the database at %s is not at a public address, and this worker reaches no other", q.URL).
		WithRemedy("set ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true for the worker")
}

// hangUp ends a connection, also when ctx is over.
func hangUp(ctx context.Context, conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	conn.Close(ctx)
}

func (q *query) prepare(ctx context.Context, conn *pgconn.PgConn) (*pgconn.StatementDescription, error) {
	timeout, err := time.ParseDuration(q.Timeout)
	if err != nil {
		return nil, fault.Wrap(err, fault.PipelineInvalid, "postgres.timeout %q", q.Timeout)
	}
	begin := fmt.Sprintf("begin isolation level repeatable read read only; set local statement_timeout = %d; set local idle_in_transaction_session_timeout = 0", timeout.Milliseconds())
	if _, err := conn.Exec(ctx, begin).ReadAll(); err != nil {
		return nil, err
	}
	sql, err := q.statement(ctx, conn, "esteira_query", q.Query)
	if err != nil {
		return nil, err
	}
	sql = "select * from (" + sql + "\n) as q"
	if q.past.Value != "" {
		// A row without a value is refused by whoever reads it; it must not be lost.
		sql += " where q." + ident(q.past.Column) + " > $1 or q." + ident(q.past.Column) + " is null"
	}
	return conn.Prepare(ctx, "esteira_rows", sql, nil)
}

// statement proves that the text is one statement by itself before it is put in
// brackets, so that nothing in it closes them.
func (q *query) statement(ctx context.Context, conn *pgconn.PgConn, name, text string) (string, error) {
	sql := strings.TrimRight(strings.TrimSpace(text), "; \t\r\n")
	_, err := conn.Prepare(ctx, name, sql, nil)
	return sql, err
}

// copy writes the rows as CSV: a header, NULL as a bare \N and every value in
// quotes, so that no text is taken for a NULL.
func (q *query) copy(ctx context.Context, conn *pgconn.PgConn, d *pgconn.StatementDescription, w *bufio.Writer, exact []*numeric) (size int64, err error) {
	var line []byte
	for i, f := range d.Fields {
		line = appendCell(line, i, []byte(f.Name))
	}
	var args [][]byte
	if q.past.Value != "" {
		args = [][]byte{[]byte(q.past.Value)}
	}
	rows := conn.ExecPrepared(ctx, d.Name, args, nil, nil)
	for more := true; more; more = rows.NextRow() {
		if len(line) == 0 {
			for i, value := range rows.Values() {
				line = appendCell(line, i, value)
				if exact[i] != nil {
					exact[i].see(value)
				}
			}
		}
		line = append(line, '\n')
		size += int64(len(line))
		if most := cmp.Or(q.most, maxBody); size > most {
			return size, tooLarge("rows of "+q.URL, most) // closing the rows would read the rest
		}
		if _, err := w.Write(line); err != nil {
			return size, err
		}
		line = line[:0]
	}
	_, err = rows.Close()
	return size, err
}

func appendCell(line []byte, i int, value []byte) []byte {
	if i > 0 {
		line = append(line, ',')
	}
	if value == nil {
		return append(line, `\N`...)
	}
	line = append(line, '"')
	if bytes.IndexByte(value, '"') >= 0 {
		value = bytes.ReplaceAll(value, []byte(`"`), []byte(`""`))
	}
	return append(append(line, value...), '"')
}

// typeOf is the engine's type for one of Postgres', by its OID (pg_type.dat).
// What has no counterpart is kept as its text.
func typeOf(oid uint32, modifier int32) string {
	switch oid {
	case 16:
		return "BOOLEAN"
	case 20:
		return "BIGINT"
	case 21:
		return "SMALLINT"
	case 23:
		return "INTEGER"
	case 26:
		return "UINTEGER"
	case 700:
		return "FLOAT"
	case 701:
		return "DOUBLE"
	case 1082:
		return "DATE"
	case 1083:
		return "TIME"
	case 1114:
		return "TIMESTAMP"
	case 1184:
		return "TIMESTAMP WITH TIME ZONE"
	case numericOID:
		// The modifier holds precision and scale, when there are any.
		if precision, scale := (modifier-4)>>16&0xffff, (modifier-4)&0x7ff; modifier >= 4 && precision <= 38 && scale <= precision {
			return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale)
		}
		return "DOUBLE"
	}
	return "VARCHAR"
}

// refused gives an error of the database its kind
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func (q *query) refused(err error) error {
	if err == nil || fault.KindOf(err) != "" || errors.Is(err, context.Canceled) {
		return err
	}
	var long *pgproto3.ExceededMaxBodyLenErr
	if errors.As(err, &long) {
		return fault.New(fault.ResourceExhausted, "a row of %s has %d bytes, more than %d, the bound of one", q.URL, long.ActualBodyLen, maxRow).
			WithRemedy("leave its longest column out of postgres.query, or cut it there: left(column, 10000)")
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return fault.New(fault.SourceUnavailable, "the database at %s does not answer: %s", q.URL, firstLine(err)).WithRemedy("check that it runs and is reached from where the worker runs")
	}
	said := answer.Message
	switch code := answer.Code; {
	case code == "57014":
		return fault.New(fault.ResourceExhausted, "a query of %s ran longer than postgres.timeout, %s", q.URL, q.Timeout).WithRemedy("raise it, or make the query cheaper")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), strings.HasPrefix(code, "58"), code == "40001", code == "40P01", code == "25P03":
		return fault.New(fault.SourceUnavailable, "the database at %s ended the query: %s (%s)", q.URL, said, code).WithRemedy("check that it runs")
	case strings.HasPrefix(code, "28"), code == "3D000":
		return fault.New(fault.ConfigInvalid, "the database at %s refuses the worker (%s)", q.URL, code).WithRemedy("correct user, password or database there")
	case code == "25006":
		return fault.New(fault.QueryInvalid, "a query of %s writes: %s", q.URL, said).WithRemedy("write one SELECT; it runs in a read-only transaction")
	}
	return fault.New(fault.QueryInvalid, "a query of %s is refused: %s (%s)", q.URL, said, answer.Code).WithRemedy("mend postgres.query or changed_by, or the rights of its user")
}

// firstLine is an error of the driver without the addresses it tried, which
// belong to the secret.
func firstLine(err error) string {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return "no connection"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
