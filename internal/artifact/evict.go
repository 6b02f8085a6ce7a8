package artifact

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// touch marks a file as used now. Recency is the access time, set by hand since
// most mounts do not keep it; the modification time belongs to verification.
func touch(path string) {
	now := unix.NsecToTimespec(time.Now().UnixNano())
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{now, {Nsec: unix.UTIME_OMIT}}, 0)
}

type cached struct {
	path  string
	size  int64
	atime int64
}

// sweep removes the least recently used files until nine tenths of the bound
// are left. Files in use by any process stay, so the bound may be exceeded by
// what is in use, and by a tenth for each process between two sweeps.
func (c *cache) sweep() {
	c.mu.Lock()
	c.added = 0
	c.mu.Unlock()
	var files []cached
	var total int64
	_ = filepath.WalkDir(filepath.Join(c.dir, "sha256"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // what vanished meanwhile needs no eviction
		}
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil {
			files = append(files, cached{path, st.Size, unix.TimespecToNsec(st.Atim)})
			total += st.Size
		}
		return nil
	})
	if total <= c.limit {
		return
	}
	slices.SortFunc(files, func(a, b cached) int { return int(min(1, max(-1, a.atime-b.atime))) })
	for _, f := range files {
		if total <= c.limit/10*9 {
			return
		}
		if removeUnused(f.path) {
			total -= f.size
			c.mu.Lock()
			delete(c.verified, filepath.Base(f.path))
			c.mu.Unlock()
		}
	}
}

// removeUnused removes a file nobody holds a lock on.
func removeUnused(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return os.IsNotExist(err)
	}
	defer file.Close()
	return flock(file, unix.LOCK_EX|unix.LOCK_NB) == nil && os.Remove(path) == nil
}

// removeLeftovers removes temporary files of processes that died.
func (c *cache) removeLeftovers(before time.Time) {
	entries, err := os.ReadDir(filepath.Join(c.dir, "tmp"))
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.ModTime().Before(before) {
			removeUnused(filepath.Join(c.dir, "tmp", entry.Name()))
		}
	}
}
