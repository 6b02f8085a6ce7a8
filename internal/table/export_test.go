package table

// Purge is what goes on while a statement runs.
var Purge = purge

// SpillEarly has words and meetings of more rows than these few use scratch files,
// in parts of as many, hashes be made as few at a time, and ranks be looked for among
// no more, until restore is called.
func SpillEarly(rows int64) (restore func()) {
	a, b, c, d, f, g, h := maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce, rankedWords, sortedWords
	maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce, rankedWords, sortedWords = rows, rows, rows, rows, rows, int(rows), rows
	return func() {
		maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce, rankedWords, sortedWords = a, b, c, d, f, g, h
	}
}
