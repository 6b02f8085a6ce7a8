package audit

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// file is what the writer needs of an open segment; the tests inject faults here.
type file interface {
	Write(b []byte) (int, error)
	// Sync makes what was written durable, with the size needed to read it back.
	Sync() error
	Close() error
}

// files is what the spool needs of the directory it writes to.
type files interface {
	// Create makes a new file; it fails if the file exists.
	Create(name string) (file, error)
	// SyncDir makes the directory's entries durable.
	SyncDir() error
	// Free returns the bytes that can still be written to the directory's disk.
	Free() (int64, error)
}

// osFiles are the files of a directory. Each has reserve bytes of the disk from the
// beginning, where that can be had: a sync then need not record that the file grew,
// and takes a fraction of the time. What is not written of them reads as zeros.
type osFiles struct {
	dir     string
	reserve int64
}

var _ files = osFiles{}

func (o osFiles) Create(name string) (file, error) {
	f, err := os.OpenFile(filepath.Join(o.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	file := &osFile{File: f}
	if o.reserve > 0 {
		if file.reserved = reserve(f, o.reserve) == nil; !file.reserved {
			_ = f.Truncate(0) // of half a reservation
		}
	}
	return file, nil
}

func (o osFiles) SyncDir() error {
	d, err := os.Open(o.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (o osFiles) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(o.dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

type osFile struct {
	*os.File
	written  int64
	reserved bool
}

func (f *osFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.written += int64(n)
	return n, err
}

func (f *osFile) Sync() error { return datasync(f.File) }

// Close gives back what was reserved and not written.
func (f *osFile) Close() error {
	if f.reserved {
		_ = f.Truncate(f.written) // else the next start does
	}
	return f.File.Close()
}
