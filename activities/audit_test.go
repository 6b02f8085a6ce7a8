package activities

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestARolloutSetsTheAuditPolicyOfItsEndpoint(t *testing.T) {
	s := newSite(t)
	_, err := act(t, s, s.BeginRollout, beginning(1, ""))
	require.NoError(t, err)
	p := promotion(1)
	p.Audit = &pipeline.Audit{Mode: "bounded", MaxDelay: "250ms", Columns: map[string]string{"ssn": "hash"}, Key: "env:AUDIT_KEY"}
	for range 2 { // a retry sets it once
		_, err := act(t, s, s.MoveRollout, p)
		require.NoError(t, err)
	}
	list, err := s.DB.AuditPolicyHistory(t.Context(), "e")
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, int64(1000), list[0].MaxRecords)
	require.Equal(t, 250*time.Millisecond, list[0].MaxDelay)
	require.Equal(t, "run-1", list[0].Reason)
	_, err = act(t, s, s.EndRollout, ended(1, metadata.RolloutLive))
	require.NoError(t, err)
	s.deploy(t, 2, "run-1") // a file that says nothing leaves it
	list, err = s.DB.AuditPolicies(t.Context())
	require.NoError(t, err)
	require.Equal(t, metadata.AuditBounded, list[0].Mode)
	// A worker that was cut off sets nothing.
	p.Audit.Mode, p.Audit.MaxDelay = "strict", ""
	_, err = act(t, s, s.MoveRollout, p)
	require.Error(t, err)
	list, err = s.DB.AuditPolicyHistory(t.Context(), "e")
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestTheAuditLogOfDaysThatAreOverIsExportedAndDropped(t *testing.T) {
	s := newSite(t)
	at := time.Now().UTC().AddDate(0, 0, -20)
	id := uuid.Must(uuid.NewV7())
	for k := range 6 {
		id[k] = byte(at.UnixMilli() >> (40 - 8*k))
	}
	require.NoError(t, audit.NewPostgres(s.DB).Insert(t.Context(), []audit.Record{{ID: id, At: at, Endpoint: "e", Status: 200, Outputs: json.RawMessage(`{"prediction":1}`)}}))
	export := func() AuditExportResult {
		value, err := s.env.ExecuteActivity(s.AuditExport, AuditExportParams{Retain: 10})
		require.NoError(t, err)
		var res AuditExportResult
		require.NoError(t, value.Get(&res))
		return res
	}
	first := export()
	require.Equal(t, int64(1), first.Rows)
	require.Equal(t, 1, first.Dropped)
	require.NotEmpty(t, first.Head)
	require.Equal(t, AuditExportResult{}, export(), "again, there is nothing left to do")
	_, err := s.DB.Trace(t.Context(), id.String())
	require.Error(t, err, "the day is still in Postgres")
}
