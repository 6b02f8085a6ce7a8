package artifact

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
)
