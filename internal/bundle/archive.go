package bundle

import (
	"archive/tar"
	"bytes"
	"io"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/signing"
)

// opened is an archive taken apart.
type opened struct {
	raw      []byte // manifest.json
	manifest Manifest
	files    map[string][]byte
	envelope []byte // model.sig; nil: not signed
}

// archive writes the manifest, the files it lists and the signature, in the canonical
// form.
func archive(w io.Writer, o *opened) error {
	t := tar.NewWriter(w)
	add := func(name string, data []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	if err := add("manifest.json", o.raw); err != nil {
		return err
	}
	for _, f := range o.manifest.Files {
		if err := add(f.Name, o.files[f.Name]); err != nil {
			return err
		}
	}
	if o.envelope != nil {
		if err := add(signing.SignatureFile, o.envelope); err != nil {
			return err
		}
	}
	return t.Close()
}

// unarchive reads what archive wrote and verifies every byte of it: digests for
// the files, the canonical form for all between them (headers, padding, trailer).
// The files alias data. What a signature says is for seal to verify.
func unarchive(data []byte) (*opened, error) {
	if len(data) > maxBundle {
		return nil, invalid("the bundle has %d bytes; the bound is %d", len(data), maxBundle)
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
	o := &opened{}
	var err error
	if o.raw, err = next("manifest.json", maxManifest); err != nil {
		return nil, err
	}
	if o.manifest, err = readManifest(o.raw); err != nil {
		return nil, err
	}
	o.files = make(map[string][]byte, len(o.manifest.Files))
	for _, f := range o.manifest.Files {
		body, err := next(f.Name, f.Size)
		if err != nil {
			return nil, err
		}
		if int64(len(body)) != f.Size || digest(body) != f.SHA256 {
			return nil, invalid("%s does not match its digest in the manifest", f.Name)
		}
		o.files[f.Name] = body
	}
	// An archive that is not signed has nothing more; one that ends amiss is not what
	// archive would write.
	if body, err := next(signing.SignatureFile, signing.MaxSeal); err == nil {
		o.envelope = body
	}
	same := &comparer{want: data}
	if err := archive(same, o); err != nil || same.differs || len(same.want) > 0 {
		return nil, invalid("the bundle holds bytes beside its files, or is not in the canonical form")
	}
	return o, nil
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
