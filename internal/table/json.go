package table

import (
	"bytes"
	"io"
	"os"

	"github.com/esteira-ml/esteira/internal/fault"
)

// checkTails refuses JSON arrays that are not closed: the engine would take what
// there is of them without a word. Compressed files are left to their checksum.
func checkTails(paths []string) error {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return missingFile(path, err)
		}
		first, last, err := ends(f)
		f.Close()
		if err != nil {
			return missingFile(path, err)
		}
		if first == '[' && last != ']' {
			return fault.New(fault.SourceUnreadable, "%s does not read as json: its array is never closed, the end of the file is missing", path).
				WithRemedy("fetch the file again").WithDetails(Place{File: path, Reason: "truncated array"})
		}
	}
	return nil
}

// ends returns the first and the last byte of a file that are not white space,
// looking at up to 64 KiB from either end.
func ends(f *os.File) (first, last byte, err error) {
	const most = 64 << 10
	buffer := make([]byte, most)
	n, err := f.ReadAt(buffer, 0)
	if err != nil && err != io.EOF {
		return 0, 0, err
	}
	if head := bytes.TrimSpace(bytes.TrimPrefix(buffer[:n], []byte("\xef\xbb\xbf"))); len(head) > 0 {
		first = head[0]
	}
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	n, err = f.ReadAt(buffer, max(0, info.Size()-most))
	if err != nil && err != io.EOF {
		return 0, 0, err
	}
	if tail := bytes.TrimSpace(buffer[:n]); len(tail) > 0 {
		last = tail[len(tail)-1]
	}
	return first, last, nil
}
