package alert_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func hour(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }

func found(v alert.Verdict, p alert.Policy) alert.Finding {
	return alert.Finding{Key: "k", Severity: alert.Warning, Verdict: v, Policy: p}
}

// told runs one subject through windows written as letters: b breached, w within,
// u cannot tell. The answer has a letter a window: o opened, l lasting, r resolved.
func told(t *testing.T, windows string, p alert.Policy) string {
	t.Helper()
	var b alert.Board
	var out strings.Builder
	for i, ch := range windows {
		v := map[rune]alert.Verdict{'b': alert.Breached, 'w': alert.Within, 'u': alert.Unknown}[ch]
		// Between windows the board is what JSON keeps of it.
		text, err := json.Marshal(b)
		require.NoError(t, err)
		b = alert.Board{}
		require.NoError(t, json.Unmarshal(text, &b))
		events := b.Step(hour(i), []alert.Finding{found(v, p)})
		require.LessOrEqual(t, len(events), 1)
		letter := byte('.')
		if len(events) == 1 {
			letter = events[0].Change[0]
		}
		out.WriteByte(letter)
	}
	return out.String()
}

func TestAnAlertOpensAndClosesWithHysteresis(t *testing.T) {
	day := alert.Policy{After: 2, Of: 3, Cooldown: 3 * time.Hour}
	for windows, want := range map[string]string{
		"wbwwbw":      "......", // one of three is a spike
		"wbwb":        "...o",   // two of three
		"bb":          ".o",
		"bbwb":        ".o..",   // one window within does not close it
		"bbww":        ".o.r",   // two do
		"bbwwbb":      ".o.r.o", // and it may open again
		"bbbbbbbb":    ".o..l..l",
		"bbuuuw":      ".o....",      // who cannot tell says nothing
		"ubub":        "...o",        // for either side
		"bbbbwbwbwbw": ".o...l...l.", // at its bound: told by the cool-down alone
		"bbwwbbwwb":   ".o.r.o.r.",   // what opens again after the cool-down is told
	} {
		require.Equal(t, want, told(t, windows, day), windows)
	}
	// What opens again within the cool-down is told when that ends, if it is still open,
	// and is over without a word if nobody was told.
	for windows, want := range map[string]string{"bwbwbwbw": "or..or..", "bwbbbbwbw": "or..o.r..", "bwwwwb": "or...o"} {
		require.Equal(t, want, told(t, windows, alert.Policy{Cooldown: 4 * time.Hour}), windows)
	}
	require.Equal(t, "or"+strings.Repeat(".", 22)+"or", told(t, strings.Repeat("bw", 13), alert.Policy{}), "a subject that flaps rings once a day")
	require.Equal(t, "o.r", told(t, "bbw", alert.Policy{}), "at once, by default")
}

// A late label changes a verdict that was given.
func TestAWindowComputedAgainReplacesItsVerdict(t *testing.T) {
	p := alert.Policy{After: 2, Of: 3}
	var b alert.Board
	for i, v := range []alert.Verdict{alert.Within, alert.Within, alert.Breached} {
		require.Empty(t, b.Step(hour(i), []alert.Finding{found(v, p)}))
	}
	again := b.Step(hour(1), []alert.Finding{found(alert.Breached, p)})
	require.Len(t, again, 1)
	require.Equal(t, alert.Opened, again[0].Change)
	require.Equal(t, hour(1), again[0].Since)
	require.Equal(t, 2, again[0].Count)
	require.Equal(t, 3, again[0].Of)
	require.Empty(t, b.Step(hour(1), []alert.Finding{found(alert.Breached, p)}), "the same again")
	require.Empty(t, b.Step(hour(-50), []alert.Finding{found(alert.Breached, p)}), "older than all that count")
	require.Len(t, b.Subjects["k"].Recent, 3)
}

// A window that is computed again, and again, may open an alert twice: its second
// message would have the id of the first.
func TestAWindowComputedAgainTellsNothingTwice(t *testing.T) {
	var b alert.Board
	ids := map[string]int{}
	for i, v := range []alert.Verdict{alert.Breached, alert.Within, alert.Breached, alert.Within, alert.Breached} {
		for _, e := range b.Step(hour(0), []alert.Finding{found(v, alert.Policy{})}) {
			ids[string(e.Change)]++
		}
		require.Len(t, b.Open(), (i+1)%2, "the state shows it")
	}
	require.Equal(t, map[string]int{"opened": 1, "resolved": 1}, ids)
	later := b.Step(hour(24), []alert.Finding{found(alert.Breached, alert.Policy{})})
	require.Len(t, later, 1)
	require.Equal(t, alert.Opened, later[0].Change)
	require.Equal(t, hour(0), later[0].Since)

	held := alert.Board{}
	for i, v := range []alert.Verdict{alert.Breached, alert.Within, alert.Breached} {
		held.Step(hour(i), []alert.Finding{found(v, alert.Policy{})})
	}
	require.Empty(t, held.Drop(hour(3), nil), "nobody was told that it is open")
}

func TestWhatIsNoLongerWatchedIsResolved(t *testing.T) {
	var b alert.Board
	f := found(alert.Breached, alert.Policy{})
	other := f
	other.Key, other.Severity = "other", alert.Critical
	events := b.Step(hour(0), []alert.Finding{f, other})
	require.Equal(t, []string{"other", "k"}, []string{events[0].Finding.Key, events[1].Finding.Key}, "the most severe first")
	require.Len(t, b.Open(), 2)
	require.Equal(t, alert.Critical, b.Open()[0].Severity)
	gone := b.Drop(hour(1), map[string]bool{"k": true})
	require.Len(t, gone, 1)
	require.Equal(t, alert.Resolved, gone[0].Change)
	require.Equal(t, "other", gone[0].Finding.Key)
	require.Len(t, b.Open(), 1)
}

func TestSeveritiesAreOrdered(t *testing.T) {
	list := []alert.Severity{alert.Info, alert.Warning, alert.Critical}
	for i, s := range list {
		for j, least := range list {
			require.Equal(t, i >= j, s.AtLeast(least))
		}
	}
	require.True(t, slices.IsSortedFunc(list, func(a, b alert.Severity) int {
		if a.AtLeast(b) && a != b {
			return 1
		}
		return -1
	}))
}

// A value that could not be computed must not make the board unreadable.
func TestANumberThatIsNoneSurvivesJSON(t *testing.T) {
	f := found(alert.Breached, alert.Policy{})
	f.Value, f.Bound = alert.Number(math.Inf(1)), 0.25
	text, err := json.Marshal(f)
	require.NoError(t, err)
	var back alert.Finding
	require.NoError(t, json.Unmarshal(text, &back))
	require.True(t, math.IsNaN(float64(back.Value)))
	require.Equal(t, alert.Number(0.25), back.Bound)
}
