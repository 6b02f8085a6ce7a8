package archive

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

// Question says which rows of the log are asked, and what of them.
type Question struct {
	Endpoint string    // empty: all
	From, To time.Time // asked at or after, and before; zero: no bound
	Where    string    // a condition over the row's columns; empty: all
	SQL      string    // one SELECT over the table predictions, in DuckDB's SQL; empty: the rows
}

// Query answers a question from the table and the exported days together, each row
// once, into a Parquet file at out. The columns are those of an exported file. The
// SQL runs in an engine that can read nothing else.
func (a *Archive) Query(ctx context.Context, q Question, out string) (table.Info, error) {
	if q.SQL != "" && q.Where != "" {
		return table.Info{}, fault.New(fault.RequestInvalid, "a condition and a query").WithRemedy("write the condition in the query")
	}
	dir, err := os.MkdirTemp(a.Dir, "audit-query-*")
	if err != nil {
		return table.Info{}, fault.Wrap(err, fault.ResourceExhausted, "make a directory for the query")
	}
	defer os.RemoveAll(dir)
	engine, err := a.Open(dir)
	if err != nil {
		return table.Info{}, err
	}
	defer engine.Close()
	all, err := a.DB.AuditExports(ctx)
	if err != nil {
		return table.Info{}, err
	}
	var exports []metadata.AuditExport
	for _, e := range all {
		// An id is made a moment after its request is dated.
		if (q.To.IsZero() || !e.Day.After(q.To)) && (q.From.IsZero() || !e.Day.Before(dayOf(q.From))) {
			exports = append(exports, e)
		}
	}
	files, release, err := a.files(ctx, exports)
	if err != nil {
		return table.Info{}, err
	}
	if release != nil {
		defer release()
	}
	live := filepath.Join(dir, "live.parquet")
	if err := a.live(ctx, engine, q, exports, files, filepath.Join(dir, "live.json"), live); err != nil {
		return table.Info{}, err
	}
	rows := "SELECT * EXCLUDE (hash) FROM " + readParquet(append(files, live)) + " WHERE " + q.filter()
	if q.Where != "" {
		schema, err := engine.Schema(ctx, live)
		if err != nil {
			return table.Info{}, err
		}
		if err := engine.CheckExpression(ctx, schema, q.Where, "the condition"); err != nil {
			return table.Info{}, err
		}
		rows += " AND (\n" + q.Where + "\n)"
	}
	locked, err := engine.Locked(ctx, append(files, live), []string{out})
	if err != nil {
		return table.Info{}, err
	}
	defer locked.Close()
	sql := "SELECT * FROM predictions ORDER BY id"
	if q.SQL != "" {
		sql = q.SQL
	}
	if err := locked.Exec(ctx, "CREATE VIEW predictions AS "+rows); err != nil {
		return table.Info{}, err
	}
	return locked.Ask(ctx, sql, out)
}

// filter is the question's bounds in the engine's SQL.
func (q Question) filter() string {
	out := []string{"true"}
	if q.Endpoint != "" {
		out = append(out, "endpoint = "+table.Literal(q.Endpoint))
	}
	if !q.From.IsZero() {
		out = append(out, "prediction_at >= make_timestamp("+strconv.FormatInt(q.From.UnixMicro(), 10)+")")
	}
	if !q.To.IsZero() {
		out = append(out, "prediction_at < make_timestamp("+strconv.FormatInt(q.To.UnixMicro(), 10)+")")
	}
	return strings.Join(out, " AND ")
}

// live writes the rows that only the table has.
func (a *Archive) live(ctx context.Context, engine Engine, q Question, exports []metadata.AuditExport, files []string, staged, out string) error {
	f, err := os.Create(staged)
	if err != nil {
		return fault.Wrap(err, fault.ResourceExhausted, "stage the rows of the table")
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	exported, longest := map[time.Time]int64{}, 0
	for _, e := range exports {
		exported[e.Day] += e.Rows
	}
	days, err := a.DB.PartitionDays(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		if !q.To.IsZero() && day.After(q.To) || !q.From.IsZero() && day.Before(dayOf(q.From)) {
			continue
		}
		if rows, ok := exported[day]; ok {
			if n, err := a.count(ctx, day); err != nil {
				return err
			} else if n == rows {
				continue // the files have them all
			}
		}
		n, err := a.copyDay(ctx, q, day, w)
		if err != nil {
			return err
		}
		longest = max(longest, n)
	}
	if err := w.Flush(); err != nil {
		return fault.Wrap(err, fault.ResourceExhausted, "stage the rows of the table")
	}
	selected := "SELECT " + toParquet + ", hash FROM " + readJSON(staged, longest)
	if len(files) > 0 {
		selected += " WHERE id NOT IN (SELECT id FROM " + readParquet(files) + ")"
	}
	_, err = engine.Write(ctx, selected, out)
	return err
}

// copyDay stages the rows of a day; it returns the bytes of the longest line.
func (a *Archive) copyDay(ctx context.Context, q Question, day time.Time, w *bufio.Writer) (longest int, err error) {
	var line []byte
	err = pgx.BeginTxFunc(ctx, a.DB.Pool(), pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return eachRow(ctx, tx, day, func(r row) (err error) {
			if q.Endpoint != "" && string(r[atEndpoint]) != q.Endpoint {
				return nil
			}
			if line, err = appendLine(line[:0], r, ""); err != nil {
				return err
			}
			longest = max(longest, len(line))
			_, err = w.Write(line)
			return err
		})
	})
	return longest, err
}

// Find returns a prediction from the exported days, or NotFound.
func (a *Archive) Find(ctx context.Context, id uuid.UUID) (metadata.Prediction, error) {
	p := metadata.Prediction{ID: id}
	all, err := a.DB.AuditExports(ctx)
	if err != nil {
		return p, err
	}
	var exports []metadata.AuditExport
	for _, e := range all {
		if e.Rows > 0 && e.Day.Equal(metadata.Day(id)) {
			exports = append(exports, e)
		}
	}
	nowhere := fault.New(fault.NotFound, "prediction %s is neither in the audit table nor in the exported days", id).
		WithRemedy("check the id; an answer of the last seconds may still be on its way from the server")
	if len(exports) == 0 {
		return p, nowhere
	}
	files, release, err := a.files(ctx, exports)
	if err != nil {
		return p, err
	}
	defer release()
	dir, err := os.MkdirTemp(a.Dir, "audit-find-*")
	if err != nil {
		return p, fault.Wrap(err, fault.ResourceExhausted, "make a directory for the search")
	}
	defer os.RemoveAll(dir)
	engine, err := a.Open(dir)
	if err != nil {
		return p, err
	}
	defer engine.Close()
	// One object whose names are those of the type, but for what JSON writes otherwise.
	rows, err := engine.Query(ctx, "SELECT to_json(t)::VARCHAR FROM (SELECT * EXCLUDE (hash, features, outputs, redacted, prediction_at, request_hash, shadow_of), "+
		"strftime(prediction_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS \"at\", features::JSON AS features, outputs::JSON AS outputs, redacted::JSON AS redacted, shadow_of, "+
		"base64(unhex(request_hash)) AS request_hash FROM "+readParquet(files)+" WHERE id = "+table.Literal(id.String())+") t")
	if err != nil {
		return p, err
	}
	if len(rows) == 0 {
		return p, nowhere
	}
	if err := json.Unmarshal([]byte(rows[0][0].(string)), &p); err != nil {
		return p, fmt.Errorf("read the exported prediction %s: %w", id, err)
	}
	for _, raw := range []*json.RawMessage{&p.Features, &p.Outputs, &p.Redacted} {
		if string(*raw) == "null" {
			*raw = nil
		}
	}
	return p, nil
}
