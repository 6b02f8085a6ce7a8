package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// The scopes. No path of the prediction server changes what an endpoint serves, so
// none asks for Deploy, and a token that has it alone is let in nowhere there: it is for
// what starts runs over HTTP.
const (
	Predict = "predict" // ask for predictions, and what an endpoint looks like
	Label   = "label"   // send labels
	Deploy  = "deploy"  // start what changes what an endpoint serves
	Audit   = "audit"   // read reports and records
)

// Scopes lists them.
func Scopes() []string { return []string{Predict, Label, Deploy, Audit} }

// New makes a secret and its hash.
func New() (secret string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // which never fails
	secret = "est_" + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, Hash(secret)
}

// Hash is what is kept of a secret.
func Hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// Secret is the token in the value of an Authorization header: Bearer, or the password
// of Basic, which browsers ask people for.
func Secret(header string) string {
	scheme, value, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(value)
	}
	req := http.Request{Header: http.Header{"Authorization": {header}}}
	_, password, _ := req.BasicAuth()
	return password
}

// Set is the tokens a server knows. It is safe for concurrent use.
type Set struct {
	path   string
	now    func() time.Time
	tokens atomic.Pointer[map[[sha256.Size]byte]metadata.Token]
}

// kept is a token on disk: with its hash, which JSON for people leaves out.
type kept struct {
	metadata.Token
	Hash []byte `json:"hash"`
}

// Open reads the set last kept in the file, if there is one. Without one nobody is
// let in until Replace.
func Open(path string) (*Set, error) {
	s := &Set{path: path, now: time.Now}
	s.tokens.Store(&map[[sha256.Size]byte]metadata.Token{})
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return s, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "read the tokens last known").WithRemedy("let the server read %s, or remove it", path)
	}
	var list []kept
	if json.Unmarshal(b, &list) != nil {
		return s, nil // the metadata store knows better
	}
	tokens := make([]metadata.Token, len(list))
	for i, k := range list {
		tokens[i] = k.Token
		tokens[i].Hash = k.Hash
	}
	s.set(tokens)
	return s, nil
}

func (s *Set) set(list []metadata.Token) {
	m := make(map[[sha256.Size]byte]metadata.Token, len(list))
	for _, t := range list {
		if len(t.Hash) == sha256.Size {
			m[[sha256.Size]byte(t.Hash)] = t
		}
	}
	s.tokens.Store(&m)
}

// Replace makes list the set, and keeps it on disk if it differs from what is there.
func (s *Set) Replace(list []metadata.Token) error {
	s.set(list)
	keep := make([]kept, len(list))
	for i, t := range list {
		keep[i] = kept{t, t.Hash}
	}
	b, err := json.MarshalIndent(keep, "", "  ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(s.path); err == nil && string(old) == string(b) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".tokens-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Admit returns the name of the token with that secret, if it may do what scope says
// on the endpoint; an empty endpoint asks whether it may on any. A name comes with
// PermissionDenied, too.
//
// Errors: Unauthenticated for no token, or one that is unknown, expired or revoked:
// which of them is not said; PermissionDenied.
func (s *Set) Admit(secret, scope, endpoint string) (string, error) {
	if secret == "" {
		return "", fault.New(fault.Unauthenticated, "the request has no token").WithRemedy("send Authorization: Bearer TOKEN; make one: esteira tokens create")
	}
	sum := sha256.Sum256([]byte(secret))
	t, ok := (*s.tokens.Load())[sum]
	if !ok || subtle.ConstantTimeCompare(t.Hash, sum[:]) != 1 || t.Revoked != nil || t.Expires != nil && !s.now().Before(*t.Expires) {
		return "", fault.New(fault.Unauthenticated, "the token is unknown, has expired or was revoked").WithRemedy("make a new one: esteira tokens create")
	}
	if !slices.Contains(t.Scopes, scope) {
		return t.Name, fault.New(fault.PermissionDenied, "the token %s does not have the scope %s", t.Name, scope).WithRemedy("use one that has it")
	}
	if endpoint != "" && t.Endpoint != "" && t.Endpoint != endpoint {
		return t.Name, fault.New(fault.PermissionDenied, "the token %s is not for this endpoint", t.Name).WithRemedy("use one that is")
	}
	return t.Name, nil
}
