package signing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
)

var files = []File{{"model.json", strings.Repeat("ab", 32)}, {"MODEL_CARD.md", strings.Repeat("01", 32)}}

func key(t testing.TB, algorithm string) *Key {
	t.Helper()
	k, err := Generate(algorithm)
	require.NoError(t, err)
	return k
}

// The key of RFC 8032, section 7.1, test 1: a signature is a value of its message.
func TestASignatureIsAValue(t *testing.T) {
	const rfc = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
	k, err := ParseKey(rfc)
	require.NoError(t, err)
	require.Equal(t, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", base64.StdEncoding.EncodeToString(rawPublic(t, k)))
	made, err := k.sign(nil)
	require.NoError(t, err)
	require.Equal(t, "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==", base64.StdEncoding.EncodeToString(made))

	for _, algorithm := range []string{Ed25519, P256} {
		k := key(t, algorithm)
		one, err := k.Sign("flights", files)
		require.NoError(t, err)
		two, err := k.Sign("flights", []File{files[1], files[0]})
		require.NoError(t, err)
		require.Equal(t, string(one), string(two), algorithm)
		s, err := Read(one, "flights", files)
		require.NoError(t, err)
		require.Equal(t, k.ID(), s.KeyID)
		p, err := Trust{Keys: []PublicKey{k.Public("k", time.Time{})}}.Verify(s, time.Now())
		require.NoError(t, err)
		require.Equal(t, algorithm, p.Algorithm)
	}
}

func rawPublic(t *testing.T, k *Key) []byte {
	text, err := k.Public("k", time.Time{}).Text()
	require.NoError(t, err)
	block, _ := pem.Decode([]byte(text))
	return block.Bytes[len(block.Bytes)-32:]
}

// The public tool's statement about the same files is ours, its signature verifies here,
// and what it is wrapped in has our names. bench/reference/signing.py wrote it, and
// verifies our bundles with that tool.
func TestTheLayoutIsThatOfModelSigning(t *testing.T) {
	text, err := os.ReadFile("testdata/model_signing.json")
	require.NoError(t, err)
	var theirs struct {
		Model     string            `json:"model"`
		Files     map[string]string `json:"files"`
		PublicKey string            `json:"public_key"`
		Signature json.RawMessage   `json:"signature"`
	}
	require.NoError(t, json.Unmarshal(text, &theirs))
	var list []File
	for name, content := range theirs.Files {
		sum := sha256.Sum256([]byte(content))
		list = append(list, File{name, hex.EncodeToString(sum[:])})
	}
	var e envelope
	require.NoError(t, json.Unmarshal(theirs.Signature, &e))
	payload, err := base64.StdEncoding.DecodeString(e.DSSE.Payload)
	require.NoError(t, err)
	made, err := base64.StdEncoding.DecodeString(e.DSSE.Signatures[0].Sig)
	require.NoError(t, err)

	s, err := state(theirs.Model, list)
	require.NoError(t, err)
	ours, err := encode(s)
	require.NoError(t, err)
	require.JSONEq(t, string(payload), string(ours))
	public, err := ParsePublic("theirs", theirs.PublicKey)
	require.NoError(t, err)
	seal := &Seal{KeyID: e.VerificationMaterial.PublicKey.Hint, payload: payload, signature: made}
	_, err = Trust{Keys: []PublicKey{public}}.Verify(seal, time.Now())
	require.NoError(t, err)
	wrapped, err := seal.encode()
	require.NoError(t, err)
	require.JSONEq(t, string(theirs.Signature), string(wrapped))
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, algorithm := range []string{Ed25519, P256} {
		k := key(t, algorithm)
		trust := Trust{Keys: []PublicKey{k.Public("k", time.Time{})}}
		text, err := k.Sign("flights", files)
		require.NoError(t, err)
		for i := range 8 * len(text) {
			text[i/8] ^= 1 << (i % 8)
			s, err := Read(text, "flights", files)
			if err == nil {
				_, err = trust.Verify(s, time.Now())
			}
			text[i/8] ^= 1 << (i % 8)
			if fault.KindOf(err) != fault.SignatureInvalid {
				t.Fatalf("%s: bit %d of %d: got %v", algorithm, i, 8*len(text), err)
			}
		}
	}
}

func TestKeysAreReadAsTheyWereWritten(t *testing.T) {
	dir := t.TempDir()
	until := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, algorithm := range []string{Ed25519, P256} {
		k := key(t, algorithm)
		private, err := k.PEM()
		require.NoError(t, err)
		path := filepath.Join(dir, algorithm+".key")
		require.NoError(t, os.WriteFile(path, []byte(private), 0o600))
		same, err := ResolveKey("file:" + path)
		require.NoError(t, err)
		require.Equal(t, k.ID(), same.ID())
		block, _ := pem.Decode([]byte(private))
		t.Setenv("SIGNING_TEST_KEY", base64.StdEncoding.EncodeToString(block.Bytes))
		same, err = ResolveKey("env:SIGNING_TEST_KEY")
		require.NoError(t, err)
		require.Equal(t, k.ID(), same.ID())
		require.NotContains(t, same.String(), os.Getenv("SIGNING_TEST_KEY"))

		public, err := k.Public(algorithm, until).Text()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, algorithm+".pub"), []byte("# of the release team\n\n"+public), 0o600))
	}
	trust, err := Trusted([]string{dir})
	require.NoError(t, err)
	require.Len(t, trust.Keys, 2)
	for i, algorithm := range []string{Ed25519, P256} {
		require.Equal(t, algorithm, trust.Keys[i].Name)
		require.True(t, until.Equal(*trust.Keys[i].NotAfter))
	}
	none, err := ResolveKey("")
	require.NoError(t, err)
	require.Nil(t, none)
	require.Empty(t, none.ID())
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	public, err := key(t, Ed25519).Public("k", time.Time{}).Text()
	require.NoError(t, err)
	private, err := key(t, Ed25519).PEM()
	require.NoError(t, err)
	const p384 = "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA"
	for _, text := range []string{"", "hunter2", p384, public, private + private, strings.Replace(private, "PRIVATE", "RSA PRIVATE", 2)} {
		_, err := ParseKey(text)
		require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), text)
		if text != "" {
			require.NotContains(t, err.Error(), text)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "private": private, "two": public + public, "misspelt": "NotAfter: 2031-01-01T00:00:00Z\n" + public,
		"no time": "Not-After: soon\n" + public, "two times": "Not-After: 2031-01-01T00:00:00Z\nNot-After: 2041-01-01T00:00:00Z\n" + public,
	} {
		_, err := ParsePublic("k", text)
		require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), name)
	}
	_, err = Generate("rsa")
	require.Equal(t, fault.ConfigInvalid, fault.KindOf(err))
}

// Paths without a key must not mean that everything is accepted.
func TestTrustIsNeverEmptyByMistake(t *testing.T) {
	dir := t.TempDir()
	public, err := key(t, Ed25519).Public("k", time.Time{}).Text()
	require.NoError(t, err)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("other/notes.txt", "no key")
	write("twice/a.pub", public)
	write("twice/b.pub", public)
	for _, path := range []string{filepath.Join(dir, "absent"), filepath.Join(dir, "other"), filepath.Join(dir, "twice"), write("large.pub", strings.Repeat("#", maxKeyFile+1)), write("broken.pub", "x")} {
		_, err := Trusted([]string{path})
		require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), path)
	}
	none, err := Trusted(nil)
	require.NoError(t, err)
	require.False(t, none.Required())
}

// FuzzRead: whatever is read as a signature is written the same, and nothing panics.
func FuzzRead(f *testing.F) {
	k := key(f, Ed25519)
	text, err := k.Sign("flights", files)
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte("{}"))
	trust := Trust{Keys: []PublicKey{k.Public("k", time.Time{})}}
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := Read(in, "flights", files)
		if err != nil {
			require.Equal(t, fault.SignatureInvalid, fault.KindOf(err))
			return
		}
		if _, err := trust.Verify(s, time.Now()); err == nil {
			require.Equal(t, string(text), string(in), "one signature has one form")
		}
	})
}
