package bundle

import (
	"bytes"
	"errors"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/signing"
)

// Sign returns the bundle with the key's signature as its last entry, in place of
// any that it had. The same bundle and key give the same bytes. Errors are Open's for
// bytes that are no bundle.
func Sign(data []byte, key *signing.Key) ([]byte, error) {
	o, err := unarchive(data)
	if err != nil {
		return nil, err
	}
	if o.envelope, err = key.Sign(o.manifest.Name, o.signs()); err != nil {
		return nil, err
	}
	return o.bytes(len(data) + len(o.envelope))
}

// Unsigned returns the bundle without its signature: what Build made.
func Unsigned(data []byte) ([]byte, error) {
	o, err := unarchive(data)
	if err != nil {
		return nil, err
	}
	o.envelope = nil
	return o.bytes(len(data))
}

// OpenTrusted is Open for a bundle that must be vouched for as trust says, which is
// established before anything in it is decoded. The key that vouches for it is in
// the result's Signer; nil if none is asked for.
//
// Errors: SignatureInvalid and those of Open.
func OpenTrusted(data []byte, trust signing.Trust) (*Bundle, error) {
	o, err := unarchive(data)
	if err != nil {
		return nil, err
	}
	seal, err := o.seal()
	var signer *signing.PublicKey
	if err == nil {
		signer, err = trust.Verify(seal, time.Now())
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return nil, fault.New(f.Kind, "the bundle of model %q is refused: %s", o.manifest.Name, f.Message).WithRemedy("%s", f.Remedy)
	}
	b, err := o.open()
	if err != nil {
		return nil, err
	}
	if b.Signer = signer; seal != nil {
		b.SignedBy = seal.KeyID
	}
	return b, nil
}

// signs lists what a signature is about: all files, and the manifest.
func (o *opened) signs() []signing.File {
	files := []signing.File{{Name: "manifest.json", SHA256: digest(o.raw)}}
	for _, f := range o.manifest.Files {
		files = append(files, signing.File{Name: f.Name, SHA256: f.SHA256})
	}
	return files
}

// seal reads the signature, if there is one.
func (o *opened) seal() (*signing.Seal, error) {
	if o.envelope == nil {
		return nil, nil
	}
	return signing.Read(o.envelope, o.manifest.Name, o.signs())
}

func (o *opened) bytes(about int) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(about + 4<<10)
	if err := archive(&out, o); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "write the archive of model %q", o.manifest.Name)
	}
	if out.Len() > maxBundle {
		return nil, invalid("the bundle has %d bytes; the bound is %d", out.Len(), maxBundle)
	}
	return out.Bytes(), nil
}
