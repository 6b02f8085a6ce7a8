package table

import (
	"os"
	"slices"
	"sync"
	"unsafe"
)

// Shelf keeps the codes of a table's columns, such as the numbers of their values in a
// dictionary: in memory while they are few, then in a scratch file. Several columns may
// be written, and read, at once.
type Shelf struct {
	engine *Engine
	most   int // bytes in memory

	mu    sync.Mutex
	held  int
	file  *os.File // nil: nothing is on disk
	ended int64    // bytes of it
}

// codeBlock is how many rows of a column are put away at once.
const codeBlock = 1 << 13

// NewShelf makes an empty shelf that holds at most so many bytes in memory.
func (e *Engine) NewShelf(held int) *Shelf { return &Shelf{engine: e, most: held} }

// Close removes what is on disk. The codes are of no more use.
func (s *Shelf) Close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

// Codes are those of a column, row by row, each frame.MissingCode or greater. They are
// written from the first row to the last, then ended, then read anywhere.
type Codes struct {
	shelf   *Shelf
	rows    int64
	waiting []int32
	packed  []uint64
	blocks  []codesBlock
}

// codesBlock is codeBlock rows, or the last ones, in as few bytes as the greatest of
// their codes allows.
type codesBlock struct {
	width int      // of a code: 1, 2 or 4 bytes
	held  []uint64 // nil: on disk
	at    int64
}

// NewCodes begins the codes of a column.
func (s *Shelf) NewCodes() *Codes { return &Codes{shelf: s} }

// Len is how many rows there are.
func (c *Codes) Len() int64 { return c.rows }

// Append adds the codes of the next rows; to no Codes at all it adds none. Faults:
// ResourceExhausted (the scratch directory).
func (c *Codes) Append(codes []int32) error {
	for c != nil && len(codes) > 0 {
		if c.waiting == nil {
			c.waiting = make([]int32, 0, codeBlock)
		}
		n := min(len(codes), codeBlock-len(c.waiting))
		c.waiting = append(c.waiting, codes[:n]...)
		c.rows += int64(n)
		if codes = codes[n:]; len(c.waiting) < codeBlock {
			continue
		}
		if err := c.putAway(); err != nil {
			return err
		}
	}
	return nil
}

// End puts away the last rows. Faults: those of Append.
func (c *Codes) End() error {
	err := c.putAway()
	c.waiting, c.packed = nil, nil
	return err
}

func (c *Codes) putAway() error {
	if len(c.waiting) == 0 {
		return nil
	}
	b := codesBlock{width: 1}
	switch most := slices.Max(c.waiting) + 1; {
	case most > 1<<16-1:
		b.width = 4
	case most > 1<<8-1:
		b.width = 2
	}
	bytes := b.width * len(c.waiting)
	c.packed = grown(c.packed, (bytes+7)/8)
	switch b.width {
	case 1:
		pack[uint8](c.packed, c.waiting)
	case 2:
		pack[uint16](c.packed, c.waiting)
	default:
		pack[uint32](c.packed, c.waiting)
	}
	c.waiting = c.waiting[:0]
	if c.shelf.holds(8 * len(c.packed)) {
		b.held, c.packed = c.packed, nil
	} else {
		var err error
		if b.at, err = c.shelf.write(bytesOf(c.packed)); err != nil {
			return err
		}
	}
	c.blocks = append(c.blocks, b)
	return nil
}

// holds reports whether so many bytes more may be in memory; then they are counted.
func (s *Shelf) holds(bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held+bytes > s.most {
		return false
	}
	s.held += bytes
	return true
}

// write puts bytes at the end of the file, and says where.
func (s *Shelf) write(bytes []byte) (at int64, err error) {
	s.mu.Lock()
	if s.file == nil {
		s.file, err = s.engine.scratch()
	}
	at = s.ended
	s.ended += int64(len(bytes))
	s.mu.Unlock()
	if err != nil {
		return at, err
	}
	_, err = s.file.WriteAt(bytes, at)
	return at, scratchFault(err)
}

// Read fills to with the codes of the rows that begin at from. Faults: those of Append.
func (c *Codes) Read(to []int32, from int64) error {
	for len(to) > 0 {
		b, at := &c.blocks[from/codeBlock], int(from%codeBlock)
		some := to[:min(len(to), codeBlock-at)]
		if err := c.shelf.read(some, b, at); err != nil {
			return err
		}
		to, from = to[len(some):], from+int64(len(some))
	}
	return nil
}

// read fills to with the codes of a block from its row at.
func (s *Shelf) read(to []int32, b *codesBlock, at int) error {
	// What is on disk is read to the end of its own place, and made wide from the front:
	// no code is written over before it was read.
	all := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(to))), 4*len(to))
	from := all[(4-b.width)*len(to):]
	if b.held != nil {
		from = bytesOf(b.held)[b.width*at:][:b.width*len(to)]
	} else if _, err := s.file.ReadAt(from, b.at+int64(b.width*at)); err != nil {
		return scratchFault(err)
	}
	switch b.width {
	case 1:
		unpack[uint8](to, from)
	case 2:
		unpack[uint16](to, from)
	default:
		unpack[uint32](to, from)
	}
	return nil
}

// pack writes each code, one more than it is, in the bytes of a T.
func pack[T uint8 | uint16 | uint32](to []uint64, codes []int32) {
	words := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(to))), len(codes))
	for i := range words {
		words[i] = T(codes[i] + 1)
	}
}

func unpack[T uint8 | uint16 | uint32](to []int32, from []byte) {
	words := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(from))), len(to))
	for i, w := range words {
		to[i] = int32(w) - 1
	}
}
