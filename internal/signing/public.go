package signing

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// PublicKey is one whose signatures are trusted.
type PublicKey struct {
	ID        string     `json:"id"`   // SHA-256 of the PEM
	Name      string     `json:"name"` // of its file
	Algorithm string     `json:"algorithm"`
	NotAfter  *time.Time `json:"not_after,omitempty"` // when it ceases to be trusted; nil: never

	key crypto.PublicKey
}

const notAfter = "Not-After:"

// Public returns the public half, to be trusted until a time; zero: for ever.
func (k *Key) Public(name string, until time.Time) PublicKey {
	p := PublicKey{ID: k.id, Name: name, Algorithm: algorithmOf(k.signer.Public()), key: k.signer.Public()}
	if !until.IsZero() {
		until = until.UTC().Truncate(time.Second)
		p.NotAfter = &until
	}
	return p
}

// Text returns what a file of the key holds; ParsePublic reads it back.
func (p PublicKey) Text() (string, error) {
	text, err := publicPEM(p.key)
	if p.NotAfter != nil {
		text = notAfter + " " + p.NotAfter.Format(time.RFC3339) + "\n" + text
	}
	return text, err
}

// ParsePublic reads one public key in PEM, before which may be comments (#) and a line
// Not-After. Any other line is refused: a misspelt one would otherwise be for ever.
// The error is ConfigInvalid.
func ParsePublic(name, text string) (PublicKey, error) {
	refuse := func(why string, args ...any) (PublicKey, error) {
		return PublicKey{}, fault.New(fault.ConfigInvalid, "public key "+name+" "+why, args...).
			WithRemedy("give one Ed25519 or P-256 key in PEM (BEGIN PUBLIC KEY), before it at most a line Not-After: 2027-11-25T00:00:00Z")
	}
	p := PublicKey{Name: name}
	head, body, found := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "-----BEGIN ")
	if !found {
		return refuse("is not in PEM")
	}
	for line := range strings.Lines(head) {
		line = strings.TrimSpace(line)
		value, dated := strings.CutPrefix(line, notAfter)
		switch {
		case line == "" || line[0] == '#':
		case dated && p.NotAfter == nil:
			at, err := time.Parse(time.RFC3339, strings.TrimSpace(value))
			if err != nil {
				return refuse("has a Not-After that is no time: %q", clip(value))
			}
			p.NotAfter = &at
		default:
			return refuse("has a line that means nothing: %q", clip(line))
		}
	}
	block, rest := pem.Decode([]byte("-----BEGIN " + body))
	if block == nil || block.Type != "PUBLIC KEY" || len(block.Headers) > 0 || strings.TrimSpace(string(rest)) != "" {
		return refuse("is not one PEM block of a PUBLIC KEY")
	}
	var err error
	if p.key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return refuse("cannot be read")
	}
	if p.Algorithm = algorithmOf(p.key); p.Algorithm == "" {
		return refuse("is of an algorithm that is not supported")
	}
	canonical, err := publicPEM(p.key)
	p.ID = idOf(canonical)
	return p, err
}

// clip bounds a text from outside within a message.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
