package audit

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/esteira-ml/esteira/internal/fault"
)

// lockDir takes the directory for this process. The kernel releases the lock when
// the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.AuditUnavailable, "lock the audit spool").
			WithRemedy("let the server write to %s, or set ESTEIRA_SPOOL_DIR to a directory it can write to", dir)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(f.Name())
		f.Close()
		return nil, fault.Wrap(err, fault.ConfigInvalid, "the audit spool %s is in use by process %s", dir, strings.TrimSpace(string(owner))).
			WithRemedy("stop that process, or give this one its own ESTEIRA_SPOOL_DIR")
	}
	// The number is for people; the lock itself is the kernel's.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}
