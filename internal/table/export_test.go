package table

import "context"

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

// SortOutside has tables of any size sorted outside the engine, so many bytes of keys at
// once, until restore is called.
func SortOutside(most int64) (restore func()) {
	a, b := sortedHere, maxSorted
	sortedHere, maxSorted = -1, most
	return func() { sortedHere, maxSorted = a, b }
}

// SortKeys are the keys in order, and the runs they were merged from.
func (e *Engine) SortKeys(ctx context.Context, keys []string) (sorted []string, runs int, err error) {
	s := e.newSorter()
	defer s.close()
	for _, key := range keys {
		if err := s.add(key); err != nil {
			return nil, 0, err
		}
	}
	next, err := s.sorted(ctx)
	if err != nil {
		return nil, 0, err
	}
	for {
		key, err := next()
		if err != nil || key == nil {
			return sorted, len(s.runs), err
		}
		sorted = append(sorted, string(key))
	}
}

// CountSorted is Counted outside the engine, of a SELECT of texts.
func (e *Engine) CountSorted(ctx context.Context, texts string, take func(string, int64)) error {
	return e.countSorted(ctx, texts, take)
}
