package profile

import "testing"

// Bound lowers, for one test, how many distinct values of a column are counted here
// and how many are held.
func Bound(t *testing.T, tallied, kept int) {
	t.Helper()
	beforeTallied, beforeKept := maxTallied, maxKept
	maxTallied, maxKept = tallied, kept
	t.Cleanup(func() { maxTallied, maxKept = beforeTallied, beforeKept })
}
