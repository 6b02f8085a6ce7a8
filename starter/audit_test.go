package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/archive"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestTheAuditLogLeavesIsProvenAndStillAnswers(t *testing.T) {
	isolated(t)
	require.NotEmpty(t, decoded[map[string]any](t, exitDone, "migrate"))
	cfg, err := config.Load()
	require.NoError(t, err)
	db := testenv.OpenDatabase(t, cfg.DatabaseURL.Reveal())
	day := time.Now().UTC().AddDate(0, 0, -40).Truncate(24 * time.Hour)
	var records []audit.Record
	for i := range 3 {
		at := day.Add(time.Duration(i) * time.Hour)
		id := uuid.Must(uuid.NewV7())
		for k := range 6 {
			id[k] = byte(at.UnixMilli() >> (40 - 8*k))
		}
		records = append(records, audit.Record{ID: id, At: at, Endpoint: "flights", Status: 200, Features: json.RawMessage(`{"distance": 7}`), Outputs: json.RawMessage(`{"prediction": 1}`)})
	}
	require.NoError(t, audit.NewPostgres(db).Insert(t.Context(), records))

	done := decoded[[]archive.Outcome](t, exitDone, "audit", "export", "--day", day.Format(time.DateOnly), "--retain", "30")
	require.Equal(t, "exported", done[0].State)
	require.Equal(t, int64(3), done[0].Rows)
	require.Equal(t, archive.Outcome{Day: day.Format(time.DateOnly), Rows: 3, Dropped: true, State: "verified and dropped"}, done[len(done)-1])

	report := decoded[map[string]any](t, exitDone, "audit", "verify")
	require.EqualValues(t, 3, report["rows"])
	head := report["head"].(string)
	require.NotEmpty(t, decoded[map[string]any](t, exitDone, "audit", "verify", "--head", head))
	_, errs, code := esteira(t, "audit", "verify", "--head", strings.Repeat("0", 64))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "does not contain")

	out, errs, code := esteira(t, "audit", "query", "--endpoint", "flights", "--where", "CAST(features->>'$.distance' AS INTEGER) = 7", "--output", "csv")
	require.Equal(t, exitDone, code, errs)
	require.Equal(t, 4, strings.Count(out, "\n"), out)
	out, errs, code = esteira(t, "audit", "query", "--sql", "SELECT endpoint, count(*) AS n FROM predictions GROUP BY ALL", "--output", "json")
	require.Equal(t, exitDone, code, errs)
	require.JSONEq(t, `{"endpoint":"flights","n":3}`, out)
	out, errs, code = esteira(t, "audit", "query", "--from", day.Format(time.DateOnly))
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, records[1].ID.String())
	file := filepath.Join(t.TempDir(), "out.parquet")
	_, errs, code = esteira(t, "audit", "query", "--output", "parquet", "--file", file)
	require.Equal(t, exitDone, code, errs)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "PAR1", string(b[:4]))
	_, errs, code = esteira(t, "audit", "query", "--output", "parquet")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "--file")

	out, errs, code = esteira(t, "trace", records[2].ID.String())
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, `"distance":7`)
	_, _, code = esteira(t, "trace", "--source", "0123456789abcdef")
	require.Equal(t, exitFailed, code)
	_, errs, code = esteira(t, "models", "list", "--output", "csv")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "--output")
}
