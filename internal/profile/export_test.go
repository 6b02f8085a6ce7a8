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

// BoundKept lowers, for one test, how many codes and how many bytes of distinct values
// are kept for the second scan, and the bytes of codes in memory.
func BoundKept(t *testing.T, codes int64, held, values int) {
	t.Helper()
	a, b, c := maxKeptCodes, maxHeldCodes, maxKeptValues
	maxKeptCodes, maxHeldCodes, maxKeptValues = codes, held, values
	t.Cleanup(func() { maxKeptCodes, maxHeldCodes, maxKeptValues = a, b, c })
}

// BoundMeeting lowers, for one test, the rows whose hashes are looked for while they are
// made.
func BoundMeeting(t *testing.T, rows int64) {
	t.Helper()
	before := maxMeeting
	maxMeeting = rows
	t.Cleanup(func() { maxMeeting = before })
}
