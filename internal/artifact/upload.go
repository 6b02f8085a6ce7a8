package artifact

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

// digestMetadata is where an uploaded object says what it holds.
const digestMetadata = "Esteira-Sha256"

// Writable refuses an address that Upload may not write to: ConfigInvalid for what is
// none, and for the store's own artifacts.
func (s *Store) Writable(url string) error {
	bucket, key, err := parseURL(url)
	if err != nil || strings.HasSuffix(key, "*") {
		return fault.New(fault.ConfigInvalid, "%q is not the address of an object", url).WithRemedy("write s3://BUCKET/KEY")
	}
	if bucket == s.bucket && (strings.HasPrefix(key, "sha256/") || strings.HasPrefix(key, "staging/")) {
		return fault.New(fault.ConfigInvalid, "%s is among the artifacts of the store", url).WithRemedy("name another key or bucket")
	}
	return nil
}

// Upload puts the file at path, whose digest is given, at s3://bucket/key, whole or
// not at all. If something else is there and may not be replaced, it stays and taken
// is true; the same bytes are what an earlier call left.
func (s *Store) Upload(ctx context.Context, url, path, digest string, overwrite bool) (taken bool, err error) {
	if err := s.Writable(url); err != nil {
		return false, err
	}
	bucket, key, err := parseURL(url)
	if err != nil {
		return false, err
	}
	file, err := os.Open(path)
	if err != nil {
		return false, fault.Wrap(err, fault.Internal, "upload a file")
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, fault.Wrap(err, fault.Internal, "upload a file")
	}
	options := minio.PutObjectOptions{ContentType: MediaTypeOther, UserMetadata: map[string]string{digestMetadata: digest}}
	if !overwrite {
		options.SetMatchETagExcept("*")
	}
	_, err = s.client.PutObject(ctx, bucket, key, file, info.Size(), options)
	if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
		there, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		if err != nil {
			return false, classify(ctx, err, fault.StoreUnavailable, "look for output", url)
		}
		return there.UserMetadata[digestMetadata] != digest, nil
	}
	return false, classify(ctx, err, fault.ConfigInvalid, "write output", url)
}
