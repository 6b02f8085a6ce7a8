package artifact

import (
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Ref names an artifact by the content of its bytes. It is the only form in
// which data travels through workflows.
type Ref struct {
	Digest    string `json:"digest"`     // lower-case hex SHA-256 of the bytes, 64 characters
	Size      int64  `json:"size"`       // bytes
	MediaType string `json:"media_type"` // one of the MediaType constants
}

// IsZero reports whether the reference names nothing.
func (r Ref) IsZero() bool { return r.Digest == "" }

// Short returns the first twelve characters of the digest, for people.
func (r Ref) Short() string { return r.Digest[:min(12, len(r.Digest))] }

// Media types of the artifacts of a run.
const (
	MediaTypeParquet = "application/vnd.apache.parquet"
	MediaTypeJSON    = "application/json"
	MediaTypeHTML    = "text/html; charset=utf-8"
	MediaTypeBundle  = "application/vnd.esteira.bundle.v1+tar"
	MediaTypeONNX    = "application/vnd.onnx"
	MediaTypeOther   = "application/octet-stream"

	MediaTypeCheckpoint = "application/vnd.esteira.checkpoint.v1"
)

// Validate refuses a reference that cannot name an artifact. References come
// from files and requests too, and a digest becomes part of a path.
func (r Ref) Validate() error {
	if len(r.Digest) != 64 || strings.Trim(r.Digest, "0123456789abcdef") != "" {
		return fault.New(fault.ArtifactMissing, "%.80q is not the digest of an artifact", r.Digest).WithRemedy("give the 64 hexadecimal digits")
	}
	if r.Size < 0 {
		return fault.New(fault.ArtifactMissing, "artifact %s has a negative size", r.Short())
	}
	return nil
}

// key is where the object of a digest lies in the bucket, and in the cache.
func (r Ref) key() string { return "sha256/" + r.Digest[:2] + "/" + r.Digest }
