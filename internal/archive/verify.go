package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Report is what Verify found.
type Report struct {
	Manifests int    `json:"manifests"` // of the whole chain
	Files     int    `json:"files"`     // whose rows were read
	Rows      int64  `json:"rows"`
	Compared  int64  `json:"compared"` // rows that the table still has, held against the file's
	Late      int64  `json:"late"`     // rows in the table that came after their day's export: the next export takes them
	Head      string `json:"head"`     // digest of the newest manifest; keep it elsewhere
	Break     *Break `json:"break,omitempty"`
}

// Break is the first place where the log is not what was exported.
type Break struct {
	Sequence   int64  `json:"sequence"`
	Day        string `json:"day"`
	Part       int    `json:"part"`
	Row        int64  `json:"row,omitempty"` // from 1; 0: the file or manifest as a whole
	Prediction string `json:"prediction,omitempty"`
	What       string `json:"what"`
}

func (b *Break) Error() string {
	where := fmt.Sprintf("export %d, day %s part %d", b.Sequence, b.Day, b.Part)
	if b.Row > 0 {
		where += fmt.Sprintf(", row %d", b.Row)
	}
	if b.Prediction != "" {
		where += ", prediction " + b.Prediction
	}
	return where + ": " + b.What
}

// Verify checks the chain of all manifests, and the rows of the days from and to (a
// zero time is no bound), in the store and, where they still are, in the table. What
// is wrong is a Break in the report; an error is that something could not be looked at.
func (a *Archive) Verify(ctx context.Context, from, to time.Time) (Report, error) {
	exports, err := a.DB.AuditExports(ctx)
	if err != nil {
		return Report{}, err
	}
	dropped, err := a.DB.DroppedDays(ctx)
	if err != nil {
		return Report{}, err
	}
	v := &verification{Archive: a, digests: map[string][]digest{}}
	err = v.chain(ctx, exports, from, to)
	if err == nil {
		err = v.tables(ctx, exports, dropped)
	}
	if broken := new(Break); errors.As(err, &broken) {
		v.Break, err = broken, nil
	}
	return v.Report, err
}

type verification struct {
	*Archive
	Report
	digests map[string][]digest // of the rows of each day that was read
}

// digest is a row as it was exported.
type digest struct {
	id  string
	sum [sha256.Size]byte
	row int64
	of  *metadata.AuditExport
}

func (v *verification) chain(ctx context.Context, exports []metadata.AuditExport, from, to time.Time) error {
	parts := map[string]int{}
	for i := range exports {
		e := &exports[i]
		at := func(what string, args ...any) error {
			return &Break{Sequence: e.Sequence, Day: e.Day.Format(time.DateOnly), Part: e.Part, What: fmt.Sprintf(what, args...)}
		}
		if e.Sequence != int64(i)+1 {
			return at("an export before it was removed: it is number %d in the table", i+1)
		}
		var m Manifest
		if err := v.Store.JSON(ctx, e.Manifest, &m); err != nil {
			if gone(err) {
				return at("its manifest: %v", err)
			}
			return err
		}
		day := e.Day.Format(time.DateOnly)
		if m.Previous != v.Head || e.Previous != v.Head {
			return at("its manifest follows %.12s, not %.12s, which is before it", m.Previous, v.Head)
		}
		said := Manifest{Format: formatName, Sequence: e.Sequence, Day: day, Part: parts[day], Rows: e.Rows, First: m.First, Last: m.Last, Start: m.Start, Head: e.Head, Parquet: e.Parquet, Previous: e.Previous, Counts: e.Counts}
		if !reflect.DeepEqual(m, said) {
			return at("its row in the table is not what its manifest says")
		}
		parts[day]++
		v.Head = e.Manifest.Digest
		v.Manifests++
		if !from.IsZero() && e.Day.Before(dayOf(from)) || !to.IsZero() && e.Day.After(dayOf(to)) {
			continue
		}
		if err := v.file(ctx, e, &m, at); err != nil {
			return err
		}
	}
	return nil
}

// gone tells bytes that were removed or changed from a store that does not answer.
func gone(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.ArtifactMissing || kind == fault.ArtifactCorrupt
}

// file checks the rows of one exported file.
func (v *verification) file(ctx context.Context, e *metadata.AuditExport, m *Manifest, at func(string, ...any) error) error {
	files, release, err := v.files(ctx, []metadata.AuditExport{*e})
	if err != nil {
		if gone(err) {
			return at("its file: %v", err)
		}
		return err
	}
	defer release()
	dir, err := os.MkdirTemp(v.Dir, "audit-verify-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	engine, err := v.Open(dir)
	if err != nil {
		return err
	}
	defer engine.Close()
	c := newChain(e.Day, e.Part, e.Previous)
	if c.hex() != m.Start {
		return at("its chain does not start where its day, part and predecessor say")
	}
	n, last := int64(0), ""
	counts := map[metadata.AuditCount]int64{}
	r := make(row, len(columns))
	var buf []byte
	day := e.Day.Format(time.DateOnly)
	var found error // as it is: the engine makes texts of errors
	err = engine.Stream(ctx, "SELECT "+fromParquet+" FROM "+readParquet(files), func(values []any) error {
		for i := range r {
			if r[i] = nil; values[i] != nil {
				r[i] = []byte(values[i].(string))
			}
		}
		id := string(r[atID])
		n++
		broken := func(what string) error {
			found = &Break{Sequence: e.Sequence, Day: day, Part: e.Part, Row: n, Prediction: id, What: what}
			return found
		}
		if id <= last {
			return broken("its id does not follow the one before")
		}
		last = id
		if c.add(r); values[len(r)] != any(c.hex()) {
			return broken("its hash is not that of its values and the row before")
		}
		counts[r.count()]++
		buf = r.canonical(buf[:0])
		v.digests[day] = append(v.digests[day], digest{id, sha256.Sum256(buf), n, e})
		return nil
	})
	if err = cmp.Or(found, err); err != nil {
		return err
	}
	for _, k := range m.Counts {
		rows := k.Rows
		if k.Rows = 0; counts[k] != rows {
			return at("it has %d rows of endpoint %q, model version %s@%d, where its manifest says %d", counts[k], k.Endpoint, k.ModelName, k.ModelVersion, rows)
		}
	}
	if n != m.Rows || c.hex() != m.Head {
		return at("it has %d rows that end in %.12s, its manifest says %d that end in %.12s", n, c.hex(), m.Rows, m.Head)
	}
	v.Files++
	v.Rows += n
	return nil
}

// tables holds the rows that are still in the table against the exported ones.
func (v *verification) tables(ctx context.Context, exports []metadata.AuditExport, dropped map[time.Time]bool) error {
	days, err := v.DB.PartitionDays(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, day := range days {
		there[day.Format(time.DateOnly)] = true
	}
	for i := range exports {
		e := &exports[i]
		day := e.Day.Format(time.DateOnly)
		if _, read := v.digests[day]; e.Part > 0 || !read && e.Rows > 0 {
			continue
		}
		if !there[day] && !dropped[e.Day] {
			return &Break{Sequence: e.Sequence, Day: day, Part: e.Part, What: "its rows were removed from the table, and not by retention"}
		}
		if !there[day] {
			continue
		}
		err := pgx.BeginTxFunc(ctx, v.DB.Pool(), pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return v.compare(ctx, tx, e.Day, dropped[e.Day])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compare walks over the exported rows and those of the table, both by id.
func (v *verification) compare(ctx context.Context, tx pgx.Tx, day time.Time, dropped bool) error {
	list := v.digests[day.Format(time.DateOnly)]
	slices.SortFunc(list, func(a, b digest) int { return strings.Compare(a.id, b.id) })
	broken := func(d digest, what string) error {
		return &Break{Sequence: d.of.Sequence, Day: day.Format(time.DateOnly), Part: d.of.Part, Row: d.row, Prediction: d.id, What: what}
	}
	// skip passes over exported rows that the table does not have.
	skip := func(before []byte) error {
		for len(list) > 0 && (before == nil || list[0].id < string(before)) {
			if !dropped {
				return broken(list[0], "the row was removed from the table")
			}
			list = list[1:]
		}
		return nil
	}
	var buf []byte
	err := eachRow(ctx, tx, day, func(r row) error {
		if err := skip(r[atID]); err != nil {
			return err
		}
		if len(list) == 0 || !bytes.Equal([]byte(list[0].id), r[atID]) {
			v.Late++
			return nil
		}
		if buf = r.canonical(buf[:0]); sha256.Sum256(buf) != list[0].sum {
			return broken(list[0], "the row was altered in the table")
		}
		v.Compared++
		list = list[1:]
		return nil
	})
	if err != nil {
		return err
	}
	return skip(nil)
}

// broken makes a break a fault.
func broken(err error) error {
	if b := new(Break); errors.As(err, &b) {
		return fault.Wrap(err, fault.AuditBroken, "the audit log is not what was exported").
			WithRemedy("find out who changed it; nothing is dropped until the exported files and the table agree").WithDetails(b)
	}
	return err
}

// Broken is the report's break as a fault, or nil.
func (r Report) Broken() error {
	if r.Break == nil {
		return nil
	}
	return broken(r.Break)
}

var _ Store = (*artifact.Store)(nil)
