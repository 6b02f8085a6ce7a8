package profile

// tallied is a word and how often it was seen, or another number that goes with it.
type tallied struct {
	word  uint64
	count int64
}

// inOrder sorts by the word, digit by digit from the lowest (Knuth, 5.2.5), which
// keeps the order of equal ones; digits that are all alike cost nothing. The result
// is in list or in spare, which must be as long.
func inOrder(list, spare []tallied) []tallied {
	var places [8][256]int
	for _, t := range list {
		w := t.word
		for d := range places {
			places[d][byte(w>>(8*d))]++
		}
	}
	spare = spare[:len(list)]
	for d := range places {
		from, at, shift := &places[d], 0, 8*d
		if len(list) == 0 || from[byte(list[0].word>>shift)] == len(list) {
			continue
		}
		for digit, n := range from {
			from[digit], at = at, at+n
		}
		for _, t := range list {
			digit := byte(t.word >> shift)
			spare[from[digit]] = t
			from[digit]++
		}
		list, spare = spare, list
	}
	return list
}
