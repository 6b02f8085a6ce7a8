package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/secret"
)

// The algorithms of keys.
const (
	Ed25519 = "ed25519"
	P256    = "p256" // ECDSA on P-256 with SHA-256
)

// Key is a private key, which signs.
type Key struct {
	signer crypto.Signer
	id     string
}

// Generate makes a new key of an algorithm. An unknown one is ConfigInvalid.
func Generate(algorithm string) (*Key, error) {
	var signer crypto.Signer
	var err error
	switch algorithm {
	case Ed25519:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case P256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fault.New(fault.ConfigInvalid, "%q is not an algorithm of keys", clip(algorithm)).WithRemedy("write %s or %s", Ed25519, P256)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "make a key")
	}
	return keyOf(signer)
}

// ParseKey reads a private key: PKCS #8, in PEM or, on one line, in base64. The error
// is ConfigInvalid and shows nothing of the text.
func ParseKey(text string) (*Key, error) { return parseKey("the signing key", text) }

func parseKey(what, text string) (*Key, error) {
	refuse := func(why string) (*Key, error) {
		return nil, fault.New(fault.ConfigInvalid, "%s %s", what, why).WithRemedy("give an Ed25519 or P-256 key as PKCS #8 in PEM; make one: esteira keys generate --out DIR")
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if block, rest := pem.Decode([]byte(text)); block != nil {
		if block.Type != "PRIVATE KEY" || len(block.Headers) > 0 || len(rest) > 0 {
			return refuse("is not one PEM block of a PRIVATE KEY")
		}
		der, err = block.Bytes, nil
	}
	if err != nil {
		return refuse("is neither PEM nor base64")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return refuse("is not PKCS #8")
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok || algorithmOf(signer.Public()) == "" {
		return refuse("is of an algorithm that is not supported")
	}
	return keyOf(signer)
}

// ResolveKey reads the private key that a reference (env:NAME or file:PATH) stands
// for. No reference is no key.
func ResolveKey(reference string) (*Key, error) {
	if reference == "" {
		return nil, nil
	}
	text, err := secret.Resolve(reference)
	if err != nil {
		return nil, err
	}
	return parseKey("the signing key "+reference, text)
}

func keyOf(signer crypto.Signer) (*Key, error) {
	text, err := publicPEM(signer.Public())
	return &Key{signer: signer, id: idOf(text)}, err
}

// ID names the key: the SHA-256 of its public half in PEM, 64 hexadecimal digits;
// "" for no key.
func (k *Key) ID() string {
	if k == nil {
		return ""
	}
	return k.id
}

// PEM returns the private key as a file holds it.
func (k *Key) PEM() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "encode a key")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// String keeps a key from being printed.
func (k *Key) String() string { return "key " + k.ID() }

// sign returns the signature of a message; the same message has the same one.
func (k *Key) sign(message []byte) ([]byte, error) {
	if algorithmOf(k.signer.Public()) == Ed25519 {
		return k.signer.Sign(nil, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return k.signer.Sign(nil, sum[:], crypto.SHA256)
}

// signed reports whether the signature is the public key's of the message.
func signed(key crypto.PublicKey, message, signature []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], signature)
	}
	return false
}

// algorithmOf returns the algorithm of a public key, "" for one that is not supported.
func algorithmOf(key crypto.PublicKey) string {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return Ed25519
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return P256
		}
	}
	return ""
}

func publicPEM(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "encode a public key")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

func idOf(publicPEM string) string {
	sum := sha256.Sum256([]byte(publicPEM))
	return hex.EncodeToString(sum[:])
}
