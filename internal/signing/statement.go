package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// File is what is vouched for: a name and the SHA-256 of its bytes, in hexadecimal.
type File struct {
	Name   string
	SHA256 string
}

// SignatureFile is the name of the file that holds a signature, beside those it is of.
const SignatureFile = "model.sig"

const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://model_signing/signature/v1.0"
)

// statement is an in-toto statement, in the order that model_signing writes it.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	Serialization serialization `json:"serialization"`
	Resources     []resource    `json:"resources"`
}

// serialization says how the digests of a directory are taken.
type serialization struct {
	Method        string   `json:"method"`
	HashType      string   `json:"hash_type"`
	AllowSymlinks bool     `json:"allow_symlinks"`
	IgnorePaths   []string `json:"ignore_paths"`
}

type resource struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

// state returns the statement about the files of a model.
func state(model string, files []File) (*statement, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	s := &statement{
		Type: statementType, PredicateType: predicateType,
		Predicate: predicate{Serialization: serialization{Method: "files", HashType: "sha256", IgnorePaths: []string{SignatureFile}}},
	}
	root := sha256.New()
	for _, f := range files {
		digest, err := hex.DecodeString(f.SHA256)
		if err != nil || len(digest) != sha256.Size {
			return nil, fault.New(fault.Internal, "%q is not the digest of %s", clip(f.SHA256), clip(f.Name))
		}
		root.Write(digest)
		s.Predicate.Resources = append(s.Predicate.Resources, resource{f.Name, "sha256", f.SHA256})
	}
	s.Subject = []subject{{Name: model, Digest: map[string]string{"sha256": hex.EncodeToString(root.Sum(nil))}}}
	return s, nil
}

// encode returns the one form of v as JSON, on one line.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode a signature")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
