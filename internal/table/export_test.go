package table

import "context"

// SpillEarly has words and meetings of more rows than these few use scratch files,
// in parts of as many, and hashes be made as few at a time, until restore is called.
func SpillEarly(rows int64) (restore func()) {
	a, b, c, d, f := maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce
	maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce = rows, rows, rows, rows, rows
	return func() { maxHeldWords, heldWords, maxHeldEntries, partEntries, wordsAtOnce = a, b, c, d, f }
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
