package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

// MaxJSON bounds what JSON reads into memory.
const MaxJSON = 256 << 20

// Store keeps artifacts in a bucket and a cache on local disk. It is safe for
// concurrent use.
type Store struct {
	client *minio.Client
	bucket string
	cache  *cache
}

// Open connects to the store, makes the bucket if it is missing, and opens the
// cache. It fails with StoreUnavailable or ConfigInvalid.
func Open(ctx context.Context, o Options) (*Store, error) {
	client, err := o.client()
	if err != nil {
		return nil, err
	}
	cache, err := openCache(o.CacheDir, o.CacheSize)
	if err != nil {
		return nil, err
	}
	s := &Store{client: client, bucket: o.Bucket, cache: cache}
	err = s.Check(ctx)
	if err == nil {
		return s, nil
	}
	if fault.KindOf(err) != fault.ArtifactMissing {
		return nil, err
	}
	err = client.MakeBucket(ctx, o.Bucket, minio.MakeBucketOptions{Region: o.Region})
	if minio.ToErrorResponse(err).Code == "BucketAlreadyOwnedByYou" {
		err = nil // another process was first
	}
	if err != nil {
		return nil, classify(ctx, err, fault.ConfigInvalid, "make bucket", o.Bucket)
	}
	return s, nil
}

// Check asks the store whether it answers and holds the bucket; ArtifactMissing
// if the bucket is not there.
func (s *Store) Check(ctx context.Context) error {
	ok, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil {
		return classify(ctx, err, fault.ArtifactMissing, "look for bucket", s.bucket)
	}
	if !ok {
		return fault.New(fault.ArtifactMissing, "bucket %s does not exist", s.bucket).WithRemedy("check ESTEIRA_BUCKET; starting a worker makes it")
	}
	return nil
}

// PutFile stores the file at path, and keeps it in the cache, so that the next
// step on this machine reads local disk. A file in the cache's own directory
// (ESTEIRA_CACHE_DIR, where steps have their scratch space) costs no copy: it is
// linked, becomes read-only and must not be changed; it may be removed.
func (s *Store) PutFile(ctx context.Context, path, mediaType string) (Ref, error) {
	file, err := os.Open(path)
	if err != nil {
		return Ref{}, fault.Wrap(err, fault.Internal, "store a file")
	}
	defer file.Close()
	before, _ := stampOf(file)
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return Ref{}, fault.Wrap(err, fault.Internal, "read %s to store it", path)
	}
	ref := Ref{Digest: hex.EncodeToString(hash.Sum(nil)), Size: size, MediaType: mediaType}
	// Sending gigabytes to learn that they are there already would be a pity.
	there := false
	if size > 1<<20 {
		if there, err = s.Exists(ctx, ref); err != nil {
			return Ref{}, err
		}
	}
	if !there {
		if err := s.put(ctx, ref, io.NewSectionReader(file, 0, size)); err != nil {
			return Ref{}, err
		}
	}
	if after, ok := stampOf(file); !ok || after != before {
		if !there {
			_ = s.client.RemoveObject(context.WithoutCancel(ctx), s.bucket, ref.key(), minio.RemoveObjectOptions{})
		}
		return Ref{}, fault.New(fault.Internal, "%s changed while it was stored", path)
	}
	s.cache.adoptFile(ref, path, before)
	return ref, nil
}

// PutBytes stores b.
func (s *Store) PutBytes(ctx context.Context, b []byte, mediaType string) (Ref, error) {
	ref := Ref{Digest: DigestOf(b), Size: int64(len(b)), MediaType: mediaType}
	if err := s.put(ctx, ref, bytes.NewReader(b)); err != nil {
		return Ref{}, err
	}
	s.cache.adoptBytes(ref, b)
	return ref, nil
}

// PutJSON stores the canonical JSON of v.
func (s *Store) PutJSON(ctx context.Context, v any) (Ref, error) {
	b, err := Canonical(v)
	if err != nil {
		return Ref{}, err
	}
	return s.PutBytes(ctx, b, MediaTypeJSON)
}

// put writes the object unless it is there. body must be an io.ReaderAt too, so
// that minio-go sends large objects in parts without buffers.
func (s *Store) put(ctx context.Context, ref Ref, body io.Reader) error {
	options := minio.PutObjectOptions{ContentType: ref.MediaType}
	options.SetMatchETagExcept("*")
	info, err := s.client.PutObject(ctx, s.bucket, ref.key(), body, ref.Size, options)
	if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
		there, err := s.Exists(ctx, ref)
		if err == nil && !there {
			err = fault.New(fault.StoreUnavailable, "the store says both that artifact %s is there and that it is not", ref.Short())
		}
		return err
	}
	if err != nil {
		return classify(ctx, err, fault.ArtifactMissing, "store artifact", ref.Short())
	}
	if info.Size != ref.Size {
		return fault.New(fault.ArtifactCorrupt, "the store took %d of the %d bytes of artifact %s", info.Size, ref.Size, ref.Short()).
			WithRemedy("the file changed while it was stored; run the step again")
	}
	return nil
}

// Exists asks the store, not the cache. An object of another size is
// ArtifactCorrupt.
func (s *Store) Exists(ctx context.Context, ref Ref) (bool, error) {
	if err := ref.Validate(); err != nil {
		return false, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, ref.key(), minio.StatObjectOptions{})
	if err := classify(ctx, err, fault.ArtifactMissing, "look for artifact", ref.Short()); err != nil {
		if fault.KindOf(err) == fault.ArtifactMissing {
			return false, nil
		}
		return false, err
	}
	if info.Size != ref.Size {
		return false, fault.New(fault.ArtifactCorrupt, "artifact %s has %d bytes in the store instead of %d", ref.Short(), info.Size, ref.Size).
			WithRemedy("remove the object %s/%s and run with --no-cache", s.bucket, ref.key())
	}
	return true, nil
}

// File gives a local path with the verified bytes of ref, fetching them if the
// cache does not have them. The file is read-only and stays until release is
// called; release may be called more than once and is never nil.
func (s *Store) File(ctx context.Context, ref Ref) (path string, release func(), err error) {
	if err := ref.Validate(); err != nil {
		return "", func() {}, err
	}
	unlock, err := s.cache.lock(ctx, ref.Digest)
	if err != nil {
		return "", func() {}, err
	}
	defer unlock()
	if path, release, ok := s.cache.open(ref); ok {
		return path, release, nil
	}
	// Once more if the bytes were damaged on the way; twice is the store's damage.
	for range 2 {
		path, release, err = s.fetch(ctx, ref)
		if fault.KindOf(err) != fault.ArtifactCorrupt {
			break
		}
	}
	return path, release, err
}

func (s *Store) fetch(ctx context.Context, ref Ref) (string, func(), error) {
	tmp, err := s.cache.temp()
	if err != nil {
		return "", func() {}, err
	}
	defer tmp.discard()
	digest, size, err := s.download(ctx, s.bucket, ref.key(), tmp.file, fault.ArtifactMissing, "fetch artifact", ref.Short())
	if err != nil {
		return "", func() {}, err
	}
	if digest != ref.Digest || size != ref.Size {
		return "", func() {}, fault.New(fault.ArtifactCorrupt, "artifact %s came back as %d bytes with digest %s", ref.Short(), size, digest[:12]).
			WithRemedy("remove the object %s/%s and run with --no-cache", s.bucket, ref.key())
	}
	return s.cache.keep(ref, tmp)
}

// Bytes reads a whole artifact; one larger than limit is ResourceExhausted.
func (s *Store) Bytes(ctx context.Context, ref Ref, limit int64) ([]byte, error) {
	if ref.Size > limit {
		return nil, fault.New(fault.ResourceExhausted, "artifact %s has %d bytes, more than the %d read into memory", ref.Short(), ref.Size, limit)
	}
	for range 2 {
		path, release, err := s.File(ctx, ref)
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(path)
		release()
		if err == nil && DigestOf(b) == ref.Digest {
			return b, nil
		}
		s.cache.drop(ref)
	}
	return nil, fault.New(fault.ArtifactCorrupt, "artifact %s changes on local disk while it is read", ref.Short()).
		WithRemedy("check the disk of ESTEIRA_CACHE_DIR")
}

// JSON reads an artifact of up to MaxJSON bytes into v.
func (s *Store) JSON(ctx context.Context, ref Ref, v any) error {
	b, err := s.Bytes(ctx, ref, MaxJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fault.Wrap(err, fault.ArtifactCorrupt, "artifact %s is not the JSON of a %T", ref.Short(), v).
			WithRemedy("it was written by another version of the program; run with --no-cache")
	}
	return nil
}
