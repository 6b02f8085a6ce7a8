package metadata_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// windowAt is an hour's window computed for the n-th time.
func windowAt(begins time.Time, n int, seen time.Time) metadata.Window {
	return metadata.Window{
		Endpoint: "flights", Begins: begins, Ends: begins.Add(time.Hour), Computed: n, State: "measured", Requests: 3, Answered: 2, Labelled: 1,
		Result: ref(fmt.Sprint("result", n)), Report: ref("report"), LabelsSeen: seen,
	}
}

func TestAWindowIsSavedOncePerComputation(t *testing.T) {
	b := endpoint(t)
	begins := noon.Truncate(time.Hour)
	summary := []metadata.WindowSummary{{ModelName: "flights", ModelVersion: 1, Begins: begins, Ends: begins.Add(time.Hour), Summary: []byte(`{"n":1}`)}}
	var wg sync.WaitGroup
	saves := make([]bool, 8)
	for i := range saves { // as many workflows at once
		wg.Go(func() {
			_, saved, err := b.SaveWindow(t.Context(), windowAt(begins, 1, noon), summary)
			require.NoError(t, err)
			saves[i] = saved
		})
	}
	wg.Wait()
	n := 0
	for _, saved := range saves {
		if saved {
			n++
		}
	}
	require.Equal(t, 1, n)
	kept, saved, err := b.SaveWindow(t.Context(), windowAt(begins, 2, noon.Add(time.Minute)), append(summary, metadata.WindowSummary{ModelName: "flights", ModelVersion: 2, Begins: begins, Ends: begins.Add(time.Hour), Summary: []byte(`{}`)}))
	require.NoError(t, err)
	require.True(t, saved)
	require.Equal(t, 2, kept.Computed)
	require.Equal(t, ref("result2"), kept.Result)
	kept, saved, err = b.SaveWindow(t.Context(), windowAt(begins, 1, noon), nil)
	require.NoError(t, err)
	require.False(t, saved, "a zombie's late write")
	require.Equal(t, 2, kept.Computed)
	_, _, err = b.SaveWindow(t.Context(), windowAt(begins, 4, noon), nil)
	require.Equal(t, fault.Internal, fault.KindOf(err))

	got, err := b.WindowSummaries(t.Context(), "flights", "flights", 1, begins, begins.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, summary, got)
	list, err := b.Windows(t.Context(), "flights", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	at, err := b.Window(t.Context(), "flights", begins.Add(59*time.Minute))
	require.NoError(t, err)
	require.Equal(t, list[0], at)
	_, err = b.Window(t.Context(), "flights", begins.Add(time.Hour))
	require.Equal(t, fault.NotFound, fault.KindOf(err))
}

// of what a window reads: the requests of its time, each with its label, in the order of
// their ids.
func (b asked) requests(from, to time.Time) (out []string, seen time.Time) {
	b.t.Helper()
	told := map[string]string{}
	seen, err := b.EachRequest(b.t.Context(), "flights", from, to, func(a metadata.Answer) error {
		value := "-"
		if a.Label != nil {
			value = string(a.Label)
		}
		told[a.ID.String()] = fmt.Sprintf("%d:%s", a.Status, value)
		return nil
	})
	require.NoError(b.t, err)
	for _, id := range slices.Sorted(maps.Keys(told)) {
		out = append(out, told[id])
	}
	return out, seen
}

func TestAWindowReadsItsOwnRequestsAndTheirLabels(t *testing.T) {
	b := endpoint(t)
	from := time.Now().UTC().Truncate(time.Hour)
	at := from.Add(time.Minute)
	got, seen := b.requests(from, from.Add(time.Hour))
	require.Empty(t, got)
	require.Equal(t, time.Unix(0, 0).UTC(), seen)
	first := b.answered("flights", "k1", at, 1)[0]
	b.answered("flights", "k2", at, 1)
	b.answered("flights", "rows", at, 2)
	b.answered("flights", "k1", from.Add(time.Hour), 1) // the next window's
	b.answered("other", "k1", at, 1)
	shadow := b.answered("flights", "k2", at, 1)[0]
	failed := b.answered("flights", "k1", at.Add(time.Second), 1)[0]
	_, err := b.Pool().Exec(t.Context(), `update predictions set role = 'shadow' where id = $1`, shadow)
	require.NoError(t, err)
	_, err = b.Pool().Exec(t.Context(), `update predictions set status = 503, features = null, outputs = null where id = $1`, failed)
	require.NoError(t, err)
	b.add(ofRequest("k1", "5", noon), ofRequest("k2", "1", noon), of(first, "6", noon.Add(time.Hour)), ofRequest("rows", "7", noon), of(uuid.Must(uuid.NewV7()), "8", noon))
	got, seen = b.requests(from, from.Add(time.Hour))
	require.Equal(t, []string{"200:6", "200:1", "200:-", "200:-", "503:-"}, got)
	require.WithinDuration(t, time.Now(), seen, time.Minute)
	// The truth that was known last is in force, by whichever key it was told.
	b.add(ofRequest("k1", "9", noon.Add(2*time.Hour)), ofRequest("k2", "3", noon.Add(time.Hour)), ofRequest("rows", "4", noon.Add(time.Hour)))
	got, _ = b.requests(from, from.Add(time.Hour))
	require.Equal(t, []string{"200:9", "200:3", "200:-", "200:-", "503:-"}, got)
	since, ok, err := b.FirstRequest(t.Context(), "flights", from)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, at, since)
	_, ok, err = b.FirstRequest(t.Context(), "flights", from.Add(2*time.Hour))
	require.NoError(t, err)
	require.False(t, ok)
}

// A window reads of an answer, labelled or not, what others read of it.
func TestAWindowReadsAnswersAsTheyAre(t *testing.T) {
	b := endpoint(t)
	from := time.Now().UTC().Truncate(time.Hour)
	for i := range 3 {
		b.answered("flights", fmt.Sprint("k", i), from.Add(time.Duration(i)*time.Second), 1)
	}
	for _, label := range []string{"", "7"} {
		if label != "" {
			b.add(ofRequest("k1", label, noon))
		}
		var want, got []metadata.Answer
		require.NoError(t, b.EachAnswer(t.Context(), metadata.AnswerFilter{Endpoint: "flights"}, func(a metadata.Answer) error {
			a.LabelAt, a.Revision, a.RequestID, a.Role = nil, 0, "", ""
			want = append(want, a)
			return nil
		}))
		_, err := b.EachRequest(t.Context(), "flights", from, from.Add(time.Hour), func(a metadata.Answer) error {
			a.Features, a.Outputs, a.Label = bytes.Clone(a.Features), bytes.Clone(a.Outputs), bytes.Clone(a.Label)
			got = append(got, a)
			return nil
		})
		require.NoError(t, err)
		require.Len(t, got, 3)
		require.NotEmpty(t, got[0].Features)
		require.NotEmpty(t, got[0].ModelName)
		require.ElementsMatch(t, want, got)
	}
}

func TestWindowsWhoseLabelsCameLaterAreFound(t *testing.T) {
	b := endpoint(t)
	hour := func(n int) time.Time { return time.Now().UTC().Truncate(time.Hour).Add(time.Duration(n) * time.Hour) }
	var ids []uuid.UUID
	for n := range 3 {
		ids = append(ids, b.answered("flights", fmt.Sprint("k", n), hour(n).Add(time.Minute), 1)...)
		_, _, err := b.SaveWindow(t.Context(), windowAt(hour(n), 1, time.Unix(0, 0)), nil)
		require.NoError(t, err)
	}
	late := func(after time.Time, limit int) (out []time.Time) {
		list, err := b.RelabelledWindows(t.Context(), "flights", after, limit)
		require.NoError(t, err)
		for _, w := range list {
			out = append(out, w.Begins)
		}
		return out
	}
	require.Empty(t, late(hour(-1), 10))
	b.add(of(uuid.Must(uuid.NewV7()), "1", noon), ofRequest("nobody", "1", noon))
	require.Empty(t, late(hour(-1), 10), "of nobody's predictions")
	b.add(of(ids[2], "1", noon), ofRequest("k0", "2", noon))
	require.Equal(t, []time.Time{hour(0), hour(2)}, late(hour(-1), 10))
	require.Equal(t, []time.Time{hour(0)}, late(hour(-1), 1))
	require.Equal(t, []time.Time{hour(2)}, late(hour(1), 10), "too late for the first")
	_, seen := b.requests(hour(0), hour(1))
	_, _, err := b.SaveWindow(t.Context(), windowAt(hour(0), 2, seen), nil)
	require.NoError(t, err)
	require.Equal(t, []time.Time{hour(2)}, late(hour(-1), 10), "seen now")
}

func TestTheBoardStepsOnceAndAnAlertIsWrittenOnce(t *testing.T) {
	b := endpoint(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := b.StepBoard(t.Context(), "flights", func(before json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
				var n int
				if before != nil {
					require.NoError(t, json.Unmarshal(before, &n))
				}
				after, err := json.Marshal(n + 1)
				return after, []metadata.Alert{{ID: "flights/errors/1/opened", Window: noon, Change: "opened", Kind: "errors", Severity: "critical", Event: json.RawMessage(`{}`)}}, err
			})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	got, err := b.Board(t.Context(), "flights")
	require.NoError(t, err)
	require.JSONEq(t, "8", string(got))
	none, err := b.Board(t.Context(), "other")
	require.NoError(t, err)
	require.Nil(t, none)

	for range 2 {
		require.NoError(t, b.RecordTold(t.Context(), "flights/errors/1/opened", "0 webhook"))
	}
	list, err := b.Alerts(t.Context(), "flights", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, []string{"0 webhook"}, list[0].Told)
	own, err := b.WindowAlerts(t.Context(), "flights", noon.Truncate(time.Microsecond), 10)
	require.NoError(t, err)
	require.Equal(t, list, own)
	one, err := b.Alert(t.Context(), list[0].ID)
	require.NoError(t, err)
	require.Equal(t, list[0], one)
	_, err = b.Alert(t.Context(), "no")
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	_, err = b.StepBoard(t.Context(), "flights", func(json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
		return json.RawMessage("99"), nil, fault.New(fault.Internal, "no")
	})
	require.Error(t, err)
	got, err = b.Board(t.Context(), "flights")
	require.NoError(t, err)
	require.JSONEq(t, "8", string(got), "a step that fails changes nothing")
}
