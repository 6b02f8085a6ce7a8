package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// random gives reproducible bytes.
func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = source.Read(b)
	return b
}

func write(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// open gives another store on the same bucket with a cache of its own.
func open(t *testing.T, o artifact.Options) *artifact.Store {
	t.Helper()
	o.CacheDir = t.TempDir()
	s, err := artifact.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsPutComesBackElsewhere(t *testing.T) {
	o := testenv.StoreOptions(t)
	here, elsewhere := open(t, o), open(t, o)
	for _, n := range []int{0, 1, 70_000, 40 << 20} { // the last goes in parts
		b := random(n, uint64(n))
		ref, err := here.PutFile(t.Context(), write(t, b), artifact.MediaTypeParquet)
		if err != nil {
			t.Fatal(err)
		}
		if ref.Digest != artifact.DigestOf(b) || ref.Size != int64(n) {
			t.Fatalf("reference %+v", ref)
		}
		again, err := here.PutBytes(t.Context(), b, artifact.MediaTypeParquet)
		if err != nil || again != ref {
			t.Fatalf("put again: %+v, %v", again, err)
		}
		got, err := elsewhere.Bytes(t.Context(), ref, 64<<20)
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes came back as %d: %v", n, len(got), err)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	s := testenv.Store(t)
	type report struct{ Rows int }
	ref, err := s.PutJSON(t.Context(), report{42})
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := s.JSON(t.Context(), ref, &got); err != nil || got.Rows != 42 {
		t.Fatal(got, err)
	}
	var wrong []string
	if err := s.JSON(t.Context(), ref, &wrong); fault.KindOf(err) != fault.ArtifactCorrupt {
		t.Fatal(err)
	}
}

func TestNextStepReadsLocalDisk(t *testing.T) {
	o := testenv.StoreOptions(t)
	s, err := artifact.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(o.CacheDir, "scratch.parquet")
	if err := os.WriteFile(own, random(3<<20, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, linked := range map[string]bool{own: true, write(t, random(3<<20, 2)): false} {
		ref, err := s.PutFile(t.Context(), path, artifact.MediaTypeParquet)
		if err != nil {
			t.Fatal(err)
		}
		// Without the store's copy, only local disk can answer.
		if err := testenv.S3(t).RemoveObject(t.Context(), o.Bucket, objectKey(ref), minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		got, release, err := s.File(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		release()
		a, errA := os.Stat(path)
		b, errB := os.Stat(got)
		if errA != nil || errB != nil || os.SameFile(a, b) != linked {
			t.Fatalf("linked %v, %v, %v", !linked, errA, errB)
		}
		if writable := a.Mode().Perm()&0o200 != 0; writable == linked {
			t.Fatalf("a linked file must be read-only and a user's stay as it was: %v", a.Mode())
		}
	}
}

func TestExistsAsksTheStore(t *testing.T) {
	o := testenv.StoreOptions(t)
	s := open(t, o)
	ref, err := s.PutBytes(t.Context(), []byte("x"), artifact.MediaTypeJSON)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Exists(t.Context(), ref); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := testenv.S3(t).RemoveObject(t.Context(), o.Bucket, objectKey(ref), minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Exists(t.Context(), ref); ok || err != nil {
		t.Fatal("the cache answered for the store", ok, err)
	}
	_, release, err := open(t, o).File(t.Context(), ref)
	release()
	if fault.KindOf(err) != fault.ArtifactMissing {
		t.Fatal(err)
	}
	ref.Size = 2
	if _, err := s.PutBytes(t.Context(), []byte("x"), artifact.MediaTypeJSON); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exists(t.Context(), ref); fault.KindOf(err) != fault.ArtifactCorrupt {
		t.Fatal(err)
	}
}

func objectKey(ref artifact.Ref) string { return "sha256/" + ref.Digest[:2] + "/" + ref.Digest }

func TestDamageInTheStoreIsFound(t *testing.T) {
	o := testenv.StoreOptions(t)
	s := open(t, o)
	ref := artifact.Ref{Digest: artifact.DigestOf([]byte("right")), Size: 5}
	if _, err := testenv.S3(t).PutObject(t.Context(), o.Bucket, objectKey(ref), strings.NewReader("wrong"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bytes(t.Context(), ref, 10); fault.KindOf(err) != fault.ArtifactCorrupt {
		t.Fatal(err)
	}
}

func TestDamageInTheCacheIsMended(t *testing.T) {
	o := testenv.StoreOptions(t)
	for _, size := range []int{100, 3 << 20} {
		s := open(t, o)
		b := random(size, 7)
		ref, err := s.PutBytes(t.Context(), b, artifact.MediaTypeParquet)
		if err != nil {
			t.Fatal(err)
		}
		path, release, err := s.File(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		release()
		for name, damage := range map[string]func() error{
			"a flipped byte": func() error { return flip(path) },
			"a short file":   func() error { return os.Truncate(path, int64(size/2)) },
			"an empty file":  func() error { return os.Truncate(path, 0) },
		} {
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			path, release, err := s.File(t.Context(), ref)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := os.ReadFile(path)
			release()
			if err != nil || !bytes.Equal(got, b) {
				t.Fatalf("%s was served, %v", name, err)
			}
		}
	}
}

// flip changes a byte and leaves the size as it was.
func flip(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	var b [1]byte
	if _, err := file.ReadAt(b[:], 50); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = file.WriteAt(b[:], 50)
	return err
}

func TestLimitsAndNonsense(t *testing.T) {
	s := testenv.Store(t)
	ref, err := s.PutBytes(t.Context(), []byte("four"), artifact.MediaTypeJSON)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bytes(t.Context(), ref, 3); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
	if _, _, err := s.File(t.Context(), artifact.Ref{Digest: "../../../etc/passwd"}); fault.KindOf(err) != fault.ArtifactMissing {
		t.Fatal(err)
	}
	if _, err := s.PutFile(t.Context(), filepath.Join(t.TempDir(), "absent"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestManyReadersFetchOnce(t *testing.T) {
	o := testenv.StoreOptions(t)
	b := random(2<<20, 3)
	ref, err := open(t, o).PutBytes(t.Context(), b, artifact.MediaTypeParquet)
	if err != nil {
		t.Fatal(err)
	}
	// Two stores on one directory are two processes to each other: their locks
	// are on open files, not on the process.
	o.CacheDir = t.TempDir()
	var stores [2]*artifact.Store
	for i := range stores {
		if stores[i], err = artifact.Open(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			got, err := stores[i%2].Bytes(t.Context(), ref, 4<<20)
			if err != nil || !bytes.Equal(got, b) {
				t.Error(len(got), err)
			}
		})
	}
	wg.Wait()
	left, err := os.ReadDir(filepath.Join(o.CacheDir, "tmp"))
	if err != nil || len(left) != 0 {
		t.Fatal("temporary files are left", left, err)
	}
}

func TestEvictionKeepsTheBoundAndWhatIsInUse(t *testing.T) {
	o := testenv.StoreOptions(t)
	const each = 1 << 20
	o.CacheSize = 4 * each
	o.CacheDir = t.TempDir()
	s, err := artifact.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	put := func(seed uint64) artifact.Ref {
		t.Helper()
		ref, err := s.PutBytes(t.Context(), random(each, seed), artifact.MediaTypeParquet)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	first := put(1)
	path, release, err := s.File(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	second := put(2)
	for i := range uint64(10) {
		put(10 + i)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal("a file in use was evicted", err)
	}
	if _, err := os.Stat(filepath.Join(o.CacheDir, filepath.FromSlash(objectKey(second)))); !os.IsNotExist(err) {
		t.Fatal("the oldest unused file is still there", err)
	}
	if n := cacheBytes(t, o.CacheDir); n > o.CacheSize+o.CacheSize/10+each {
		t.Fatalf("the cache holds %d bytes", n)
	}
	release()
	release()
	for i := range uint64(10) {
		put(30 + i)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatal("a released file outlived ten newer ones", err)
	}
	if got, err := s.Bytes(t.Context(), first, each); err != nil || !bytes.Equal(got, random(each, 1)) {
		t.Fatal("an evicted artifact does not come back", err)
	}
}

func cacheBytes(t *testing.T, dir string) (total int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func TestLeftoversOfACrashAreRemoved(t *testing.T) {
	o := testenv.StoreOptions(t)
	tmp := filepath.Join(o.CacheDir, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(tmp, "fetch-1")
	if err := os.WriteFile(old, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Fatal("it is still there", err)
	}
}

func TestGivingUpIsNotAnOutage(t *testing.T) {
	s := testenv.Store(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.PutBytes(ctx, []byte("x"), artifact.MediaTypeJSON)
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != "" {
		t.Fatal(err)
	}
}
