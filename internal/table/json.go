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

// MaxDepth bounds how deep a JSON file nests: parsers and what comes after them
// recurse.
const MaxDepth = 100

// checkDepths refuses JSON that nests deeper than MaxDepth, before a parser sees
// it. Compressed files are the caller's to unpack.
func checkDepths(paths []string) error {
	for _, path := range paths {
		if err := checkDepth(path); err != nil {
			return err
		}
	}
	return nil
}

func checkDepth(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return missingFile(path, err)
	}
	defer f.Close()
	buffer := make([]byte, 256<<10)
	if n, _ := f.ReadAt(buffer[:4], 0); packed(buffer[:n]) {
		return nil
	}
	depth, line, quoted, escaped := 0, 1, false, false
	for {
		n, err := f.Read(buffer)
		for _, b := range buffer[:n] {
			switch {
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = b == '\\', b != '"'
			case b == '"':
				quoted = true
			case b == '[' || b == '{':
				if depth++; depth > MaxDepth {
					return fault.New(fault.SourceUnreadable, "%s, line %d does not read as json: it nests deeper than %d levels", path, line, MaxDepth).
						WithRemedy("write it flatter").WithDetails(Place{File: path, Line: line, Reason: "nests too deep"})
				}
			case b == ']' || b == '}':
				depth--
			case b == '\n':
				line++
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return missingFile(path, err)
		}
	}
}

// packed tells gzip and zstd by their first bytes.
func packed(magic []byte) bool {
	return bytes.HasPrefix(magic, []byte{0x1f, 0x8b}) || bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd})
}
