package profile

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/table"
)

// keptBytes bounds the codes of kept columns that are read at once.
const keptBytes = 4 << 20

// taking is the looks of one scan being taken, a group of batches at a time.
type taking struct {
	looks  []look
	at     [][]int  // of each look: places of its columns
	phases [2][]int // looks, one phase after the other
	views  []view
	from   int // rows before
}

// take takes the looks at some batches, not so many at once that codes of their rows
// take much memory.
func (g *taking) take(batches []table.Batch) error {
	most := max(1, keptBytes/(4*table.BatchRows)/len(g.views))
	for some := range slices.Chunk(batches, most) {
		if err := g.takeSome(some); err != nil {
			return err
		}
	}
	return nil
}

func (g *taking) takeSome(batches []table.Batch) error {
	list, n := make([]batch, len(batches)), 0
	for slot := range list {
		f := &batches[slot]
		list[slot] = batch{rows: f.Rows, from: g.from + n, slot: slot, file: f, views: g.views, first: n}
		n += f.Rows
	}
	err := tried(len(g.views), func(k int) error {
		v := &g.views[k]
		if v.kept == nil {
			return nil
		}
		v.codes = slices.Grow(v.codes[:0], n)[:n]
		return v.kept.codes.Read(v.codes, int64(g.from))
	})
	if err != nil {
		return err
	}
	g.from += n
	for _, phase := range g.phases {
		err := tried(len(phase), func(k int) error {
			for _, b := range list {
				if err := g.looks[phase[k]].take(b, g.at[phase[k]]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
