package table

import (
	"os"
	"unsafe"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Scratch is a file of 64-bit words in the engine's temporary directory that has no
// name: whatever becomes of the process, it leaves nothing. Several may read it at
// once.
type Scratch struct {
	file  *os.File
	words int64
}

// NewScratch makes an empty file. Faults: ResourceExhausted, as of its methods.
func (e *Engine) NewScratch() (*Scratch, error) {
	file, err := e.scratch()
	if err != nil {
		return nil, err
	}
	return &Scratch{file: file}, nil
}

// Len is how many words there are.
func (s *Scratch) Len() int64 { return s.words }

// Append adds words at the end.
func (s *Scratch) Append(words []uint64) error {
	if _, err := s.file.WriteAt(bytesOf(words), 8*s.words); err != nil {
		return scratchFault(err)
	}
	s.words += int64(len(words))
	return nil
}

// Read fills to with the words that begin at a place.
func (s *Scratch) Read(to []uint64, at int64) error {
	_, err := s.file.ReadAt(bytesOf(to), 8*at)
	return scratchFault(err)
}

// Reset drops the words.
func (s *Scratch) Reset() error {
	s.words = 0
	return scratchFault(s.file.Truncate(0))
}

// Close gives the space back. A second call does nothing.
func (s *Scratch) Close() { _ = s.file.Close() }

// scratch opens a file that has no name any more.
func (e *Engine) scratch() (*os.File, error) {
	f, err := os.CreateTemp(e.options.TempDir, "esteira-scratch-*")
	if err != nil {
		return nil, scratchFault(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, scratchFault(err)
	}
	return f, nil
}

func scratchFault(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.ResourceExhausted, "a scratch file cannot be used").WithRemedy("free space in the temporary directory, or name another")
}

// bytesOf are the same bytes, in this machine's order: for a file nobody else reads.
func bytesOf[T uint64 | entry](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}
