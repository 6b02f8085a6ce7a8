package table

import (
	"slices"
	"sync"
)

// Meeting returns the places of the words that occur more than once, in order; 0
// is no word. It needs as much memory again as the words.
func Meeting(words []uint64) []int64 {
	twice := repeated(words)
	if len(twice) == 0 {
		return nil
	}
	found := make(map[uint64]struct{}, len(twice))
	filter := make([]uint64, 1<<14) // a million bits, to spare most words the map
	for _, w := range twice {
		found[w] = struct{}{}
		filter[w>>50] |= 1 << (w >> 44 & 63)
	}
	var places []int64
	for i, w := range words {
		if w != 0 && filter[w>>50]>>(w>>44&63)&1 == 1 {
			if _, ok := found[w]; ok {
				places = append(places, int64(i))
			}
		}
	}
	return places
}

// repeated returns the words but 0 that occur more than once, each once. Two
// processors take the lower and the upper half of them.
func repeated(words []uint64) []uint64 {
	var low, high []uint64
	var both sync.WaitGroup
	both.Go(func() { low = repeatedIn(words, 0) })
	both.Go(func() { high = repeatedIn(words, 1) })
	both.Wait()
	return append(low, high...)
}

// repeatedIn is repeated of the words whose highest bit is top. They are dealt by
// the bits below to buckets that fit a processor's cache.
func repeatedIn(words []uint64, top uint64) []uint64 {
	const width, shift = 9, 54
	var ends [1<<width + 1]int
	for _, w := range words {
		if w>>63 == top {
			ends[w<<1>>(shift+1)+1]++
		}
	}
	for i := range ends[1:] {
		ends[i+1] += ends[i]
	}
	dealt, next := make([]uint64, ends[1<<width]), ends
	for _, w := range words {
		if w>>63 == top {
			b := w << 1 >> (shift + 1)
			dealt[next[b]] = w
			next[b]++
		}
	}
	var out, seen []uint64 // seen is open addressing; 0 is empty
	for b := range 1 << width {
		out, seen = repeatedOf(dealt[ends[b]:ends[b+1]], out, seen)
	}
	return out
}

// repeatedOf appends the words of one bucket that repeat to out; seen is room.
func repeatedOf(bucket, out, seen []uint64) (_, _ []uint64) {
	size := 16
	for size < 2*len(bucket) {
		size *= 2
	}
	if len(seen) < size {
		seen = make([]uint64, size)
	}
	set, from := seen[:size], len(out)
	clear(set)
	for _, w := range bucket {
		if w == 0 {
			continue
		}
		at := int(w) & (size - 1)
		for set[at] != 0 && set[at] != w {
			at = (at + 1) & (size - 1)
		}
		if set[at] == w {
			out = append(out, w)
		}
		set[at] = w
	}
	slices.Sort(out[from:])
	return out[:from+len(slices.Compact(out[from:]))], seen
}
