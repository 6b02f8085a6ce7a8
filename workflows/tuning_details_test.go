package workflows

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// While a search goes on, its details tell how many fits are done of how many, how
// long the others take at that pace, and the best trials so far, also those of which
// the search itself is told later.
func TestTheDetailsOfASearchTellHowFarItIs(t *testing.T) {
	b := tuningSetup(t, byC, time.Minute)
	looks := 0
	look := func() {
		value, err := b.QueryWorkflow("__temporal_workflow_metadata")
		require.NoError(t, err)
		var metadata sdkpb.WorkflowMetadata
		require.NoError(t, value.Get(&metadata))
		said := regexp.MustCompile(`^(\d+) of up to (\d+) fits done, 0 from cache; at this pace up to (\S+) to go`).FindStringSubmatch(metadata.CurrentDetails)
		require.NotNil(t, said, metadata.CurrentDetails)
		done, err := strconv.Atoi(said[1])
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(33*4), said[2])
		require.Positive(t, done)
		require.Less(t, done, 33*4)
		looks++
		left, err := time.ParseDuration(said[3])
		require.NoError(t, err)
		pace := left.Minutes() / float64(33*4-done) * float64(done)
		require.Greater(t, pace, 0.9, "the fits that are done took a minute")
		require.Less(t, pace, 1.5, "and ended before this look")
		lines := strings.Split(metadata.CurrentDetails, "\n")
		at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "| trial | mean log_loss |") })
		require.Positive(t, at, metadata.CurrentDetails)
		means := []float64{}
		for _, row := range lines[at+2:] {
			cells := strings.Split(row, " | ")
			if len(cells) < 3 {
				break
			}
			mean, err := strconv.ParseFloat(cells[1], 64)
			require.NoError(t, err)
			means = append(means, mean)
		}
		require.NotEmpty(t, means)
		require.True(t, slices.IsSorted(means), "the best first: %v", means)
	}
	b.RegisterDelayedCallback(look, 90*time.Second)
	b.tune(t, settings(t, hundred))
	require.Equal(t, 1, looks)
}
