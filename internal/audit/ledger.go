package audit

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/esteira-ml/esteira/internal/fault"
)

// ledger is a page of memory backed by a file: what is stored there is the kernel's
// at once, so it outlives the process and says, after a kill, exactly how many
// answers had left. After a crash of the machine it is as old as its last
// synchronisation, which only happens when the bound grows: then the bound is what
// is known.
//
//	0 "ESTLEDG1" · 8 boot (16 bytes) · 24 flag: answers may have left · 32 greatest bound
//	40 ordinal of the last answer that left · 48 of the last on disk · 56, 64 when, µs
type ledger struct{ page []byte }

const (
	ledgerName  = "ledger"
	ledgerMagic = "ESTLEDG1"
	ledgerBytes = 4096

	atBoot, atOpen, atLimit, atReleased, atSynced, atReleasedTime, atSyncedTime = 8, 24, 32, 40, 48, 56, 64
)

func (l *ledger) word(at int) *uint64 { return (*uint64)(unsafe.Pointer(&l.page[at])) }
func (l *ledger) load(at int) uint64  { return atomic.LoadUint64(l.word(at)) }
func (l *ledger) store(at int, v uint64) {
	atomic.StoreUint64(l.word(at), v)
}
func (l *ledger) time(at int) time.Time { return time.UnixMicro(int64(l.load(at))).UTC() }

func (l *ledger) released() uint64 { return l.load(atReleased) }

// openLedger makes the ledger if there is none. Its blocks are written before they
// are mapped, so that a disk that fills up later cannot fail a store.
func openLedger(dir string) (*ledger, error) {
	if l, err := findLedger(dir); l != nil || err != nil {
		return l, err
	}
	path := filepath.Join(dir, ledgerName)
	page := make([]byte, ledgerBytes)
	copy(page, ledgerMagic)
	copy(page[atBoot:], bootID())
	now := uint64(time.Now().UnixMicro())
	binary.NativeEndian.PutUint64(page[atReleasedTime:], now)
	binary.NativeEndian.PutUint64(page[atSyncedTime:], now)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(page)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = osFiles{dir: dir}.SyncDir()
	}
	if err != nil {
		return nil, err
	}
	return findLedger(dir)
}

// findLedger maps the ledger in dir, or returns nil if there is none.
func findLedger(dir string) (*ledger, error) {
	path := filepath.Join(dir, ledgerName)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.AuditUnavailable, "open the ledger of the audit spool")
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() == ledgerBytes {
		var page []byte
		if page, err = unix.Mmap(int(f.Fd()), 0, ledgerBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			if string(page[:len(ledgerMagic)]) == ledgerMagic {
				return &ledger{page}, nil
			}
			_ = unix.Munmap(page)
		}
	}
	return nil, fault.Wrap(err, fault.AuditUnavailable, "%s is no ledger of an audit spool", path).
		WithRemedy("move it away; what bounded audit may have lost before is then not declared")
}

// release notes that answers up to the ordinal may leave. What a crash of the
// machine must not forget, that answers leave and how many at most, is on disk first.
func (l *ledger) release(ordinal, limit uint64, now time.Time) error {
	if l.load(atOpen) == 0 || l.load(atLimit) < limit {
		l.store(atLimit, max(limit, l.load(atLimit)))
		l.store(atOpen, 1)
		if err := unix.Msync(l.page, unix.MS_SYNC); err != nil {
			return err
		}
	}
	l.store(atReleasedTime, uint64(now.UnixMicro()))
	l.store(atReleased, ordinal)
	return nil
}

// settle notes that records up to the ordinal are on disk.
func (l *ledger) settle(ordinal uint64) {
	l.store(atSyncedTime, uint64(time.Now().UnixMicro()))
	l.store(atSynced, max(ordinal, l.load(atSynced)))
	if string(l.page[atBoot:atBoot+16]) != bootID() {
		copy(l.page[atBoot:], bootID())
	}
}

// loss is what had left and is not on disk, where records up to found are.
func (l *ledger) loss(found uint64) gap {
	if l.load(atOpen) == 0 {
		return gap{}
	}
	g := gap{from: l.time(atSyncedTime), to: l.time(atReleasedTime)}
	if string(l.page[atBoot:atBoot+16]) != bootID() {
		g.lost, g.inexact, g.to, g.why = int64(l.load(atLimit)), true, time.Now(), "the machine stopped"
		return g
	}
	if durable := max(found, l.load(atSynced)); l.released() > durable {
		g.lost, g.why = int64(l.released()-durable), "the server was killed"
	}
	return g
}

// begin starts a new count, in which nothing has left.
func (l *ledger) begin(ordinal uint64) error {
	for at, v := range map[int]uint64{atReleased: ordinal, atSynced: ordinal, atOpen: 0, atLimit: 0} {
		l.store(at, v)
	}
	copy(l.page[atBoot:], bootID())
	return unix.Msync(l.page, unix.MS_SYNC)
}

// close ends the count: everything that left is on disk, unless owed says otherwise.
func (l *ledger) close(owed int64) error {
	var err error
	if owed == 0 && l.load(atReleased) <= l.load(atSynced) {
		err = l.begin(l.released())
	}
	return errors.Join(err, unix.Munmap(l.page))
}
