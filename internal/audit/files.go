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
// beginning, where that can be had, and zeros are written to them ahead of the records:
// a sync then need record neither that the file grew nor that a block of it has been
// used, but for one in many, and takes a fraction of the time.
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
		if reserve(f, o.reserve) == nil {
			file.reserved = o.reserve
		} else {
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
	zeroed   int64 // bytes from the beginning that are written, if only as zeros
	reserved int64
}

// ahead is how many zeros are written at once.
var ahead = make([]byte, 256<<10)

func (f *osFile) Write(b []byte) (int, error) {
	f.zeroed = max(f.zeroed, f.written) // none over a record, whatever failed before
	for ends := min(f.written+int64(len(b)), f.reserved); f.zeroed < ends; {
		if f.zero() != nil {
			break // the records may fit nevertheless
		}
	}
	n, err := f.File.Write(b)
	f.written += int64(n)
	return n, err
}

// zero writes the next zeros.
func (f *osFile) zero() error {
	n, err := f.WriteAt(ahead[:min(int64(len(ahead)), f.reserved-f.zeroed)], f.zeroed)
	f.zeroed += int64(n)
	return err
}

func (f *osFile) Sync() error { return datasync(f.File) }

// Close gives back what was reserved and not written.
func (f *osFile) Close() error {
	if f.reserved > 0 {
		_ = f.Truncate(f.written) // else the next start does
	}
	return f.File.Close()
}
