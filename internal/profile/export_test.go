package profile

import "testing"

// Bound lowers, for one test, how many distinct values of a column are counted here,
// and how many rows whose hashes meet are compared here.
func Bound(t *testing.T, tallied, compared int) {
	t.Helper()
	before := [...]int{maxTallied, maxCompared}
	maxTallied, maxCompared = tallied, compared
	t.Cleanup(func() { maxTallied, maxCompared = before[0], before[1] })
}

// BoundRuns lowers, for one test, how many values are sorted at once, how many runs of
// them are merged at once, and the words of each that are read at once.
func BoundRuns(t *testing.T, values, runs, buffer int) {
	t.Helper()
	before := [...]int{runValues, mergeRuns, runBuffer}
	runValues, mergeRuns, runBuffer = values, runs, buffer
	t.Cleanup(func() { runValues, mergeRuns, runBuffer = before[0], before[1], before[2] })
}
