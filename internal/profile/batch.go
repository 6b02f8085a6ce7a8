package profile

import (
	"encoding/binary"
	"strings"

	"github.com/esteira-ml/esteira/internal/table"
)

// batch is a batch of rows: from is the number of its first one, and slot its own in
// its group. Its columns, whose places a look is told, are in the file or kept.
type batch struct {
	rows, from, slot int

	file  *table.Batch
	views []view
	first int // of its rows in the group
}

// view is a column of a group of batches.
type view struct {
	kept  *kept   // nil: it is in the file
	place int     // there
	codes []int32 // of the group's rows, if it is kept
}

// nulls, hash and count are Batch.Nulls, Batch.Hash and Dictionary.Add, of columns that
// are in the file.
func (b batch) nulls(j int) int64         { return b.file.Nulls(b.views[j].place) }
func (b batch) hash(j int, rows []uint64) { b.file.Hash(b.views[j].place, rows) }
func (b batch) count(d *table.Dictionary, j int, codes []int32) bool {
	return d.Add(b.file, b.views[j].place, codes)
}

// codes are those of a kept column.
func (b batch) codes(j int) []int32 { return b.views[j].codes[b.first:][:b.rows] }

// numbers is Batch.Numbers.
func (b batch) numbers(j int, to []float64) []float64 {
	v := &b.views[j]
	if v.kept == nil {
		return b.file.Numbers(v.place, to)
	}
	to = to[:b.rows]
	for i, c := range b.codes(j) {
		to[i] = v.kept.numbers[c+1]
	}
	return to
}

// some appends the numbers of some rows; all is room for those of the batch.
func (b batch) some(to []float64, j int, rows []int, all []float64) []float64 {
	v := &b.views[j]
	if v.kept == nil {
		all = b.file.Numbers(v.place, all)
		for _, r := range rows {
			to = append(to, all[r])
		}
		return to
	}
	codes := b.codes(j)
	for _, r := range rows {
		to = append(to, v.kept.numbers[codes[r]+1])
	}
	return to
}

// text is Batch.Text, but valid for good.
func (b batch) text(j, r int) (text string, ok bool) {
	v := &b.views[j]
	if v.kept == nil {
		text, ok = b.file.Text(v.place, r)
		return strings.Clone(text), ok
	}
	if c := b.codes(j)[r]; c != missingCode {
		return v.kept.texts[c], true
	}
	return "", false
}

// missing is Batch.Missing.
func (b batch) missing(j int, take func(r int)) {
	v := &b.views[j]
	if v.kept == nil {
		b.file.Missing(v.place, take)
		return
	}
	for r, c := range b.codes(j) {
		if c == missingCode {
			take(r)
		}
	}
}

// appendValue is Batch.AppendValue, of columns that are in the file or exact.
func (b batch) appendValue(to []byte, j, r int) []byte {
	v := &b.views[j]
	if v.kept == nil {
		return b.file.AppendValue(to, v.place, r)
	}
	return binary.LittleEndian.AppendUint32(to, uint32(b.codes(j)[r]))
}

// textCodes gives the codes of a column of texts: those it is kept by, or those of a
// dictionary of its own.
type textCodes struct {
	texts []string // by code
	own   table.Dictionary
	full  bool
}

// of gives the codes of a batch's rows, for which own has room; false says that there
// are too many texts.
func (t *textCodes) of(b batch, j int, own []int32) (codes []int32, ok bool) {
	v := &b.views[j]
	if v.kept != nil {
		t.texts = v.kept.texts
		return b.codes(j), true
	}
	t.full = t.full || !b.count(&t.own, j, own)
	t.texts = t.own.Texts
	return own[:b.rows], !t.full
}
