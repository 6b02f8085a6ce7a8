package artifact_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestSourcesAreListedInOrderAndDownloaded(t *testing.T) {
	o := testenv.StoreOptions(t)
	s := open(t, o)
	s3 := testenv.S3(t)
	for _, key := range []string{"in/b.csv", "in/a.csv", "in/sub/c.csv", "in/", "other.csv"} {
		body := "rows of " + key
		if strings.HasSuffix(key, "/") {
			body = ""
		}
		if _, err := s3.PutObject(t.Context(), o.Bucket, key, strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	base := "s3://" + o.Bucket + "/"
	found, err := s.List(t.Context(), base+"in/*")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, object := range found {
		got = append(got, strings.TrimPrefix(object.URL, base))
	}
	if want := "in/a.csv in/b.csv in/sub/c.csv"; strings.Join(got, " ") != want {
		t.Fatalf("got %v", got)
	}
	if one, err := s.List(t.Context(), base+"other.csv"); err != nil || len(one) != 1 || one[0].Size != 17 || one[0].ETag == "" {
		t.Fatal(one, err)
	}
	to := filepath.Join(t.TempDir(), "a.csv")
	if _, err := s.Download(t.Context(), found[0].URL, to, found[0].Size-1); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
	object, err := s.Download(t.Context(), found[0].URL, to, found[0].Size)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(to)
	if err != nil || string(b) != "rows of in/a.csv" || object.Digest != artifact.DigestOf(b) || object.Size != int64(len(b)) {
		t.Fatal(string(b), object, err)
	}
}

func TestASourceThatIsNotThere(t *testing.T) {
	o := testenv.StoreOptions(t)
	s := open(t, o)
	for _, url := range []string{
		"s3://" + o.Bucket + "/absent.csv", "s3://" + o.Bucket + "/absent*", "s3://" + testenv.Name(t) + "/x.csv",
		"s3://" + testenv.Name(t) + "/x*", "s3://", "s3://bucket", "https://x/y",
	} {
		if _, err := s.List(t.Context(), url); fault.KindOf(err) != fault.SourceNotFound {
			t.Errorf("list %s: %v", url, err)
		}
		to := filepath.Join(t.TempDir(), "out")
		if _, err := s.Download(t.Context(), url, to, 1<<20); fault.KindOf(err) != fault.SourceNotFound {
			t.Errorf("download %s: %v", url, err)
		}
		if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) != 0 {
			t.Errorf("download %s left %v, %v", url, left, err)
		}
	}
}
