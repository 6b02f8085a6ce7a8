package metadata_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// asked is a database with an endpoint that has answered.
type asked struct {
	*metadata.DB
	t *testing.T
}

func endpoint(t *testing.T) asked {
	t.Helper()
	b := asked{testenv.Database(t), t}
	_, err := b.RegisterModel(t.Context(), metadata.RegisterModel{Name: "flights", Bundle: ref("b"), Run: "r"})
	require.NoError(t, err)
	for _, name := range []string{"flights", "other"} {
		_, err = b.SetRevision(t.Context(), metadata.SetRevision{Endpoint: name, ModelName: "flights", ModelVersion: 1, Actor: "test"})
		require.NoError(t, err)
	}
	return b
}

// answered leaves one request of that key and moment behind, a prediction a row.
func (b asked) answered(name, request string, at time.Time, rows int) []uuid.UUID {
	b.t.Helper()
	ids := make([]uuid.UUID, rows)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
		_, err := b.Pool().Exec(b.t.Context(), `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, request_id, features, outputs, status, latency_us)
			values ($1, $2, $3, 1, 'flights', 1, $4, $5, '{"x":1}', '{"prediction":2.5}', 200, 90)`, metadata.Day(ids[i]), ids[i], name, at, request)
		require.NoError(b.t, err)
	}
	return ids
}

func (b asked) add(list ...metadata.Label) []metadata.LabelOutcome {
	b.t.Helper()
	out, err := b.AddLabels(b.t.Context(), metadata.AddLabels{Endpoint: "flights", Source: "test", Labels: list})
	require.NoError(b.t, err)
	return out
}

// states are what became of the labels, as words.
func states(list []metadata.LabelOutcome) (words []string) {
	for _, o := range list {
		word := string(o.State)
		if o.Unknown {
			word += " unknown"
		}
		if o.Ambiguous {
			word += " ambiguous"
		}
		words = append(words, word)
	}
	return words
}

// joined are the labels as a source of predictions sees them, "-" where there is none.
func (b asked) joined(f metadata.AnswerFilter) (out []string) {
	b.t.Helper()
	f.Endpoint = "flights"
	require.NoError(b.t, b.EachAnswer(b.t.Context(), f, func(a metadata.Answer) error {
		value := "-"
		if a.Label != nil {
			value = string(a.Label)
			require.NotNil(b.t, a.LabelAt)
		}
		out = append(out, value)
		return nil
	}))
	return out
}

func of(id uuid.UUID, value string, at time.Time) metadata.Label {
	return metadata.Label{PredictionID: &id, Value: json.RawMessage(value), ObservedAt: at}
}

func ofRequest(id, value string, at time.Time) metadata.Label {
	return metadata.Label{RequestID: id, Value: json.RawMessage(value), ObservedAt: at}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

func TestTruthArrivesLateTwiceAndCorrected(t *testing.T) {
	b := endpoint(t)
	id := b.answered("flights", "k1", time.Now(), 1)[0]
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	for i, step := range []struct {
		label   metadata.Label
		state   string
		inForce string
	}{
		{of(id, "10", hour(2)), "accepted", "10"},
		{of(id, "10", hour(2)), "repeated", "10"},
		{of(id, "12", hour(3)), "corrected", "12"},
		{of(id, "11", hour(1)), "superseded", "12"}, // out of order
		{of(id, "13", hour(3)), "conflicting", "13"},
		{of(id, "13", hour(4)), "accepted", "13"}, // the same truth, confirmed
		{of(id, "14", time.Time{}), "corrected", "14"},
		{of(id, "14", time.Time{}), "repeated", "14"}, // a call tried again
		{of(id, `"late"`, time.Time{}), "corrected", `"late"`},
	} {
		require.Equal(t, []string{step.state}, states(b.add(step.label)), "step %d", i)
		require.Equal(t, []string{step.inForce}, b.joined(metadata.AnswerFilter{}), "step %d", i)
	}
	trace, err := b.Trace(t.Context(), id.String())
	require.NoError(t, err)
	require.Len(t, trace.Labels, 7, "what was corrected stays")
	require.True(t, trace.Labels[0].InForce)
	require.JSONEq(t, `"late"`, string(trace.Labels[0].Value))
	require.Equal(t, "test", trace.Labels[0].Source)
	require.False(t, trace.Labels[1].InForce)
	_, err = b.Pool().Exec(t.Context(), `update labels set value = '1'`)
	require.ErrorContains(t, err, "history")
	_, err = b.Pool().Exec(t.Context(), `delete from labels`)
	require.ErrorContains(t, err, "history")
}

func TestOneBatchIsAsManyCalls(t *testing.T) {
	b := endpoint(t)
	id := b.answered("flights", "k1", time.Now(), 1)[0]
	batch := []metadata.Label{of(id, "1", noon), of(id, "1", noon), of(id, "2", noon.Add(time.Hour)), of(id, "3", noon), ofRequest("nobody", "4", noon)}
	require.Equal(t, []string{"accepted", "repeated", "corrected", "conflicting", "accepted unknown"}, states(b.add(batch...)))
	require.Equal(t, []string{"2"}, b.joined(metadata.AnswerFilter{}))
	require.Equal(t, []string{"repeated", "repeated", "repeated", "repeated", "repeated unknown"}, states(b.add(batch...)), "the same file again changes nothing")
	require.Empty(t, b.add())
}

// A correction that is taken back is in force again, and each step stays in the history.
func TestALabelCorrectedBackIsInForce(t *testing.T) {
	for name, at := range map[string]time.Time{"undated": {}, "of one moment": noon} {
		t.Run(name, func(t *testing.T) {
			b := endpoint(t)
			id := b.answered("flights", "k1", time.Now(), 1)[0]
			changed := "corrected"
			if !at.IsZero() {
				changed = "conflicting"
			}
			for i, step := range []struct{ value, state string }{{"10", "accepted"}, {"12", changed}, {"12", "repeated"}, {"10", changed}, {"10", "repeated"}, {"12", changed}, {"10", changed}} {
				require.Equal(t, []string{step.state}, states(b.add(of(id, step.value, at))), "step %d", i)
				require.Equal(t, []string{step.value}, b.joined(metadata.AnswerFilter{}), "step %d", i)
			}
			trace, err := b.Trace(t.Context(), id.String())
			require.NoError(t, err)
			var values []string
			for _, l := range trace.Labels {
				values = append(values, string(l.Value))
			}
			require.Equal(t, []string{"10", "12", "10", "12", "10"}, values)
		})
	}
}

// A file that holds a value and its correction is read again and again.
func TestAFileWithACorrectionComesTwice(t *testing.T) {
	for name, one := range map[string]struct{ first, then time.Time }{"dated": {noon, noon.Add(time.Hour)}, "undated": {}, "of one moment": {noon, noon}} {
		t.Run(name, func(t *testing.T) {
			b := endpoint(t)
			id := b.answered("flights", "k1", time.Now(), 1)[0]
			back := []metadata.Label{of(id, "10", one.first), of(id, "12", one.then), of(id, "10", one.then)}
			file := back[:2]
			b.add(file...)
			for range 3 {
				require.Equal(t, []string{"repeated", "repeated"}, states(b.add(file...)))
				require.Equal(t, []string{"12"}, b.joined(metadata.AnswerFilter{}))
			}
			if name == "dated" { // what is known to be older is history
				require.Equal(t, []string{"repeated"}, states(b.add(file[0])))
				require.Equal(t, []string{"12"}, b.joined(metadata.AnswerFilter{}))
			}
			require.NotEqual(t, "repeated", states(b.add(back...))[2], "and back")
			require.Equal(t, []string{"10"}, b.joined(metadata.AnswerFilter{}))
			require.Equal(t, []string{"repeated", "repeated", "repeated"}, states(b.add(back...)))
			require.Equal(t, []string{"10"}, b.joined(metadata.AnswerFilter{}))
		})
	}
}

func TestALabelIsJoinedByTheCallersKey(t *testing.T) {
	b := endpoint(t)
	now := time.Now().Truncate(time.Microsecond)
	require.Equal(t, []string{"accepted unknown", "accepted unknown"}, states(b.add(ofRequest("early", "1", noon), ofRequest("rows", "2", noon))), "the answers are not there yet")
	b.answered("flights", "early", now, 1)
	b.answered("flights", "early", now.Add(time.Second), 1) // the same request, tried again
	rows := b.answered("flights", "rows", now, 3)
	b.answered("flights", "", now, 1)
	b.answered("other", "early", now, 1)
	require.Equal(t, []string{"1", "1", "-", "-", "-", "-"}, b.joined(metadata.AnswerFilter{}), "a key of three rows names none of them")
	require.Equal(t, []string{"conflicting ambiguous"}, states(b.add(ofRequest("rows", "3", noon))))
	require.Equal(t, []string{"accepted"}, states(b.add(of(rows[1], "4", noon))))
	require.Equal(t, []string{"1", "1", "4"}, b.joined(metadata.AnswerFilter{Labelled: true}))
	trace, err := b.Trace(t.Context(), rows[0].String())
	require.NoError(t, err)
	require.Empty(t, trace.Labels)

	// The newer of the two ways is in force.
	early := b.answered("flights", "both", now, 1)[0]
	b.add(ofRequest("both", "5", noon), of(early, "6", noon.Add(time.Hour)))
	require.Equal(t, "6", b.joined(metadata.AnswerFilter{Labelled: true})[3])
	b.add(ofRequest("both", "7", noon.Add(2*time.Hour)))
	require.Equal(t, "7", b.joined(metadata.AnswerFilter{Labelled: true})[3])
	trace, err = b.Trace(t.Context(), early.String())
	require.NoError(t, err)
	require.Len(t, trace.Labels, 3)
	require.JSONEq(t, "7", string(trace.Labels[0].Value))
}

func TestAFeedbackLoopCanBeLeftOut(t *testing.T) {
	b := endpoint(t)
	for version := range 3 {
		id := b.answered("flights", "", time.Now(), 1)[0]
		_, err := b.Pool().Exec(t.Context(), `update predictions set model_version = $2 where id = $1`, id, version+1)
		require.NoError(t, err)
		b.add(of(id, fmt.Sprint(version+1), noon))
	}
	require.Equal(t, []string{"1", "2", "3"}, b.joined(metadata.AnswerFilter{}))
	require.Equal(t, []string{"1", "3"}, b.joined(metadata.AnswerFilter{Versions: []int{3, 1}}))
	require.Equal(t, []string{"1", "3"}, b.joined(metadata.AnswerFilter{ExceptVersions: []int{2}}))
	require.Empty(t, b.joined(metadata.AnswerFilter{Versions: []int{2}, ExceptVersions: []int{2}}))
}

func TestALabelOfAnotherEndpointIsRefusedWithTheWholeBatch(t *testing.T) {
	b := endpoint(t)
	mine, others := b.answered("flights", "", time.Now(), 1)[0], b.answered("other", "", time.Now(), 1)[0]
	_, err := b.AddLabels(t.Context(), metadata.AddLabels{Endpoint: "flights", Labels: []metadata.Label{of(mine, "1", noon), of(others, "2", noon)}})
	require.Equal(t, fault.RequestInvalid, fault.KindOf(err))
	require.ErrorContains(t, err, "labels[1]")
	require.ErrorContains(t, err, "of endpoint other")
	require.Equal(t, []string{"-"}, b.joined(metadata.AnswerFilter{}))
	_, err = b.AddLabels(t.Context(), metadata.AddLabels{Endpoint: "nowhere", Labels: []metadata.Label{of(mine, "1", noon)}})
	require.Equal(t, fault.EndpointNotFound, fault.KindOf(err))
}

// TestManyLabels keeps as many labels as answers and joins them back: a cost that
// grew faster than the rows would not end.
func TestManyLabels(t *testing.T) {
	b := endpoint(t)
	const n, batch = 30_000, 10_000
	list := make([]metadata.Label, n)
	rows := make([][]any, n)
	now := time.Now()
	for i := range list {
		id := uuid.Must(uuid.NewV7())
		rows[i] = []any{metadata.Day(id), [16]byte(id), "flights", 1, "flights", 1, now, fmt.Sprint("k", i), []byte(`{"x":1}`), []byte(`{"prediction":2.5}`), 200, 90}
		list[i] = of(id, fmt.Sprint(i), noon)
		if i%2 == 1 {
			list[i] = ofRequest(fmt.Sprint("k", i), fmt.Sprint(i), noon)
		}
	}
	_, err := b.Pool().CopyFrom(t.Context(), pgx.Identifier{"predictions"}, []string{"day", "id", "endpoint", "revision", "model_name", "model_version", "at", "request_id", "features", "outputs", "status", "latency_us"}, pgx.CopyFromRows(rows))
	require.NoError(t, err)
	began := time.Now()
	for i := 0; i < n; i += batch {
		for _, o := range b.add(list[i : i+batch]...) {
			require.Equal(t, metadata.LabelOutcome{State: metadata.LabelAccepted}, o)
		}
	}
	t.Logf("%d labels kept in %s", n, time.Since(began))
	began = time.Now()
	got := b.joined(metadata.AnswerFilter{Labelled: true})
	t.Logf("joined in %s", time.Since(began))
	require.Len(t, got, n)
	for i, value := range got {
		require.Equal(t, fmt.Sprint(i), value)
	}
}
