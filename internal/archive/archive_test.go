package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/archive"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

type testBundle struct {
	*archive.Archive
	store *artifact.Store
	sink  *audit.Postgres
}

func setup(t *testing.T) testBundle {
	db, store := testenv.Database(t), testenv.Store(t)
	return testBundle{&archive.Archive{DB: db, Store: store, Dir: t.TempDir(), Open: func(dir string) (archive.Engine, error) {
		return table.Open(table.Options{TempDir: dir, MemoryLimit: 256 << 20})
	}}, store, audit.NewPostgres(db)}
}

// day is one of the past.
var day = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// add stores n predictions of a day, the i-th of them i seconds after from.
func (b testBundle) add(t *testing.T, from time.Time, n int) []audit.Record {
	t.Helper()
	out := make([]audit.Record, n)
	for i := range out {
		at := from.Add(time.Duration(i) * time.Second)
		id := uuid.Must(uuid.NewV7())
		for k := range 6 {
			id[k] = byte(at.UnixMilli() >> (40 - 8*k))
		}
		out[i] = audit.Record{
			ID: id, At: at.Add(123 * time.Microsecond), Endpoint: []string{"flights", "species"}[i%2], Revision: 3, ModelName: "m", ModelVersion: 2, RequestID: "r\n\"é",
			Features: json.RawMessage(fmt.Sprintf(`{"distance": %d.5, "origin": "JF\"K"}`, i)), Outputs: json.RawMessage(`{"prediction": 1.5}`), Status: 200,
			Role: metadata.RoleLive, RequestHash: []byte{1, 2, byte(i)},
		}
	}
	out[n-1].Features, out[n-1].Outputs, out[n-1].Status, out[n-1].Error = nil, nil, 400, "RequestInvalid: no"
	if err := b.sink.Insert(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (b testBundle) export(t *testing.T, day time.Time) metadata.AuditExport {
	t.Helper()
	e, done, err := b.Export(t.Context(), day)
	if err != nil || !done {
		t.Fatal(done, err)
	}
	return e
}

// intact verifies everything and wants no break.
func (b testBundle) intact(t *testing.T) archive.Report {
	t.Helper()
	r, err := b.Verify(t.Context(), time.Time{}, time.Time{})
	if err != nil || r.Break != nil {
		t.Fatalf("%+v, %v", r.Break, err)
	}
	return r
}

// exec changes the table as an intruder would.
func (b testBundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.DB.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestDaysFormOneChainAndVerify(t *testing.T) {
	b := setup(t)
	b.add(t, day, 5)
	b.add(t, day.AddDate(0, 0, 1), 3)
	days, err := b.Days(t.Context(), time.Now().Add(time.Hour))
	if err != nil || len(days) < 2 || !days[0].Equal(day) {
		t.Fatal(days, err)
	}
	first, second := b.export(t, day), b.export(t, day.AddDate(0, 0, 1))
	if first.Sequence != 1 || first.Rows != 5 || second.Sequence != 2 || second.Previous != first.Manifest.Digest {
		t.Fatalf("%+v\n%+v", first, second)
	}
	if r := b.intact(t); r.Manifests != 2 || r.Rows != 8 || r.Compared != 8 || r.Late != 0 || r.Head != second.Manifest.Digest {
		t.Fatalf("%+v", r)
	}
	if len(first.Counts) != 3 { // two endpoints, and the refused request
		t.Fatalf("%+v", first.Counts)
	}
	if _, done, err := b.Export(t.Context(), day); done || err != nil {
		t.Fatal("a day without new rows was exported again", err)
	}
	if _, _, err := b.Export(t.Context(), time.Now()); fault.KindOf(err) != fault.RequestInvalid {
		t.Fatalf("a day that is not over: %v", err)
	}
}

func TestLateRecordsMakeASupplement(t *testing.T) {
	b := setup(t)
	b.add(t, day, 4)
	b.export(t, day)
	b.add(t, day.Add(time.Second/2), 3) // between those that are exported
	if r := b.intact(t); r.Late != 3 {
		t.Fatalf("%+v", r)
	}
	if _, err := b.Drop(t.Context(), day); !errors.Is(err, archive.ErrLate) {
		t.Fatalf("dropped what is not exported: %v", err)
	}
	e := b.export(t, day)
	if e.Part != 1 || e.Rows != 3 {
		t.Fatalf("%+v", e)
	}
	if n, err := b.Drop(t.Context(), day); err != nil || n != 7 {
		t.Fatal(n, err)
	}
	// Later still, when the partition is gone: a new record, and one that was drained before.
	again := b.add(t, day.Add(time.Hour), 2)
	if e = b.export(t, day); e.Part != 2 || e.Rows != 2 {
		t.Fatalf("%+v", e)
	}
	if n, err := b.Drop(t.Context(), day); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if err := b.sink.Insert(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if _, done, err := b.Export(t.Context(), day); done || err != nil {
		t.Fatal("a record that came twice was exported twice", err)
	}
	b.intact(t)
}

func TestEveryChangeIsFoundAndNamed(t *testing.T) {
	// In the table.
	for name, c := range map[string]struct{ sql, what string }{
		"altered":   {`update predictions set outputs = '{"prediction": 2.5}' where id = $1`, "altered in the table"},
		"removed":   {`delete from predictions where id = $1`, "removed from the table"},
		"truncated": {`delete from predictions where id >= $1`, "removed from the table"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			in := b.add(t, day, 5)
			b.export(t, day)
			b.exec(t, c.sql, in[2].ID)
			r, err := b.Verify(t.Context(), time.Time{}, time.Time{})
			if err != nil || r.Break == nil || r.Break.Row != 3 || r.Break.Prediction != in[2].ID.String() || !strings.Contains(r.Break.What, c.what) {
				t.Fatalf("%+v, %v", r.Break, err)
			}
			if _, err := b.Drop(t.Context(), day); fault.KindOf(err) != fault.AuditBroken {
				t.Fatalf("dropped: %v", err)
			}
		})
	}
	t.Run("partition", func(t *testing.T) {
		b := setup(t)
		b.add(t, day, 5)
		b.export(t, day)
		b.exec(t, `drop table predictions_20261120`)
		if r, err := b.Verify(t.Context(), time.Time{}, time.Time{}); err != nil || r.Break == nil || !strings.Contains(r.Break.What, "not by retention") {
			t.Fatalf("%+v, %v", r, err)
		}
	})
	// In the list of exports, by one who can switch its protection off.
	for name, c := range map[string]struct{ sql, what string }{
		"middle":  {`delete from audit_exports where sequence = 2`, "was removed"},
		"head":    {`update audit_exports set head = repeat('0', 64) where sequence = 1`, "not what its manifest says"},
		"another": {`update audit_exports set manifest = (select manifest from audit_exports where sequence = 1) where sequence = 2`, "follows"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			for i := range 3 {
				b.add(t, day.AddDate(0, 0, i), 2)
				b.export(t, day.AddDate(0, 0, i))
			}
			if _, err := b.DB.Pool().Exec(t.Context(), c.sql); err == nil {
				t.Fatal("history was changed")
			}
			b.exec(t, `alter table audit_exports disable trigger user`)
			b.exec(t, c.sql)
			r, err := b.Verify(t.Context(), time.Time{}, time.Time{})
			if err != nil || r.Break == nil || !strings.Contains(r.Break.What, c.what) || r.Broken() == nil {
				t.Fatalf("%+v, %v", r.Break, err)
			}
		})
	}
}

// A file whose rows were changed, with a manifest and a row of the table to match, is
// found by the chain of its rows.
func TestAForgedFileIsFoundByItsRows(t *testing.T) {
	b := setup(t)
	in := b.add(t, day, 5)
	e := b.export(t, day)
	path, release, err := b.store.File(t.Context(), e.Parquet)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for name, sql := range map[string]string{
		"altered": "SELECT * REPLACE (replace(outputs, '1.5', '9.5') AS outputs) FROM read_parquet(" + table.Literal(path) + ")",
		"removed": "SELECT * FROM read_parquet(" + table.Literal(path) + ") WHERE id <> " + table.Literal(in[1].ID.String()),
	} {
		t.Run(name, func(t *testing.T) {
			engine, err := b.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			forged := filepath.Join(t.TempDir(), "forged.parquet")
			if _, err := engine.Write(t.Context(), sql, forged); err != nil {
				t.Fatal(err)
			}
			var m archive.Manifest
			if err := b.store.JSON(t.Context(), e.Manifest, &m); err != nil {
				t.Fatal(err)
			}
			if m.Parquet, err = b.store.PutFile(t.Context(), forged, artifact.MediaTypeParquet); err != nil {
				t.Fatal(err)
			}
			manifest, err := b.store.PutJSON(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			b.exec(t, `alter table audit_exports disable trigger user`)
			b.exec(t, `update audit_exports set parquet = $1, manifest = $2`, m.Parquet, manifest)
			r, err := b.Verify(t.Context(), time.Time{}, time.Time{})
			if err != nil || r.Break == nil || !strings.Contains(r.Break.What, "hash") || r.Break.Row == 0 {
				t.Fatalf("%+v, %v", r.Break, err)
			}
		})
	}
}

func TestAMissingFileIsABreakAndAStoreThatIsAwayIsNot(t *testing.T) {
	b := setup(t)
	b.add(t, day, 5)
	e := b.export(t, day)
	// A store without the local cache, from which the object was removed.
	options := testenv.StoreOptions(t)
	empty, err := artifact.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	var m archive.Manifest
	if err := b.store.JSON(t.Context(), e.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	if _, err := empty.PutJSON(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	b.Store = empty
	if r, err := b.Verify(t.Context(), time.Time{}, time.Time{}); err != nil || r.Break == nil || !strings.Contains(r.Break.What, "its file") {
		t.Fatalf("%+v, %v", r, err)
	}
	options.Endpoint, options.CacheDir = "http://127.0.0.1:1", t.TempDir()
	b.Store = away{}
	if r, err := b.Verify(t.Context(), time.Time{}, time.Time{}); fault.KindOf(err) != fault.StoreUnavailable || r.Break != nil {
		t.Fatalf("%+v, %v", r, err)
	}
}

// away is a store that does not answer.
type away struct{ archive.Store }

func (away) JSON(context.Context, artifact.Ref, any) error {
	return fault.New(fault.StoreUnavailable, "away")
}

func TestQueriesSeeTableAndExportedDaysAsOne(t *testing.T) {
	b := setup(t)
	b.add(t, day, 6)
	b.add(t, day.AddDate(0, 0, 1), 4)
	b.export(t, day)
	if _, err := b.Drop(t.Context(), day); err != nil {
		t.Fatal(err)
	}
	b.export(t, day.AddDate(0, 0, 1)) // in both places
	b.add(t, day.AddDate(0, 0, 1).Add(time.Hour), 2)
	b.add(t, day.AddDate(0, 0, 2), 2) // in the table alone
	for _, c := range []struct {
		q    archive.Question
		want int64
	}{
		{archive.Question{}, 14},
		{archive.Question{Endpoint: "flights"}, 7},
		{archive.Question{From: day.AddDate(0, 0, 1)}, 8},
		{archive.Question{To: day.AddDate(0, 0, 1)}, 6},
		{archive.Question{Where: "status <> 200"}, 4},
		{archive.Question{SQL: "SELECT endpoint, count(*) AS n FROM predictions GROUP BY ALL ORDER BY n DESC"}, 2},
		{archive.Question{SQL: "SELECT features->>'$.distance' FROM predictions WHERE features IS NOT NULL"}, 10},
	} {
		out := filepath.Join(t.TempDir(), "out.parquet")
		if info, err := b.Query(t.Context(), c.q, out); err != nil || info.Rows != c.want {
			t.Errorf("%+v: %d rows, %v; want %d", c.q, info.Rows, err, c.want)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, q := range []archive.Question{
		{SQL: "SELECT * FROM read_csv(" + table.Literal(secret) + ")"}, {SQL: "DROP VIEW predictions"}, {SQL: "SELECT 1; SELECT 2"},
		{Where: "true) UNION ALL SELECT * FROM predictions WHERE (true"}, {Where: "nothing = 1"},
	} {
		if _, err := b.Query(t.Context(), q, filepath.Join(t.TempDir(), "out.parquet")); err == nil {
			t.Errorf("%+v was answered", q)
		}
	}
}

func TestAPredictionIsFoundInAnExportedDay(t *testing.T) {
	b := setup(t)
	in := b.add(t, day, 3)
	b.export(t, day)
	before, err := b.DB.Trace(t.Context(), in[1].ID.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Drop(t.Context(), day); err != nil {
		t.Fatal(err)
	}
	after, err := b.Find(t.Context(), in[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(before.Prediction)
	if got, _ := json.Marshal(after); string(got) != string(want) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	if refused, err := b.Find(t.Context(), in[2].ID); err != nil || refused.Features != nil || refused.Status != 400 {
		t.Fatalf("%+v, %v", refused, err)
	}
	if _, err := b.Find(t.Context(), uuid.Must(uuid.NewV7())); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}
