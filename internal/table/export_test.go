package table

// SpillEarly has words and meetings of more rows than these few use scratch files,
// in parts of as many, and hashes be made as few at a time, until restore is called.
func SpillEarly(rows int64) (restore func()) {
	a, b, c, d, f := maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce
	maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce = rows, rows, rows, rows, rows
	return func() { maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce = a, b, c, d, f }
}
