package activities

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/esteira-ml/esteira/internal/fault"
)

// ownScratch makes a directory below parent for this process, and removes those
// of processes that ended, however they did: what a killed worker had half
// written is of no use to anybody. The kernel holds the lock that tells them
// apart for as long as the returned file is open.
func ownScratch(parent string) (dir string, lock *os.File, err error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", nil, err
	}
	ended, err := filepath.Glob(filepath.Join(parent, scratchPrefix+"*"))
	if err != nil {
		return "", nil, err
	}
	for _, old := range ended {
		removeEnded(old)
	}
	if dir, err = os.MkdirTemp(parent, scratchPrefix); err != nil {
		return "", nil, err
	}
	// Locked before it has its name, so that no other process finds it unlocked.
	fresh := filepath.Join(dir, "lock.new")
	if lock, err = os.OpenFile(fresh, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return "", nil, err
	}
	if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		err = os.Rename(fresh, filepath.Join(dir, "lock"))
	}
	if err != nil {
		lock.Close()
		return "", nil, err
	}
	return dir, lock, nil
}

const scratchPrefix = "esteira-worker-"

// removeEnded removes the scratch directory of a process that is gone.
func removeEnded(dir string) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return // another user's, or about to be locked
	}
	defer lock.Close()
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		_ = os.RemoveAll(dir)
	}
}

// scratchFault says what cannot be written to.
func scratchFault(err error, parent string) error {
	return fault.Wrap(err, fault.ConfigInvalid, "scratch directory %s", parent).WithRemedy("set ESTEIRA_CACHE_DIR to a writable directory")
}
