package tree

import (
	"math"
	"math/rand/v2"
)

const tileRows = 1024 // whose gradients stay in the nearest cache

// tile is where a thread computes gradients and hessians.
type tile struct{ gradients, hessians [tileRows]float64 }

// quantise computes the gradients of output k, writes them in units as the
// entries of the rows drawn, and returns how many those are and their sums.
func (f *fit) quantise(k int, draw *rand.Rand) (int, sums, error) {
	g, rows := f.grower, f.data.X.Rows
	top, topHessian := f.loss.bound()
	top, topHessian = top*f.heaviest, topHessian*f.heaviest
	sum, sumHessian := top*float64(rows), topHessian*float64(rows)
	if f.data.Weights != nil && !math.IsInf(top, 1) {
		sum, sumHessian = top/f.heaviest*f.weight, topHessian/f.heaviest*f.weight
	}
	measured := math.IsInf(top, 1)
	total := 0.0
	if measured {
		total, sum, top, sumHessian, topHessian = f.measure(k)
		if !(sum < math.MaxFloat64) || !(sumHessian < math.MaxFloat64) {
			return 0, sums{}, notFinite("gradient")
		}
	}
	g.rules.packing = newPacking(rows, sum, top, sumHessian, topHessian)
	if !g.rules.hessians {
		g.rules.hessian, g.rules.hessian1 = 1, 1 // they are counted
	}
	chunks := chunksOf(rows)
	places, losses, parts := make([]int, chunks+1), make([]float64, chunks), make([]sums, chunks)
	share, seed := f.s.Subsample, draw.Uint64()
	for chunk := range chunks { // where each chunk's rows go
		n := min(chunkRows, rows-chunk*chunkRows)
		if share < 1 {
			n = f.count(seed, chunk*chunkRows, n)
		}
		places[chunk+1] = places[chunk] + n
	}
	f.seed = seed
	f.crew.chunks(rows, func(worker, chunk, lo, hi int) {
		at := places[chunk]
		gs, hs := &f.tiles[worker].gradients, &f.tiles[worker].hessians
		for ; lo < hi; lo += tileRows {
			n := min(tileRows, hi-lo)
			var h []float64
			if g.rules.hessians {
				if h = hs[:n]; f.loss.flat() {
					for i := range h {
						h[i] = 1
					}
				}
			}
			losses[chunk] += f.loss.gradients(f.scores, f.data.Y, f.data.Weights, lo, k, gs[:n], h)
			at = f.pack(lo, at, gs[:n], h, &parts[chunk])
		}
	})
	if k == 0 && f.rounds > len(f.report.Train) {
		if !measured {
			total = inOrder(losses)
		}
		f.report.Train = append(f.report.Train, total/f.weight)
	}
	var all sums
	for _, p := range parts {
		all = all.plus(p)
	}
	return places[chunks], all, f.crew.ctx.Err()
}

// pack writes a tile of rows as entries from at on, and returns where it ended.
func (f *fit) pack(lo, at int, gs, hs []float64, into *sums) int {
	g, w := f.grower, f.data.Weights
	entries, scale := g.entries, g.rules.gradient
	if hs == nil && f.s.Subsample == 1 {
		entries, total := entries[at:at+len(gs)], int64(0)
		for i, v := range gs {
			q := int32(round(v * scale))
			total += int64(q)
			entries[i] = newEntry(lo+i, q)
		}
		*into = into.plus(sums{total, int64(len(gs)), int64(len(gs))})
		return at + len(gs)
	}
	for i, v := range gs {
		row := lo + i
		if f.s.Subsample < 1 && !drawn(f.seed, row, f.s.Subsample) {
			continue
		}
		weight := weightOf(w, row)
		q, h := int32(round(v*weight*scale)), int64(1)
		if hs != nil {
			h = int64(round(hs[i] * weight * g.rules.hessian))
			g.hessians[at] = int32(h)
		}
		entries[at] = newEntry(row, q)
		*into = into.plus(sums{int64(q), h, 1})
		at++
	}
	return at
}

// round rounds |v| < 2^51 to the nearest integer, ties to even, in two additions.
func round(v float64) float64 {
	const magic = 3 << 51
	return (v + magic) - magic
}

// measure sums and bounds the gradients and hessians of a loss without bounds.
func (f *fit) measure(k int) (loss, sum, top, sumHessian, topHessian float64) {
	type part struct{ loss, sum, top, sumHessian, topHessian float64 }
	parts := make([]part, chunksOf(f.data.X.Rows))
	f.crew.chunks(f.data.X.Rows, func(worker, chunk, lo, hi int) {
		gs, hs := &f.tiles[worker].gradients, &f.tiles[worker].hessians
		var p part
		for ; lo < hi; lo += tileRows {
			n := min(tileRows, hi-lo)
			var h []float64
			if !f.loss.flat() {
				h = hs[:n]
			}
			p.loss += f.loss.gradients(f.scores, f.data.Y, f.data.Weights, lo, k, gs[:n], h)
			for i, v := range gs[:n] {
				w := weightOf(f.data.Weights, lo+i)
				a, b := math.Abs(v)*w, w
				if h != nil {
					b = h[i] * w
				}
				p.sum += a
				p.top = max(p.top, a)
				p.sumHessian += b
				p.topHessian = max(p.topHessian, b)
			}
		}
		parts[chunk] = p
	})
	for _, p := range parts {
		loss, sum, sumHessian = loss+p.loss, sum+p.sum, sumHessian+p.sumHessian
		top, topHessian = max(top, p.top), max(topHessian, p.topHessian)
	}
	return loss, sum, top, sumHessian, topHessian
}

// drawn reports whether a row is in a sample: a hash of seed and row (the
// finaliser of SplitMix64), so that threads need not share a generator.
func drawn(seed uint64, row int, share float64) bool {
	z := seed + uint64(row+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11)*0x1p-53 < share
}

func (f *fit) count(seed uint64, lo, n int) int {
	count := 0
	for row := lo; row < lo+n; row++ {
		if drawn(seed, row, f.s.Subsample) {
			count++
		}
	}
	return count
}
