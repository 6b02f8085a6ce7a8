package artifact

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

// MaxObjects bounds what one pattern may match.
const MaxObjects = 100_000

// Object is one object of a user's source.
type Object struct {
	URL      string    `json:"url"` // s3://bucket/key
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	Digest   string    `json:"digest,omitempty"` // hex SHA-256, after Download
}

// List finds the objects of s3://bucket/key, or of every key that starts so if
// the pattern ends in *, in the order of their keys. It uses the store's own
// address and credentials. Nothing there is SourceNotFound.
func (s *Store) List(ctx context.Context, pattern string) ([]Object, error) {
	bucket, key, err := parseURL(pattern)
	if err != nil {
		return nil, err
	}
	prefix, many := strings.CutSuffix(key, "*")
	if !many {
		info, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		if err != nil {
			return nil, notFound(classify(ctx, err, fault.SourceNotFound, "look for source", pattern))
		}
		return []Object{objectOf(bucket, info)}, nil
	}
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	var out []Object
	for info := range s.client.ListObjects(listing, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if info.Err != nil {
			return nil, notFound(classify(ctx, info.Err, fault.SourceNotFound, "list source", pattern))
		}
		if strings.HasSuffix(info.Key, "/") && info.Size == 0 {
			continue // a folder somebody made in a browser
		}
		if len(out) == MaxObjects {
			return nil, fault.New(fault.ResourceExhausted, "source %s matches more than %d objects", pattern, MaxObjects).WithRemedy("narrow the pattern")
		}
		out = append(out, objectOf(bucket, info))
	}
	if err := ctx.Err(); err != nil {
		return nil, classify(ctx, err, fault.SourceNotFound, "list source", pattern)
	}
	if len(out) == 0 {
		return nil, notFound(fault.New(fault.SourceNotFound, "no object matches %s", pattern))
	}
	return out, nil
}

// Object looks at the one object at s3://bucket/key.
func (s *Store) Object(ctx context.Context, url string) (Object, error) {
	bucket, key, err := parseURL(url)
	if err != nil {
		return Object{}, err
	}
	info, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Object{}, notFound(classify(ctx, err, fault.SourceNotFound, "look for source", url))
	}
	return objectOf(bucket, info), nil
}

// Download writes the object at s3://bucket/key to the path to, whole or not at
// all, and says what it read. ResourceExhausted if it has more than most bytes.
func (s *Store) Download(ctx context.Context, url, to string, most int64) (Object, error) {
	bucket, key, err := parseURL(url)
	if err != nil {
		return Object{}, err
	}
	info, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Object{}, notFound(classify(ctx, err, fault.SourceNotFound, "look for source", url))
	}
	if info.Size > most {
		return Object{}, fault.New(fault.ResourceExhausted, "%s has more than %d bytes, the bound of one part of a source", url, most).WithRemedy("cut it into parts")
	}
	file, err := os.CreateTemp(filepath.Dir(to), ".download-*")
	if err != nil {
		return Object{}, fault.Wrap(err, fault.ResourceExhausted, "make a file for source %s", url).WithRemedy("check the disk of the worker")
	}
	defer os.Remove(file.Name())
	defer file.Close()
	digest, size, err := s.download(ctx, bucket, key, file, fault.SourceNotFound, "read source", url)
	if err != nil {
		return Object{}, notFound(err)
	}
	if err := os.Rename(file.Name(), to); err != nil {
		return Object{}, fault.Wrap(err, fault.Internal, "place source %s", url)
	}
	out := objectOf(bucket, info)
	out.Digest, out.Size = digest, size
	return out, nil
}

func objectOf(bucket string, info minio.ObjectInfo) Object {
	return Object{URL: "s3://" + bucket + "/" + info.Key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified.UTC()}
}

func notFound(err error) error {
	if f, ok := err.(*fault.Error); ok && f.Kind == fault.SourceNotFound {
		return f.WithRemedy("check the bucket and key; a trailing * matches every key that starts so")
	}
	return err
}

func parseURL(url string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(url, "s3://")
	bucket, key, found := strings.Cut(rest, "/")
	if !ok || !found || bucket == "" || key == "" {
		return "", "", fault.New(fault.SourceNotFound, "%q is not an S3 address", url).WithRemedy("write s3://BUCKET/KEY, or s3://BUCKET/PREFIX*")
	}
	return bucket, key, nil
}
