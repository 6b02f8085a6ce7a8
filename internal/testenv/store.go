package testenv

import (
	"net/url"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// Store returns an artifact store with a bucket and a cache of the test alone;
// the bucket is emptied and removed after it.
func Store(t testing.TB) *artifact.Store {
	t.Helper()
	store, err := artifact.Open(setUp(t), StoreOptions(t))
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	return store
}

// StoreOptions is Store for a test that opens it by itself, or several times.
func StoreOptions(t testing.TB) artifact.Options {
	t.Helper()
	c := Config(t)
	c.Bucket = Name(t)
	options := c.ArtifactOptions()
	s3 := S3(t)
	t.Cleanup(func() { removeBucket(t, s3, c.Bucket) })
	return options
}

// S3 returns a bare client of the object store, to put sources there or to do
// what a store of ours never would.
func S3(t testing.TB) *minio.Client {
	t.Helper()
	c := Config(t)
	u, err := url.Parse(c.S3.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:      credentials.NewStaticV4(c.S3.AccessKey, c.S3.SecretKey.Reveal(), c.S3.SessionToken.Reveal()),
		MaxRetries: 2,
		Region:     c.S3.Region,
		Secure:     u.Scheme == "https",
	})
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	return client
}

func removeBucket(t testing.TB, s3 *minio.Client, bucket string) {
	ctx, cancel := tearDown()
	defer cancel()
	if ok, err := s3.BucketExists(ctx, bucket); err != nil || !ok {
		return // never made, or the test took the server away
	}
	for object := range s3.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if err := s3.RemoveObject(ctx, bucket, object.Key, minio.RemoveObjectOptions{}); err != nil {
			t.Errorf("empty test bucket %s: %v", bucket, err)
			return
		}
	}
	if err := s3.RemoveBucket(ctx, bucket); err != nil {
		t.Errorf("remove test bucket %s: %v", bucket, err)
	}
}
