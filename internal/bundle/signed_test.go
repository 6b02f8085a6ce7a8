package bundle

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/signing"
)

// signed is a bundle, its signed form, the key, and the trust in it.
func signed(t testing.TB, algorithm string) (plain, data []byte, key *signing.Key, trust signing.Trust) {
	t.Helper()
	key, err := signing.Generate(algorithm)
	require.NoError(t, err)
	plain = build(t, contents(t, pipeline.Regression))
	data, err = Sign(plain, key)
	require.NoError(t, err)
	return plain, data, key, signing.Trust{Keys: []signing.PublicKey{key.Public("release", time.Time{})}}
}

func TestASignedBundleIsTheSameModelAndOneForm(t *testing.T) {
	for _, algorithm := range []string{signing.Ed25519, signing.P256} {
		t.Run(algorithm, func(t *testing.T) {
			plain, data, key, trust := signed(t, algorithm)
			require.NotEqual(t, plain, data)
			for _, again := range [][]byte{plain, data} { // signing what is signed signs it anew
				same, err := Sign(again, key)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data, same), "the same bundle and key give the same bytes")
				bare, err := Unsigned(again)
				require.NoError(t, err)
				require.True(t, bytes.Equal(plain, bare))
			}
			b, err := OpenTrusted(data, trust)
			require.NoError(t, err)
			require.Equal(t, "release", b.Signer.Name)
			require.Equal(t, key.ID(), b.SignedBy)
			p, err := b.Predictor()
			require.NoError(t, err)
			require.NoError(t, b.VerifyGolden(p))

			b, err = OpenTrusted(data, signing.Trust{})
			require.NoError(t, err, "where nobody asks, a signature does no harm")
			require.Nil(t, b.Signer)
			require.Equal(t, key.ID(), b.SignedBy)
		})
	}
}

// Every byte of a signed bundle is vouched for: of its files, of what is between them,
// and of the signature itself, of which package signing flips every bit.
func TestEveryFlippedByteOfASignedBundleIsRefused(t *testing.T) {
	t.Parallel()
	_, data, _, trust := signed(t, signing.Ed25519)
	for i := range data {
		data[i] ^= 1 << (i % 8)
		_, err := OpenTrusted(data, trust)
		data[i] ^= 1 << (i % 8)
		if kind := fault.KindOf(err); kind != fault.BundleInvalid && kind != fault.SignatureInvalid {
			t.Fatalf("byte %d of %d: got %v", i, len(data), err)
		}
	}
	_, err := OpenTrusted(data, trust)
	require.NoError(t, err)
}

func TestABundleThatNobodyTrustedSignedIsRefused(t *testing.T) {
	plain, data, key, trust := signed(t, signing.Ed25519)
	_, other, _, others := signed(t, signing.Ed25519)
	past := signing.Trust{Keys: []signing.PublicKey{key.Public("last year's", time.Now().Add(-time.Hour))}}
	future := signing.Trust{Keys: []signing.PublicKey{key.Public("this year's", time.Now().Add(time.Hour))}}

	o, err := unarchive(plain)
	require.NoError(t, err)
	otherwise := contents(t, pipeline.Regression)
	otherwise.Card = "# Another card\n"
	forged, err := unarchive(build(t, otherwise))
	require.NoError(t, err)
	s, err := unarchive(data)
	require.NoError(t, err)
	forged.envelope = s.envelope
	moved, err := forged.bytes(0)
	require.NoError(t, err)
	o.envelope = bytes.Replace(s.envelope, []byte(`"keyid":""`), []byte(`"keyid": ""`), 1)
	spaced, err := o.bytes(0)
	require.NoError(t, err)
	o.envelope = []byte("{}")
	empty, err := o.bytes(0)
	require.NoError(t, err)

	for name, c := range map[string]struct {
		data  []byte
		trust signing.Trust
		says  string
	}{
		"missing":                 {plain, trust, "it is not signed"},
		"unknown key":             {other, trust, "not trusted here"},
		"unknown key, vice versa": {data, others, "not trusted here"},
		"expired":                 {data, past, "and no longer"},
		"of another bundle":       {moved, trust, "not about the model and the files beside it"},
		"of another, not asked":   {moved, signing.Trust{}, "not about the model and the files beside it"},
		"not canonical":           {spaced, trust, "canonical form"},
		"no signature at all":     {empty, signing.Trust{}, "not a sigstore bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenTrusted(c.data, c.trust)
			require.Equal(t, fault.SignatureInvalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, `model "flights"`)
		})
	}
	_, err = OpenTrusted(data, future)
	require.NoError(t, err)
}

// A signature is looked at before anything is decoded: a forger's files are not read.
func TestTheSignatureComesFirst(t *testing.T) {
	_, _, _, trust := signed(t, signing.Ed25519)
	data := forge(t, func(_ *Manifest, files map[string][]byte) { files["model.json"] = []byte("no model") })
	_, err := Open(data)
	require.Equal(t, fault.BundleInvalid, fault.KindOf(err))
	_, err = OpenTrusted(data, trust)
	require.Equal(t, fault.SignatureInvalid, fault.KindOf(err), "%v", err)
}

func TestWhatFollowsTheSignatureIsRefused(t *testing.T) {
	_, data, _, trust := signed(t, signing.Ed25519)
	for n := 0; n < len(data); n += 251 {
		_, err := OpenTrusted(data[:n], trust)
		require.Error(t, err, "%d bytes", n)
	}
	for _, more := range [][]byte{{0}, make([]byte, 512), []byte(strings.Repeat("x", 1024))} {
		_, err := OpenTrusted(append(slices.Clone(data), more...), trust)
		require.Equal(t, fault.BundleInvalid, fault.KindOf(err), "%v", err)
	}
}
