package profile

import "testing"

// Bound lowers, for one test, how many distinct values of a column are counted here
// and how many are held, and how many rows whose hashes meet are compared here.
func Bound(t *testing.T, tallied, kept, compared int) {
	t.Helper()
	before := [...]int{maxTallied, maxKept, maxCompared}
	maxTallied, maxKept, maxCompared = tallied, kept, compared
	t.Cleanup(func() { maxTallied, maxKept, maxCompared = before[0], before[1], before[2] })
}
