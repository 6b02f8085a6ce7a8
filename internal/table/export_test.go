package table

// SpillEarly has words and meetings of more rows than these few use scratch files,
// in parts of as many, until restore is called.
func SpillEarly(rows int64) (restore func()) {
	a, b, c, d := maxHeldWords, heldWords, maxHeldEntries, partEntries
	maxHeldWords, heldWords, maxHeldEntries, partEntries = rows, rows, rows, rows
	return func() { maxHeldWords, heldWords, maxHeldEntries, partEntries = a, b, c, d }
}
