package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/esteira-ml/esteira/internal/fault"
)

// cache is a directory of verified artifacts, named as in the bucket. Several
// processes may share it:
//
//   - a file appears whole, by a link from a temporary one, and is never
//     replaced while it is there;
//   - who uses a file holds a shared lock (flock) on it, which ends with the
//     process; who evicts needs the exclusive lock;
//   - a crash leaves temporary files without a lock, removed at the next start.
//
// Nothing is synced: after a loss of power a file may be wrong, which the next
// reading finds. Files up to wholeCheck bytes are hashed at every reading;
// larger ones once per process, and again if size, time or inode changed.
type cache struct {
	dir   string
	limit int64

	mu       sync.Mutex
	busy     map[string]chan struct{} // digest -> held while a goroutine opens or fetches it
	verified map[string]stamp
	added    int64 // bytes since the last sweep
}

const (
	wholeCheck       = 1 << 20
	defaultCacheSize = 10 << 30
)

// stamp identifies the content of a file that was hashed.
type stamp struct {
	size, mtime int64
	inode       uint64
}

func stampOf(file *os.File) (stamp, bool) {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return stamp{}, false
	}
	return stamp{size: st.Size, mtime: unix.TimespecToNsec(st.Mtim), inode: st.Ino}, true
}

func openCache(dir string, limit int64) (*cache, error) {
	if limit <= 0 {
		limit = defaultCacheSize
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "find the artifact cache").WithRemedy("set ESTEIRA_CACHE_DIR to an absolute path")
	}
	for _, sub := range []string{"sha256", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fault.Wrap(err, fault.ConfigInvalid, "make the artifact cache").WithRemedy("set ESTEIRA_CACHE_DIR to a writable directory")
		}
	}
	c := &cache{dir: dir, limit: limit, busy: map[string]chan struct{}{}, verified: map[string]stamp{}}
	c.removeLeftovers(time.Now().Add(-time.Hour))
	c.sweep()
	return c, nil
}

func (c *cache) path(ref Ref) string { return filepath.Join(c.dir, filepath.FromSlash(ref.key())) }

// lock waits until no other goroutine opens or fetches the digest.
func (c *cache) lock(ctx context.Context, digest string) (func(), error) {
	for {
		c.mu.Lock()
		held, ok := c.busy[digest]
		if !ok {
			mine := make(chan struct{})
			c.busy[digest] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.busy, digest)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// open pins and verifies what is there. A file that fails is removed.
func (c *cache) open(ref Ref) (string, func(), bool) {
	path := c.path(ref)
	file, err := os.Open(path)
	if err != nil {
		return "", nil, false
	}
	if !pin(file, path) || !c.verify(ref, file) {
		file.Close()
		return "", nil, false
	}
	touch(path)
	return path, releaser(file, c), true
}

func releaser(file *os.File, c *cache) func() {
	return sync.OnceFunc(func() {
		file.Close() // and with it the lock
		c.mu.Lock()
		over := c.added > c.limit/10
		c.mu.Unlock()
		if over {
			c.sweep()
		}
	})
}

// pin takes the shared lock and makes sure that path still names the file: an
// evictor may have removed it between opening and locking.
func pin(file *os.File, path string) bool {
	if flock(file, unix.LOCK_SH) != nil {
		return false
	}
	mine, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func flock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (c *cache) verify(ref Ref, file *os.File) bool {
	now, ok := stampOf(file)
	if ok && now.size == ref.Size {
		c.mu.Lock()
		known := c.verified[ref.Digest] == now
		c.mu.Unlock()
		if known && ref.Size > wholeCheck {
			return true
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, file); err == nil && hex.EncodeToString(hash.Sum(nil)) == ref.Digest {
			c.remember(ref, now)
			return true
		}
	}
	c.drop(ref)
	return false
}

func (c *cache) remember(ref Ref, s stamp) {
	c.mu.Lock()
	c.verified[ref.Digest] = s
	c.mu.Unlock()
}

// drop removes what the cache has for a digest.
func (c *cache) drop(ref Ref) {
	c.mu.Lock()
	delete(c.verified, ref.Digest)
	c.mu.Unlock()
	os.Remove(c.path(ref))
}

// temporary is a file on its way into the cache, locked while it is written.
type temporary struct{ file *os.File }

func (c *cache) temp() (*temporary, error) {
	file, err := os.CreateTemp(filepath.Join(c.dir, "tmp"), "fetch-*")
	if err != nil {
		return nil, fault.Wrap(err, fault.ResourceExhausted, "make a file in the artifact cache").WithRemedy("check the disk of ESTEIRA_CACHE_DIR")
	}
	if err := flock(file, unix.LOCK_SH); err != nil {
		file.Close()
		os.Remove(file.Name())
		return nil, fault.Wrap(err, fault.ConfigInvalid, "lock a file in the artifact cache").WithRemedy("put ESTEIRA_CACHE_DIR on a file system that has flock")
	}
	return &temporary{file}, nil
}

func (t *temporary) discard() {
	os.Remove(t.file.Name())
	t.file.Close()
}

// keep publishes verified bytes and pins them.
func (c *cache) keep(ref Ref, t *temporary) (string, func(), error) {
	path := c.path(ref)
	if err := c.link(t.file.Name(), path); err != nil {
		return "", func() {}, fault.Wrap(err, fault.ResourceExhausted, "put artifact %s into the cache", ref.Short()).WithRemedy("check the disk of ESTEIRA_CACHE_DIR")
	}
	file, err := os.Open(path)
	if err != nil || !pin(file, path) || !c.verifyLinked(ref, file, t) {
		if file != nil {
			file.Close()
		}
		return "", func() {}, fault.New(fault.StoreUnavailable, "artifact %s was evicted from the cache as it came in", ref.Short()).WithRemedy("raise ESTEIRA_CACHE_SIZE")
	}
	c.grew(ref.Size)
	return path, releaser(file, c), nil
}

// verifyLinked spares the hashing of bytes that were hashed as they came; if
// another process was first, its file is verified like any other.
func (c *cache) verifyLinked(ref Ref, file *os.File, t *temporary) bool {
	mine, ok := stampOf(t.file)
	there, ok2 := stampOf(file)
	if ok && ok2 && mine == there {
		c.remember(ref, mine)
		return true
	}
	return c.verify(ref, file)
}

func (c *cache) link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(from, 0o444); err != nil {
		return err
	}
	if err := os.Link(from, to); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// adoptFile puts a file that was just stored, and had this stamp when it was
// hashed, into the cache. It is a convenience: failing leaves the next reader to
// fetch.
func (c *cache) adoptFile(ref Ref, path string, was stamp) {
	to := c.path(ref)
	if _, err := os.Stat(to); err == nil {
		return
	}
	if !c.own(path) || c.link(path, to) != nil {
		if source, err := os.Open(path); err == nil {
			defer source.Close()
			c.adopt(ref, source)
		}
		return
	}
	if file, err := os.Open(to); err == nil {
		defer file.Close()
		if now, ok := stampOf(file); ok && now == was {
			c.remember(ref, now)
		}
	}
	c.grew(ref.Size)
}

// own says whether a file lies in the cache's directory, where steps have their
// scratch space. Only such a file is linked and made read-only: a user's file is
// copied, for they may go on writing to it.
func (c *cache) own(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	inside, err := filepath.Rel(c.dir, abs)
	return err == nil && filepath.IsLocal(inside)
}

// adoptBytes is adoptFile for bytes in memory.
func (c *cache) adoptBytes(ref Ref, b []byte) {
	if _, err := os.Stat(c.path(ref)); err != nil {
		c.adopt(ref, bytes.NewReader(b))
	}
}

func (c *cache) adopt(ref Ref, content io.Reader) {
	t, err := c.temp()
	if err != nil {
		return
	}
	defer t.discard()
	if _, err := io.Copy(t.file, content); err != nil {
		return
	}
	if c.link(t.file.Name(), c.path(ref)) == nil {
		c.grew(ref.Size)
	}
}

func (c *cache) grew(n int64) {
	c.mu.Lock()
	c.added += n
	over := c.added > c.limit/10
	c.mu.Unlock()
	if over {
		c.sweep()
	}
}
