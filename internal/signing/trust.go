package signing

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds on trusted keys.
const (
	maxKeys    = 1000
	maxKeyFile = 64 << 10
)

// Trust says whose signatures count. The zero value asks for none.
type Trust struct {
	Keys []PublicKey
}

// Trusted reads the keys to be trusted: files, and the files of directories that end
// in .pub or .pem. No path is to trust whatever comes; paths without a key are a
// mistake, which must not mean the same. The error is ConfigInvalid.
func Trusted(paths []string) (Trust, error) {
	var t Trust
	for _, path := range paths {
		files := []string{path}
		entries, err := os.ReadDir(path)
		if err == nil {
			files = nil
			for _, e := range entries {
				if suffix := filepath.Ext(e.Name()); suffix == ".pub" || suffix == ".pem" {
					files = append(files, filepath.Join(path, e.Name()))
				}
			}
		}
		for _, file := range files {
			key, err := readPublic(file)
			if err != nil {
				return Trust{}, err
			}
			if slices.ContainsFunc(t.Keys, func(k PublicKey) bool { return k.ID == key.ID }) {
				return Trust{}, fault.New(fault.ConfigInvalid, "the trusted key %s is there twice", file).WithRemedy("remove one of the files, so that there is one place to end its trust")
			}
			if t.Keys = append(t.Keys, key); len(t.Keys) > maxKeys {
				return Trust{}, fault.New(fault.ConfigInvalid, "there are more than %d trusted keys", maxKeys).WithRemedy("remove those that nobody signs with any more")
			}
		}
	}
	if len(paths) > 0 && len(t.Keys) == 0 {
		return Trust{}, fault.New(fault.ConfigInvalid, "there is no trusted key in %s", strings.Join(paths, ", ")).
			WithRemedy("put public keys (*.pub) there, or unset ESTEIRA_TRUSTED_KEYS to accept what is not signed")
	}
	return t, nil
}

func readPublic(file string) (PublicKey, error) {
	info, err := os.Stat(file)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxKeyFile) {
		err = errors.New("it is not a small file")
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return PublicKey{}, fault.Wrap(err, fault.ConfigInvalid, "read the trusted key %s", file).WithRemedy("put the public key there, or take it out of ESTEIRA_TRUSTED_KEYS")
	}
	name := filepath.Base(file)
	return ParsePublic(strings.TrimSuffix(name, filepath.Ext(name)), string(text))
}

// Required reports whether only what is signed is accepted.
func (t Trust) Required() bool { return len(t.Keys) > 0 }

// Verify returns the trusted key that vouches for a seal (nil: there is none) at a
// time. Without trusted keys every seal and none is accepted, and the key is nil.
//
// The error is SignatureInvalid: no signature, a key that is not trusted or no longer,
// or a signature that is not the key's.
func (t Trust) Verify(s *Seal, now time.Time) (*PublicKey, error) {
	if !t.Required() {
		return nil, nil
	}
	if s == nil {
		return nil, fault.New(fault.SignatureInvalid, "it is not signed, and only what a trusted key has signed is accepted here").
			WithRemedy("package the model with a worker that has ESTEIRA_SIGNING_KEY; trusted are %s", t.names())
	}
	i := slices.IndexFunc(t.Keys, func(k PublicKey) bool { return k.ID == s.KeyID })
	if i < 0 {
		return nil, fault.New(fault.SignatureInvalid, "it is signed with key %s, which is not trusted here", short(s.KeyID)).
			WithRemedy("package the model with a key that is trusted (%s), or add the public key to ESTEIRA_TRUSTED_KEYS", t.names())
	}
	key := &t.Keys[i]
	if key.NotAfter != nil && !now.Before(*key.NotAfter) {
		return nil, fault.New(fault.SignatureInvalid, "it is signed with key %s (%s), which is trusted until %s and no longer", short(key.ID), key.Name, key.NotAfter.Format(time.RFC3339)).
			WithRemedy("package the model again with a present key, or give the key's file a later Not-After")
	}
	if !signed(key.key, pae(s.payload), s.signature) {
		return nil, fault.New(fault.SignatureInvalid, "the signature is not that of key %s (%s), which it names", short(key.ID), key.Name).
			WithRemedy("fetch it again; if that does not help, somebody has altered it: package the model again")
	}
	return key, nil
}

func (t Trust) names() string {
	var names []string
	for _, k := range t.Keys {
		names = append(names, k.Name+" "+short(k.ID))
	}
	return clip(strings.Join(names, ", "))
}

// short is an ID as people are shown it.
func short(id string) string { return clip(id)[:min(12, len(clip(id)))] }
