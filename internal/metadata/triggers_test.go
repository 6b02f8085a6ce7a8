package metadata_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
)

func retraining(id string, moment *time.Time) metadata.StartRun {
	p := startRun(id, moment)
	p.Trigger, p.Alone = "schedule", []string{"schedule", "alert"}
	return p
}

func TestOneRetrainingGoesAtATime(t *testing.T) {
	b := setup(t) // a run that a person started is under way
	var wg sync.WaitGroup
	claims := make([]bool, 8)
	for i := range claims {
		wg.Go(func() {
			_, claimed, err := b.StartRun(b.ctx, retraining(string(rune('a'+i)), nil))
			if err != nil {
				t.Error(err)
			}
			claims[i] = claimed
		})
	}
	wg.Wait()
	winner := ""
	for i, c := range claims {
		if c {
			require.Empty(t, winner, "two at once")
			winner = string(rune('a' + i))
		}
	}
	require.NotEmpty(t, winner)
	held, claimed, err := b.StartRun(b.ctx, retraining("z", nil))
	require.NoError(t, err)
	require.False(t, claimed)
	require.Equal(t, winner, held.ID)
	_, claimed, err = b.StartRun(b.ctx, retraining(winner, nil))
	require.NoError(t, err)
	require.True(t, claimed, "the same one again")
	_, claimed, err = b.StartRun(b.ctx, startRun("person", nil))
	require.NoError(t, err)
	require.True(t, claimed, "a person is not held up")
	finish(t, b, winner, metadata.RunFailed)
	_, claimed, err = b.StartRun(b.ctx, retraining("z", nil))
	require.NoError(t, err)
	require.True(t, claimed)
}

func TestATriggerHasOneRow(t *testing.T) {
	b := setup(t)
	for i, outcome := range []string{"remembered", "started"} {
		require.NoError(t, b.RecordTrigger(b.ctx, metadata.Trigger{Pipeline: "flights", Key: "k", Kind: "alert", Reason: "drift", Outcome: outcome, Run: "r", At: time.Unix(int64(i), 0)}))
	}
	require.NoError(t, b.RecordTrigger(b.ctx, metadata.Trigger{Pipeline: "flights", Key: "later", Kind: "http", Outcome: "dropped", At: time.Unix(5, 0)}))
	list, err := b.Triggers(b.ctx, "flights", 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "later", list[0].Key)
	require.Equal(t, "started", list[1].Outcome)
	require.Equal(t, time.Unix(0, 0).UTC(), list[1].At)
}

func TestLabelsSinceAMoment(t *testing.T) {
	b := endpoint(t)
	first := time.Now().Add(-3 * time.Hour).Truncate(time.Millisecond).UTC()
	ids := append(b.answered("flights", "old", first, 1), b.answered("flights", "new", first.Add(time.Hour), 1)...)
	since := time.Now().Add(-time.Minute)
	_, ok, err := b.FirstLabelled(t.Context(), "flights", since, time.Now())
	require.NoError(t, err)
	require.False(t, ok)
	b.add(metadata.Label{PredictionID: &ids[1], Value: []byte("1"), ObservedAt: time.Now()})
	b.add(metadata.Label{PredictionID: &ids[1], Value: []byte("2"), ObservedAt: time.Now()})
	n, err := b.NewLabels(t.Context(), "flights", since, time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "corrected, not another")
	at, ok, err := b.FirstLabelled(t.Context(), "flights", since, time.Now())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, first.Add(time.Hour), at)
	b.add(metadata.Label{RequestID: "old", Value: []byte("1"), ObservedAt: time.Now()})
	at, _, err = b.FirstLabelled(t.Context(), "flights", since, time.Now())
	require.NoError(t, err)
	require.Equal(t, first, at)
	n, err = b.NewLabels(t.Context(), "flights", time.Now(), time.Now())
	require.NoError(t, err)
	require.Zero(t, n)
	for _, off := range []time.Duration{time.Hour, -time.Hour} { // a clock that is not the database's
		n, err = b.NewLabels(t.Context(), "flights", since.Add(off), time.Now().Add(off))
		require.NoError(t, err)
		require.EqualValues(t, 2, n, off)
		n, err = b.NewLabels(t.Context(), "flights", time.Now().Add(off), time.Now().Add(off))
		require.NoError(t, err)
		require.Zero(t, n, off)
	}
}
