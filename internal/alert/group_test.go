package alert_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
)

// What is severe is told by itself whatever its name is; the rest is counted.
func TestManyEventsAreSortedAndTheRestIsGrouped(t *testing.T) {
	var events []alert.Event
	add := func(kind, subject string, s alert.Severity, c alert.Change) {
		events = append(events, alert.Event{Change: c, Since: hour(len(events) + 1), Window: hour(9), Finding: alert.Finding{Key: kind + "/0/" + subject, Kind: kind, Subject: subject, Severity: s}})
	}
	for i := range 60 {
		add("data_drift", fmt.Sprintf("x%02d", i), alert.Warning, alert.Opened)
	}
	add("quality", "", alert.Info, alert.Resolved)
	add("performance", "rmse", alert.Critical, alert.Opened)
	single, members, group := alert.Group(events, 50)
	require.Len(t, single, 50)
	require.Equal(t, "performance", single[0].Finding.Kind)
	require.Equal(t, "x00", single[1].Finding.Subject)
	require.Len(t, members, 12)
	require.Equal(t, alert.Grouped, group.Change)
	require.Equal(t, alert.Warning, group.Finding.Severity)
	require.Equal(t, []string{"data_drift"}, group.Kinds, "what is over asks for nothing")
	require.Contains(t, group.Finding.Message, "12 more alerts of this window: 11 warning, 1 info (11 opened, 1 resolved): data_drift x49, ")
	require.Equal(t, hour(50), group.Since, "of the first of them")
	_, _, other := alert.Group(events[:61], 50)
	require.NotEqual(t, group.Finding.Key, other.Finding.Key, "of other events it is another message")

	_, members, group = alert.Group(events, 10)
	require.Len(t, members, 52)
	require.Contains(t, group.Finding.Message, "x28 and 32 others")

	single, members, group = alert.Group(events, 62)
	require.Len(t, single, 62)
	require.Empty(t, members)
	require.Nil(t, group)
}
