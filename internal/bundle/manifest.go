package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Format and Version name what Build writes and Open reads.
const (
	Format  = "esteira-bundle"
	Version = 1
)

// Bounds on a bundle from outside, in bytes.
const (
	maxBundle   = 1 << 30
	maxManifest = 64 << 10
	maxName     = 200
)

// Manifest is the first entry: what the bundle is and the digests of all else.
type Manifest struct {
	Format       string        `json:"format"`
	Version      int           `json:"version"`
	Name         string        `json:"name"` // of the model
	Task         pipeline.Task `json:"task"`
	CreatedByRun string        `json:"created_by_run,omitempty"`
	Files        []File        `json:"files"`    // in the order of the archive
	Checksum     string        `json:"checksum"` // SHA-256 of this manifest with an empty checksum
}

// File is one entry of the archive.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// entry is one kind of file in the archive.
type entry struct {
	name     string
	most     int64 // bytes
	optional bool
}

// entries lists them in the order of the archive.
var entries = []entry{
	{"signature.json", 16 << 20, false},
	{"features.json", 64 << 20, false},
	{"target.json", 1 << 20, false},
	{"model.json", 256 << 20, false},
	{"model.onnx", 512 << 20, true},
	{"model.pmml", 256 << 20, true},
	{"baseline.json", 64 << 20, false},
	{"loss.json", 16 << 20, true},
	{"golden.json", 16 << 20, false},
	{"metrics.json", 4 << 20, false},
	{"lineage.json", 1 << 20, false},
	{"MODEL_CARD.md", 4 << 20, false},
}

func invalid(message string, args ...any) *fault.Error {
	return fault.New(fault.BundleInvalid, message, args...).WithRemedy("fetch the bundle again, or package the model again")
}

// encode writes canonical JSON: indented, keys in the order of the types, maps
// sorted.
func encode(name string, v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode %s of a bundle", name)
	}
	return append(data, '\n'), nil
}

// decode reads one JSON value strictly; numbers inside any keep their digits.
func decode(name string, data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	d.UseNumber()
	err := d.Decode(into)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("there are bytes after the value")
		}
	}
	if err != nil {
		e := invalid("%s of the bundle cannot be read", name)
		e.Cause = err
		return e
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// encode seals the manifest and returns its bytes.
func (m Manifest) encode() (Manifest, []byte, error) {
	m.Checksum = ""
	data, err := encode("manifest.json", m)
	if err != nil {
		return m, nil, err
	}
	m.Checksum = digest(data)
	data, err = encode("manifest.json", m)
	return m, data, err
}

// readManifest checks everything about a manifest but the files' bytes.
func readManifest(data []byte) (Manifest, error) {
	var kind struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		e := invalid("manifest.json of the bundle cannot be read")
		e.Cause = err
		return Manifest{}, e
	}
	switch {
	case kind.Format != Format:
		return Manifest{}, invalid("the manifest says format %q, not %q", clip(kind.Format), Format)
	case kind.Version > Version:
		return Manifest{}, fault.New(fault.BundleInvalid, "the bundle has version %d and this build reads %d", kind.Version, Version).WithRemedy("upgrade the server to the build that made the bundle")
	case kind.Version < Version:
		return Manifest{}, fault.New(fault.BundleInvalid, "the bundle has version %d, older than %d, which this build reads", kind.Version, Version).WithRemedy("package the model again")
	}
	var m Manifest
	if err := decode("manifest.json", data, &m); err != nil {
		return Manifest{}, err
	}
	_, canonical, err := m.encode()
	if err != nil {
		return Manifest{}, err
	}
	if !bytes.Equal(canonical, data) {
		return Manifest{}, invalid("manifest.json does not match its own checksum")
	}
	if m.Name == "" || len(m.Name) > maxName {
		return Manifest{}, invalid("the model's name has %d characters, not between 1 and %d", len(m.Name), maxName)
	}
	return m, m.checkFiles()
}

// checkFiles refuses unknown, repeated, missing, misplaced and oversized entries.
func (m *Manifest) checkFiles() error {
	at := 0
	for _, f := range m.Files {
		i := slices.IndexFunc(entries[at:], func(e entry) bool { return e.name == f.Name })
		if i < 0 {
			return invalid("the manifest lists %q, which is unknown, listed twice or out of order", clip(f.Name))
		}
		for _, skipped := range entries[at : at+i] {
			if !skipped.optional {
				return invalid("the manifest does not list %s in its place", skipped.name)
			}
		}
		at += i
		if f.Size < 0 || f.Size > entries[at].most {
			return invalid("%s has %d bytes; the bound is %d", f.Name, f.Size, entries[at].most)
		}
		at++
	}
	for _, skipped := range entries[at:] {
		if !skipped.optional {
			return invalid("the manifest does not list %s in its place", skipped.name)
		}
	}
	return nil
}
