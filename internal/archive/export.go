package archive

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

// Store is where exported days lie; *artifact.Store is one.
type Store interface {
	File(ctx context.Context, ref artifact.Ref) (path string, release func(), err error)
	JSON(ctx context.Context, ref artifact.Ref, v any) error
	PutFile(ctx context.Context, path, mediaType string) (artifact.Ref, error)
	PutJSON(ctx context.Context, v any) (artifact.Ref, error)
}

// Engine is table's.
type Engine = *table.Engine

// Days lists the days before until that have a partition and no export, or records
// that came after it; oldest first. A day that is not over is never among them.
func (a *Archive) Days(ctx context.Context, until time.Time) ([]time.Time, error) {
	if today := dayOf(time.Now()); until.After(today) {
		until = today
	}
	all, err := a.DB.PartitionDays(ctx)
	if err != nil {
		return nil, err
	}
	exports, err := a.DB.AuditExports(ctx)
	if err != nil {
		return nil, err
	}
	rows := map[time.Time]int64{}
	for _, e := range exports {
		rows[e.Day] += e.Rows
	}
	var out []time.Time
	for _, day := range all {
		if !day.Before(until) {
			continue
		}
		if exported, ok := rows[day]; ok {
			n, err := a.count(ctx, day)
			if err != nil {
				return nil, err
			}
			// A partition that was made again after its drop holds only what came late.
			dropped, err := a.DB.DroppedDays(ctx)
			if err != nil {
				return nil, err
			}
			if n == 0 || n == exported && !dropped[day] {
				continue
			}
		}
		out = append(out, day)
	}
	return out, nil
}

func (a *Archive) count(ctx context.Context, day time.Time) (n int64, err error) {
	err = a.DB.Pool().QueryRow(ctx, `select count(*) from predictions where day = $1`, day).Scan(&n)
	return n, err
}

// Export writes the rows of a day that are not exported yet, and returns false if
// there are none. A day is exported once it is over, though it may be empty.
func (a *Archive) Export(ctx context.Context, day time.Time) (e metadata.AuditExport, done bool, err error) {
	day = dayOf(day)
	if !day.Before(dayOf(time.Now())) {
		return e, false, fault.New(fault.RequestInvalid, "%s is not over", day.Format(time.DateOnly)).WithRemedy("export the days before today (UTC)")
	}
	dir, err := os.MkdirTemp(a.Dir, "audit-export-*")
	if err != nil {
		return e, false, fault.Wrap(err, fault.ResourceExhausted, "make a directory for the export").WithRemedy("check the disk of %s", a.Dir)
	}
	defer os.RemoveAll(dir)
	err = a.DB.Exporting(ctx, func(tx pgx.Tx, exports []metadata.AuditExport) error {
		e, done, err = a.export(ctx, tx, exports, day, dir)
		return err
	})
	return e, done, err
}

func (a *Archive) export(ctx context.Context, tx pgx.Tx, exports []metadata.AuditExport, day time.Time, dir string) (metadata.AuditExport, bool, error) {
	m := Manifest{Format: formatName, Sequence: int64(len(exports)) + 1, Day: day.Format(time.DateOnly), Counts: []metadata.AuditCount{}}
	var parts []metadata.AuditExport
	for _, e := range exports {
		m.Previous = e.Manifest.Digest
		if e.Day.Equal(day) {
			parts = append(parts, e)
		}
	}
	m.Part = len(parts)
	engine, err := a.Open(dir)
	if err != nil {
		return metadata.AuditExport{}, false, err
	}
	defer engine.Close()
	known, err := a.ids(ctx, engine, parts)
	if err != nil {
		return metadata.AuditExport{}, false, err
	}
	staged := filepath.Join(dir, "rows.json")
	longest, err := m.stage(ctx, tx, day, known, staged)
	if err != nil {
		return metadata.AuditExport{}, false, err
	}
	if m.Rows == 0 && m.Part > 0 {
		return metadata.AuditExport{}, false, nil
	}
	file := filepath.Join(dir, "rows.parquet")
	if _, err := engine.Write(ctx, "SELECT "+toParquet+", hash FROM "+readJSON(staged, longest), file); err != nil {
		return metadata.AuditExport{}, false, err
	}
	if m.Parquet, err = a.Store.PutFile(ctx, file, artifact.MediaTypeParquet); err != nil {
		return metadata.AuditExport{}, false, err
	}
	e := metadata.AuditExport{Sequence: m.Sequence, Day: day, Part: m.Part, Rows: m.Rows, Head: m.Head, Parquet: m.Parquet, Previous: m.Previous, Counts: m.Counts, Exported: time.Now().UTC()}
	if e.Manifest, err = a.Store.PutJSON(ctx, m); err != nil {
		return e, false, err
	}
	return e, true, a.DB.AddAuditExport(ctx, tx, e)
}

// readJSON reads a staged file with all values as texts. The engine holds several
// buffers of the longest line.
func readJSON(path string, longest int) string {
	spec := ""
	for _, c := range columns {
		spec += table.Literal(c.name) + ": 'VARCHAR', "
	}
	return "read_json(" + table.Literal(path) + ", format = 'newline_delimited', maximum_object_size = " + strconv.Itoa(max(1<<20, longest+1)) + ", columns = {" + spec + "'hash': 'VARCHAR'})"
}

// ids lists the ids in the parts of a day, in order.
func (a *Archive) ids(ctx context.Context, engine Engine, parts []metadata.AuditExport) ([]string, error) {
	files, release, err := a.files(ctx, parts)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	defer release()
	var out []string
	err = engine.Stream(ctx, "SELECT id FROM "+readParquet(files)+" ORDER BY id", func(r []any) error {
		out = append(out, r[0].(string))
		return nil
	})
	return out, err
}

// files brings the Parquet of exports to local disk; release gives them back.
func (a *Archive) files(ctx context.Context, exports []metadata.AuditExport) (files []string, release func(), err error) {
	var releases []func()
	release = func() {
		for _, f := range releases {
			f()
		}
	}
	for _, e := range exports {
		path, done, err := a.Store.File(ctx, e.Parquet)
		if err != nil {
			release()
			return nil, nil, err
		}
		files, releases = append(files, path), append(releases, done)
	}
	return files, release, nil
}

func readParquet(files []string) string {
	out := "read_parquet(["
	for i, f := range files {
		if i > 0 {
			out += ", "
		}
		out += table.Literal(f)
	}
	return out + "])"
}

// stage writes the rows of a day that are not among the known ids, chains them and
// completes the manifest. It returns the bytes of the longest line.
func (m *Manifest) stage(ctx context.Context, tx pgx.Tx, day time.Time, known []string, path string) (longest int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, fault.Wrap(err, fault.ResourceExhausted, "stage the rows of %s", m.Day)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	c := newChain(day, m.Part, m.Previous)
	m.Start = c.hex()
	counts := map[metadata.AuditCount]int64{}
	var line []byte
	err = eachRow(ctx, tx, day, func(r row) error {
		for len(known) > 0 && known[0] < string(r[atID]) {
			known = known[1:]
		}
		if len(known) > 0 && known[0] == string(r[atID]) {
			return nil
		}
		c.add(r)
		if m.Rows++; m.Rows == 1 {
			m.First = string(r[atID])
		}
		m.Last = string(r[atID])
		counts[r.count()]++
		if line, err = appendLine(line[:0], r, c.hex()); err != nil {
			return err
		}
		longest = max(longest, len(line))
		_, err = w.Write(line)
		return err
	})
	if err != nil {
		return 0, err
	}
	m.Head = c.hex()
	for k, n := range counts {
		k.Rows = n
		m.Counts = append(m.Counts, k)
	}
	slices.SortFunc(m.Counts, func(a, b metadata.AuditCount) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.ModelName, b.ModelName),
			cmp.Compare(a.ModelVersion, b.ModelVersion), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Status, b.Status))
	})
	if err := w.Flush(); err != nil {
		return 0, fault.Wrap(err, fault.ResourceExhausted, "stage the rows of %s", m.Day)
	}
	return longest, nil
}

// count is the group of a row.
func (r row) count() metadata.AuditCount {
	number := func(at int) int64 {
		n, _ := strconv.ParseInt(string(r[at]), 10, 64) // Postgres printed it
		return n
	}
	return metadata.AuditCount{
		Endpoint: string(r[atEndpoint]), Revision: number(atRevision), ModelName: string(r[atModel]), ModelVersion: int(number(atVersion)),
		Role: metadata.Role(bytes.Clone(r[atRole])), Status: int(number(atStatus)),
	}
}

// eachRow gives the rows of a day in the order of their ids; a row is valid until
// the call returns.
func eachRow(ctx context.Context, tx pgx.Tx, day time.Time, each func(row) error) error {
	rows, err := tx.Query(ctx, `select `+fromPostgres+` from predictions where day = $1 order by id`, day)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.RawValues()); err != nil {
			return err
		}
	}
	return rows.Err()
}
