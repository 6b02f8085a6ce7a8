package activities

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// idAt is an id of version 7 as it would have been made then.
func idAt(at time.Time) uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(id[:6], ms[2:])
	return id
}

// past are n answers spread over [from, to), as a server drains them.
func (w *watched) past(from, to time.Time, n int) []audit.Record {
	w.t.Helper()
	r := rand.New(rand.NewPCG(6, 7))
	out := make([]audit.Record, n)
	for i := range out {
		at := from.Add(to.Sub(from) / time.Duration(n) * time.Duration(i)).Truncate(time.Microsecond)
		x := r.NormFloat64()
		w.asked++
		out[i] = audit.Record{ID: idAt(at), At: at, Endpoint: "e", Revision: 1, ModelName: "p", ModelVersion: 1, RequestID: fmt.Sprint("past", w.asked), Status: 200, Latency: time.Millisecond,
			Features: fmt.Appendf(nil, `{"x":%g,"c":"a"}`, x), Outputs: fmt.Appendf(nil, `{"prediction":%g}`, 2*x)}
	}
	require.NoError(w.t, audit.NewPostgres(w.DB).Insert(w.t.Context(), out))
	return out
}

func (w *watched) truth(records []audit.Record) {
	w.t.Helper()
	var list []metadata.Label
	for _, r := range records {
		list = append(list, metadata.Label{PredictionID: &r.ID, Value: []byte("1.5"), ObservedAt: w.begins})
	}
	_, err := w.DB.AddLabels(w.t.Context(), metadata.AddLabels{Endpoint: "e", Source: "test", Labels: list})
	require.NoError(w.t, err)
}

// A window of a month reads what is kept of its 720 hours, not one of its requests, and
// of what came late the hours that it is of.
func TestAMonthIsMadeOfItsHours(t *testing.T) {
	w := watch(t)
	const hours = 30 * 24
	ends := time.Now().UTC().Truncate(24 * time.Hour)
	w.begins = ends.Add(-hours * time.Hour)
	records := w.past(w.begins, ends, 10*hours)
	w.truth(records[:3*hours])
	due := func(computed int) ComputeWindowParams {
		p := w.due(0, computed)
		p.Monitor.Window, p.Due.Ends = "30d", ends
		return p
	}
	compute := func(computed int) metadata.Window {
		t.Helper()
		_, err := w.ComputeWindow(t.Context(), due(computed))
		require.NoError(t, err)
		kept, err := w.DB.Window(t.Context(), "e", w.begins)
		require.NoError(t, err)
		require.Equal(t, computed, kept.Computed)
		return kept
	}
	stale := func() []time.Time {
		t.Helper()
		_, err := w.DB.TouchLabelled(t.Context(), "e")
		require.NoError(t, err)
		list, err := w.DB.StaleHours(t.Context(), "e", w.begins, ends)
		require.NoError(t, err)
		return list
	}
	overtaken := func() int {
		t.Helper()
		list, err := w.DB.OvertakenWindows(t.Context(), "e", w.begins, 10)
		require.NoError(t, err)
		return len(list)
	}
	require.Len(t, stale(), hours)
	first := compute(1)
	require.EqualValues(t, 10*hours, first.Answered)
	require.EqualValues(t, 3*hours, first.Labelled)
	require.Empty(t, stale(), "each is read once")
	require.Zero(t, overtaken())
	var rows int
	require.NoError(t, w.DB.Pool().QueryRow(t.Context(), `select count(*) from hour_parts`).Scan(&rows))
	require.Equal(t, hours, rows)
	var bytes int64
	require.NoError(t, w.DB.Pool().QueryRow(t.Context(), `select count(*), sum(octet_length(summary)) from window_summaries where endpoint = 'e'`).Scan(&rows, &bytes))
	require.Equal(t, hours, rows)
	require.Less(t, bytes/int64(rows), int64(6000), "a year of hours is a few thousand rows of some KB")

	late, told := w.begins.Add(100*time.Hour), records[len(records)-1]
	w.past(late, late.Add(time.Minute), 5)
	w.truth([]audit.Record{told})
	require.Equal(t, []time.Time{late, told.At.Truncate(time.Hour)}, stale())
	require.Equal(t, 1, overtaken())
	second := compute(2)
	require.NotEqual(t, first.Result.Digest, second.Result.Digest)
	require.EqualValues(t, 10*hours+5, second.Answered)
	require.EqualValues(t, 3*hours+1, second.Labelled)
	require.Zero(t, overtaken())

	_, err := w.DB.Pool().Exec(t.Context(), `delete from hours where hour >= $1 and hour < $2`, late.Add(-time.Hour), late.Add(24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, second.Result.Digest, compute(3).Result.Digest, "as if nothing had been kept")
	_, err = w.DB.Pool().Exec(t.Context(), `truncate predictions`)
	require.NoError(t, err)
	require.Equal(t, second.Result.Digest, compute(4).Result.Digest, "not one request is read")
}

// A server whose disk was not read for days records its answers days late: the hours
// that are kept of a long window know of it.
func TestRequestsThatAreDaysLateComputeALongWindowAgain(t *testing.T) {
	w := watch(t)
	w.monitor.Window = "24h"
	day := time.Now().UTC().Truncate(24 * time.Hour).Add(-5 * 24 * time.Hour)
	w.past(day, day.Add(24*time.Hour), 48)
	due := Due{Begins: day, Ends: day.Add(24 * time.Hour), Computed: 1}
	_, err := w.ComputeWindow(t.Context(), ComputeWindowParams{Endpoint: "e", Monitor: w.monitor, Due: due})
	require.NoError(t, err)
	late := func() []Due {
		t.Helper()
		res, err := w.PlanWindows(t.Context(), PlanWindowsParams{Endpoint: "e", Monitor: w.monitor, Now: day.Add(5 * 24 * time.Hour), Most: 5})
		require.NoError(t, err)
		return res.Late
	}
	require.Empty(t, late())
	w.past(day.Add(time.Hour), day.Add(2*time.Hour), 3)
	due.Computed, due.Why = 2, "requests came after it was computed"
	require.Equal(t, []Due{due}, late())
	_, err = w.ComputeWindow(t.Context(), ComputeWindowParams{Endpoint: "e", Monitor: w.monitor, Due: due})
	require.NoError(t, err)
	require.Empty(t, late())
}

// The hours of a window under way are read as they end, and kept no longer than a
// window needs them.
func TestHoursAreReadAsTheyEnd(t *testing.T) {
	w := watch(t)
	w.monitor.Window = "24h"
	now := time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour).Add(5*time.Hour + time.Minute)
	day := now.Truncate(24 * time.Hour)
	w.past(day, now, 60)
	p := SummarizeHoursParams{Endpoint: "e", Monitor: w.monitor, Now: now}
	for _, want := range []int{5, 0} {
		got, err := w.SummarizeHours(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, want, got.Hours)
	}
	p.Now = now.Add(2 * time.Hour)
	got, err := w.SummarizeHours(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, 2, got.Hours)
	kept, err := w.DB.Hours(t.Context(), "e", day, day.Add(24*time.Hour))
	require.NoError(t, err)
	require.Len(t, kept, 7)
	w.monitor.Late = "1h"
	_, err = w.PlanWindows(t.Context(), PlanWindowsParams{Endpoint: "e", Monitor: w.monitor, Now: now.Add(90 * 24 * time.Hour), Most: 1})
	require.NoError(t, err)
	kept, err = w.DB.Hours(t.Context(), "e", day, day.Add(24*time.Hour))
	require.NoError(t, err)
	require.Empty(t, kept)

	short := p
	short.Monitor.Window = "1h"
	got, err = w.SummarizeHours(t.Context(), short)
	require.NoError(t, err)
	require.Zero(t, got.Hours)
	short.Endpoint, short.Monitor.Window = "gone", "24h"
	got, err = w.SummarizeHours(t.Context(), short)
	require.NoError(t, err)
	require.Zero(t, got.Hours)
}

// An hour that is not over by the clock of the database is read, and not kept, whatever
// the clock of a worker says.
func TestAnHourUnderWayIsNotKept(t *testing.T) {
	w := watch(t)
	w.begins = time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	w.past(w.begins, w.begins.Add(2*time.Hour), 40)
	p := w.due(0, 1)
	p.Monitor.Window, p.Due.Ends = "2h", w.begins.Add(2*time.Hour)
	_, err := w.ComputeWindow(t.Context(), p)
	require.NoError(t, err)
	kept, err := w.DB.Window(t.Context(), "e", w.begins)
	require.NoError(t, err)
	require.EqualValues(t, 40, kept.Answered)
	hours, err := w.DB.Hours(t.Context(), "e", w.begins, w.begins.Add(2*time.Hour))
	require.NoError(t, err)
	require.Len(t, hours, 1)
	require.EqualValues(t, 20, hours[0].Requests)
}
