package profile

import (
	"cmp"

	"github.com/esteira-ml/esteira/internal/table"
)

// target is the target's column of the group of batches at hand, one beside the
// other: whole numbers of its scale, or numbers of its classes.
type target struct {
	*Column
	scale   *scale
	numbers [][]int64 // nil: there are classes
	classes [][]int32
	room    [][]int32 // for classes
	values  []float64
	texts   textCodes
	known   map[float64]int32 // of numbers, unless they are kept
	kept    *kept
}

// slots are values of the rows of each batch of a group.
func slots[T any]() [][]T {
	out := make([][]T, table.GroupBatches)
	for i := range out {
		out[i] = make([]T, table.BatchRows)
	}
	return out
}

// take makes the target's column of a batch ready for all that look at it.
func (y *target) take(b batch, at []int) error {
	if y.numbers != nil {
		y.scale.put(y.numbers[b.slot], b.numbers(at[0], y.values))
		return nil
	}
	if y.Type == "text" {
		y.classes[b.slot], _ = y.texts.of(b, at[0], y.room[b.slot])
		return nil
	}
	if y.kept = b.views[at[0]].kept; y.kept != nil {
		y.classes[b.slot] = b.codes(at[0])
		return nil
	}
	classes := y.room[b.slot]
	y.classes[b.slot] = classes
	for i, x := range b.numbers(at[0], y.values) {
		classes[i] = missingCode
		if x == x {
			code, there := y.known[x]
			if !there {
				code = int32(len(y.known))
				y.known[x] = code
			}
			classes[i] = code
		}
	}
	return nil
}

// order is the target's classes in an order that no row decides.
func (y *target) order() []int32 {
	if y.Type == "text" {
		return ascendingTexts(y.texts.texts)
	}
	if y.kept != nil {
		return ascending(y.kept.numbers[1:], cmp.Compare[float64])
	}
	values := make([]float64, len(y.known))
	for x, code := range y.known {
		values[code] = x
	}
	return ascending(values, cmp.Compare[float64])
}
