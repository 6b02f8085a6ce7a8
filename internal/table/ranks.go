package table

import (
	"context"
	"math"
	"slices"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds of what a search for ranks holds in memory: the words that are put away or
// looked at together, and those between two known ones that are sorted.
var (
	rankedWords = 1 << 15
	sortedWords = int64(1 << 16)
)

// Ranked runs a trusted SELECT of one column, DOUBLE for float64, BIGINT or TIMESTAMP
// (microseconds) for int64, and returns its values at some places of their ascending
// order, each from 0 to n − 1: ranks is told n, how many there are, and names the places.
// NULL and NaN are no values, −0 is 0.
//
// It is what the engine's quantiles are, but for memory: the engine holds all values,
// outside of its limit; here they are in a scratch file, and are counted by their
// highest bits, then those that begin like a wanted one by the next, until few are left.
//
// Faults: ResourceExhausted (the scratch directory), Internal.
func Ranked[T int64 | float64](ctx context.Context, e *Engine, sql string, ranks func(n int64) []int64) ([]T, error) {
	r := &ranking{engine: e, waiting: make([]uint64, 0, rankedWords)}
	defer r.close()
	if err := e.words(ctx, sql, r.add); err != nil {
		return nil, err
	}
	places := ranks(r.n)
	words, err := r.at(ctx, places)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(words))
	for i, w := range words {
		switch to := any(&out[i]).(type) {
		case *float64:
			*to = OrderedNumber(w)
		case *int64:
			*to = int64(w ^ 1<<63)
		}
	}
	return out, nil
}

// words gives take the values of a column as words that grow with them.
func (e *Engine) words(ctx context.Context, sql string, take func(words []uint64) error) error {
	words := make([]uint64, 0, BatchRows)
	e.mu.Lock()
	defer e.mu.Unlock()
	return failure(e.interruptible(ctx, func() error {
		return e.each(sql, func(c *chunk) error {
			v := &c.vectors[0]
			words = words[:0]
			switch v.kind {
			case mapping.TypeDouble:
				for i, x := range values[float64](v, c.rows) {
					if v.valid(i) && x == x {
						words = append(words, OrderedWord(x))
					}
				}
			case mapping.TypeBigInt, mapping.TypeTimestamp:
				for i, x := range values[uint64](v, c.rows) {
					if v.valid(i) {
						words = append(words, x^1<<63)
					}
				}
			default:
				return fault.New(fault.Internal, "ranks of the engine's type %v", v.kind)
			}
			return take(words)
		})
	}), fault.Internal, "the engine fails")
}

// OrderedWord is a word of a number that grows with it, the same for −0 and 0.
func OrderedWord(x float64) uint64 {
	w := math.Float64bits(x + 0) // −0 is 0
	return w ^ (uint64(int64(w)>>63) | 1<<63)
}

// OrderedNumber is the number of a word that OrderedWord made.
func OrderedNumber(w uint64) float64 {
	return math.Float64frombits(w ^ (uint64(int64(^w)>>63) | 1<<63))
}

// ranking is words whose order is asked for.
type ranking struct {
	engine  *Engine
	n       int64
	file    *Scratch // nil: all of them are waiting
	waiting []uint64
}

func (r *ranking) close() {
	if r.file != nil {
		r.file.Close()
	}
}

func (r *ranking) add(words []uint64) error {
	r.n += int64(len(words))
	for len(words) > 0 {
		if len(r.waiting) == cap(r.waiting) {
			if err := r.putAway(); err != nil {
				return err
			}
		}
		n := min(len(words), cap(r.waiting)-len(r.waiting))
		r.waiting, words = append(r.waiting, words[:n]...), words[n:]
	}
	return nil
}

func (r *ranking) putAway() (err error) {
	if r.file == nil {
		if r.file, err = r.engine.NewScratch(); err != nil {
			return err
		}
	}
	err = r.file.Append(r.waiting)
	r.waiting = r.waiting[:0]
	return err
}

// each gives take all words, some thousand at a time.
func (r *ranking) each(ctx context.Context, take func(words []uint64)) error {
	if r.file != nil {
		some := make([]uint64, rankedWords)
		for at := int64(0); at < r.file.Len(); at += int64(len(some)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			some = some[:min(int64(len(some)), r.file.Len()-at)]
			if err := r.file.Read(some, at); err != nil {
				return err
			}
			take(some)
		}
	}
	take(r.waiting)
	return nil
}

// digit is how many bits are looked at at once.
const digit = 16

// branch is the words that begin with the same bits.
type branch struct {
	prefix uint64
	before int64 // words that are less
	n      int64
	wanted []int // places that are among them, by number

	words  []uint64 // they themselves, where they are few
	counts []int64  // else how many have each next digit
}

// at returns the words at the given places.
func (r *ranking) at(ctx context.Context, places []int64) ([]uint64, error) {
	out := make([]uint64, len(places))
	all := branch{n: r.n}
	for i := range places {
		all.wanted = append(all.wanted, i)
	}
	branches := []branch{all}
	for shift := 64 - digit; shift >= 0 && len(branches) > 0; shift -= digit {
		for i := range branches {
			if s := &branches[i]; s.n <= sortedWords {
				s.words = make([]uint64, 0, s.n)
			} else {
				s.counts = make([]int64, 1<<digit)
			}
		}
		err := r.each(ctx, func(words []uint64) {
			for i := range branches {
				branches[i].look(words, shift)
			}
		})
		if err != nil {
			return nil, err
		}
		var within []branch
		for i := range branches {
			s := &branches[i]
			slices.Sort(s.words)
			for _, k := range s.wanted {
				if s.counts == nil {
					out[k] = s.words[places[k]-s.before]
				}
			}
			within = append(within, s.parted(places)...)
		}
		branches = within
	}
	for _, s := range branches { // of more words than are sorted, all the same
		for _, k := range s.wanted {
			out[k] = s.prefix
		}
	}
	return out, nil
}

// look takes those of some words that are in the branch, whose digit at shift is the next.
func (s *branch) look(words []uint64, shift int) {
	for _, w := range words {
		switch {
		case w>>(shift+digit) != s.prefix: // nothing, if shifted by 64
		case s.counts != nil:
			s.counts[w>>shift&(1<<digit-1)]++
		default:
			s.words = append(s.words, w)
		}
	}
}

// parted are the branches by the next digit in which a place is wanted.
func (s *branch) parted(places []int64) (parts []branch) {
	before := s.before
	for d, n := range s.counts {
		part := branch{prefix: s.prefix<<digit | uint64(d), before: before, n: n}
		for _, k := range s.wanted {
			if at := places[k]; n > 0 && at >= before && at < before+n {
				part.wanted = append(part.wanted, k)
			}
		}
		if part.wanted != nil {
			parts = append(parts, part)
		}
		before += n
	}
	return parts
}
