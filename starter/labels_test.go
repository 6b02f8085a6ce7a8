package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/table"
)

// predicted leaves answers of a deployed model behind, with the keys 001, 002, …
func predicted(t *testing.T, endpoint string, bundle []byte, n int) (db *metadata.DB, ids []uuid.UUID) {
	t.Helper()
	db = isolated(t).DB
	store, err := artifact.Open(t.Context(), configuration(t).ArtifactOptions())
	require.NoError(t, err)
	b, err := store.PutBytes(t.Context(), bundle, artifact.MediaTypeBundle)
	require.NoError(t, err)
	m, err := db.RegisterModel(t.Context(), metadata.RegisterModel{Name: endpoint, Bundle: b, Run: "r"})
	require.NoError(t, err)
	_, err = db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: endpoint, ModelName: endpoint, ModelVersion: m.Version, Actor: "test"})
	require.NoError(t, err)
	require.NoError(t, db.EnsurePartitions(t.Context(), 1))
	for i := range n {
		id := uuid.Must(uuid.NewV7())
		_, err = db.Pool().Exec(t.Context(), `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, request_id, features, outputs, status, latency_us)
			values ($1, $2, $3, 1, $3, 1, now(), $4, '{}', '{}', 200, 1)`, metadata.Day(id), id, endpoint, fmt.Sprintf("%03d", i+1))
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return db, ids
}

func TestLabelsComeFromFilesOfEveryFormat(t *testing.T) {
	_, ids := predicted(t, "flights", servingtest.Regression(t, 1), 4)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	add := func(path string) label.Counts {
		t.Helper()
		return decoded[label.Counts](t, exitDone, "labels", "add", "flights", path)
	}
	require.Equal(t, label.Counts{Rows: 3, Accepted: 3, Unknown: 1},
		add(file("keys.csv", "request_id,label,observed_at,note\n001,5,2026-11-01 12:00:00,\n002,7.5,2026-11-01 12:00:00,late\n999,1,2026-11-01 12:00:00,\n")), "001 is a key, not a number")
	require.Equal(t, label.Counts{Rows: 2, Repeated: 1, Corrected: 1},
		add(file("a.ndjson", `{"request_id":"001","label":5,"observed_at":"2026-11-01T12:00:00Z"}`+"\n"+`{"request_id":"002","label":8,"observed_at":"2026-11-02T12:00:00Z"}`+"\n")), "the same moment in another format")
	require.Equal(t, label.Counts{Rows: 1, Accepted: 1}, add(file("a.json", `[{"prediction_id":"`+ids[2].String()+`","label":-1}]`)))
	e, err := table.Open(table.Options{TempDir: dir})
	require.NoError(t, err)
	defer e.Close()
	_, err = e.Write(t.Context(), "SELECT UUID '"+ids[3].String()+"' AS prediction_id, 4.5 AS label, TIMESTAMPTZ '2026-11-01 12:00:00+00' AS observed_at", filepath.Join(dir, "a.parquet"))
	require.NoError(t, err)
	require.Equal(t, label.Counts{Rows: 1, Accepted: 1}, add(filepath.Join(dir, "a.parquet")))
	require.Equal(t, label.Counts{}, add(file("none.csv", "request_id,label\n")))

	out, errs, code := esteira(t, "labels", "add", "flights", file("keys.csv", "request_id,label,observed_at\n001,5,2026-11-01 12:00:00\n001,6,2026-10-01\n"))
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, "repeated     1")
	require.Contains(t, out, "superseded   1")
	require.NotContains(t, out, "unseen")
	out, errs, code = esteira(t, "trace", ids[1].String())
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, "label 8, observed 2026-11-02 12:00:00Z")
	require.Contains(t, out, "from a.ndjson, in force")
	require.Contains(t, out, "label 7.5, observed 2026-11-01 12:00:00Z")
}

func TestLabelsOfClassesKeepTheirText(t *testing.T) {
	db, _ := predicted(t, "species", servingtest.Multiclass(t), 3)
	path := filepath.Join(t.TempDir(), "a.csv")
	require.NoError(t, os.WriteFile(path, []byte("request_id,label\n001,a\n002,007\n"), 0o600))
	require.Equal(t, label.Counts{Rows: 2, Accepted: 2, UnseenClass: 1}, decoded[label.Counts](t, exitDone, "labels", "add", "species", path))
	require.NoError(t, os.WriteFile(path, []byte("request_id,label\n003,008\n"), 0o600))
	out, errs, code := esteira(t, "labels", "add", "species", path)
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, "unseen class  1")
	var found []string
	require.NoError(t, db.EachAnswer(t.Context(), metadata.AnswerFilter{Endpoint: "species"}, func(a metadata.Answer) error {
		found = append(found, string(a.Label))
		return nil
	}))
	require.Equal(t, []string{`"a"`, `"007"`, `"008"`}, found)
}

func TestAFileWithARowThatIsNoLabelIsNotKept(t *testing.T) {
	db, ids := predicted(t, "flights", servingtest.Regression(t, 1), 1)
	good, batch := ids[0].String()+",1\n", 10_000 // that one transaction keeps
	for text, want := range map[string]string{
		"prediction_id,label\n" + strings.Repeat(good, batch) + ids[0].String() + ",\n": fmt.Sprintf("labels[%d]: label has no label", batch),
		"prediction_id,label\n" + good + ids[0].String() + ",late\n":                    `labels[0]: label is "1"`, // one text makes the column text
		"prediction_id,label\n" + good + "7,1\n":                                        "labels[1]: prediction_id",
		"prediction_id,truth\n" + good:                                                  `no column "label"`,
		"id,label\n" + good:                                                             `no column "prediction_id"`,
		"prediction_id,label,observed_at\n" + ids[0].String() + ",1,soon\n":             "labels[0]: observed_at",
		"prediction_id,label\n1\n":                                                      "line 2",
	} {
		path := filepath.Join(t.TempDir(), "a.csv")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, errs, code := esteira(t, "labels", "add", "flights", path)
		require.Equal(t, exitFailed, code, errs)
		require.Contains(t, errs, want)
	}
	_, errs, code := esteira(t, "labels", "add", "nowhere", "x.csv")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "nowhere")
	_, errs, code = esteira(t, "labels", "add", "flights", "nowhere.csv")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "nowhere.csv")
	require.Zero(t, labelsKept(t, db))
}

func labelsKept(t *testing.T, db *metadata.DB) (n int) {
	t.Helper()
	require.NoError(t, db.Pool().QueryRow(t.Context(), `select count(*) from labels`).Scan(&n))
	return n
}

// configuration is what the commands see.
func configuration(t *testing.T) config.Config {
	t.Helper()
	c, err := config.Load()
	require.NoError(t, err)
	return c
}
