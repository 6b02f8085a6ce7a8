package bundle

import (
	"archive/tar"
	"bytes"
	"io"

	"github.com/esteira-ml/esteira/internal/fault"
)

// archive writes the manifest and the files it lists, in the canonical form.
func archive(w io.Writer, manifest []byte, m *Manifest, files map[string][]byte) error {
	t := tar.NewWriter(w)
	add := func(name string, data []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	if err := add("manifest.json", manifest); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := add(f.Name, files[f.Name]); err != nil {
			return err
		}
	}
	return t.Close()
}

// unarchive reads what archive wrote and verifies every byte of it: digests for
// the files, the canonical form for all between them (headers, padding, trailer).
// The files alias data.
func unarchive(data []byte) (Manifest, map[string][]byte, error) {
	if len(data) > maxBundle {
		return Manifest{}, nil, invalid("the bundle has %d bytes; the bound is %d", len(data), maxBundle)
	}
	source := bytes.NewReader(data)
	t := tar.NewReader(source)
	next := func(name string, most int64) ([]byte, error) {
		h, err := t.Next()
		if err == io.EOF {
			return nil, invalid("the bundle ends before %s", name)
		}
		if err != nil {
			e := invalid("the bundle is not a tar archive at the place of %s", name)
			e.Cause = err
			return nil, e
		}
		if h.Name != name || h.Typeflag != tar.TypeReg {
			return nil, invalid("the bundle holds %q of type %q where the file %s belongs", clip(h.Name), h.Typeflag, name)
		}
		at := int64(len(data)) - int64(source.Len())
		if h.Size < 0 || h.Size > most || h.Size > int64(source.Len()) {
			return nil, invalid("%s has %d bytes, more than its bound of %d or than the bundle holds", name, h.Size, most)
		}
		return data[at : at+h.Size : at+h.Size], nil
	}
	raw, err := next("manifest.json", maxManifest)
	if err != nil {
		return Manifest{}, nil, err
	}
	m, err := readManifest(raw)
	if err != nil {
		return Manifest{}, nil, err
	}
	files := make(map[string][]byte, len(m.Files))
	for _, f := range m.Files {
		body, err := next(f.Name, f.Size)
		if err != nil {
			return Manifest{}, nil, err
		}
		if int64(len(body)) != f.Size || digest(body) != f.SHA256 {
			return Manifest{}, nil, invalid("%s does not match its digest in the manifest", f.Name)
		}
		files[f.Name] = body
	}
	same := &comparer{want: data}
	if err := archive(same, raw, &m, files); err != nil || same.differs || len(same.want) > 0 {
		return Manifest{}, nil, invalid("the bundle holds bytes beside its files, or is not in the canonical form")
	}
	return m, files, nil
}

// comparer checks that what is written is what is wanted.
type comparer struct {
	want    []byte // what is still to come
	differs bool
}

func (c *comparer) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(c.want, p) {
		c.differs = true
		return 0, fault.New(fault.BundleInvalid, "not the canonical form")
	}
	c.want = c.want[len(p):]
	return len(p), nil
}
