package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync leaves out the timestamps that fsync would also write.
func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// reserve allocates the first n bytes of a file, as zeros.
func reserve(f *os.File, n int64) error { return unix.Fallocate(int(f.Fd()), 0, 0, n) }
