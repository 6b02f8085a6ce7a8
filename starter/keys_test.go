package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/signing"
)

// failure is what a command prints that fails with --output json.
type failure struct{ Error told }

// signedFile writes a bundle that a new key signed.
func signedFile(t *testing.T, dir, name string, more ...string) (path string, g generated) {
	t.Helper()
	g = decoded[generated](t, exitDone, append([]string{"keys", "generate", "--out", dir, "--name", name}, more...)...)
	key, err := signing.ResolveKey("file:" + g.Private)
	require.NoError(t, err)
	data, err := bundle.Sign(servingtest.Regression(t, 1), key)
	require.NoError(t, err)
	path = filepath.Join(dir, name+".tar")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path, g
}

func TestAKeyIsMadeOnceAndNeverShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	out, errs, code := esteira(t, "keys", "generate", "--out", dir, "--name", "release", "--days", "30")
	require.Equal(t, exitDone, code, errs)
	private, err := os.ReadFile(filepath.Join(dir, "release.key"))
	require.NoError(t, err)
	require.NotContains(t, out, strings.Split(string(private), "\n")[1])
	info, err := os.Stat(filepath.Join(dir, "release.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, errs, code = esteira(t, "keys", "generate", "--out", dir, "--name", "release")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "is there already")
	for _, args := range [][]string{{}, {"--out", dir, "--name", "../x"}, {"--out", dir, "--days", "-1"}, {"--out", dir, "--algorithm", "rsa"}} {
		_, _, code = esteira(t, append([]string{"keys", "generate"}, args...)...)
		require.Equal(t, exitUsage, code, args)
	}

	t.Setenv("ESTEIRA_SIGNING_KEY", "file:"+filepath.Join(dir, "release.key"))
	t.Setenv("ESTEIRA_TRUSTED_KEYS", dir)
	list := decoded[struct {
		SigningKey string              `json:"signing_key"`
		Trusted    []signing.PublicKey `json:"trusted"`
	}](t, exitDone, "keys", "list")
	require.Len(t, list.Trusted, 1)
	require.Equal(t, list.SigningKey, list.Trusted[0].ID)
	require.NotNil(t, list.Trusted[0].NotAfter)
}

func TestDoctorSaysWhatIsSignedAndAskedFor(t *testing.T) {
	dir := t.TempDir()
	_, one := signedFile(t, filepath.Join(dir, "one"), "one")
	_, two := signedFile(t, filepath.Join(dir, "two"), "two")
	public, err := os.ReadFile(two.Public)
	require.NoError(t, err)
	old := filepath.Join(dir, "old.pub")
	require.NoError(t, os.WriteFile(old, append([]byte("Not-After: 2020-01-01T00:00:00Z\n"), public...), 0o600))
	for _, c := range []struct {
		signing, says string
		trusted       []string
		kind          fault.Kind
	}{
		{"", "not signed, and need no signature", nil, ""},
		{"file:" + one.Private, "signed with " + one.ID[:12] + ", and need no signature", nil, ""},
		{"file:" + one.Private, "one of 2 trusted keys", []string{one.Public, two.Public}, ""},
		{"", "only what one of 1 key signed is opened", []string{one.Public}, ""},
		{"file:" + one.Private, "is not one of the 1 trusted key", []string{two.Public}, fault.ConfigInvalid},
		{"file:" + two.Private, "is trusted no longer", []string{old}, fault.ConfigInvalid},
		{"file:" + one.Public, "PRIVATE KEY", nil, fault.ConfigInvalid},
		{"", "no-such", []string{filepath.Join(dir, "no-such.pub")}, fault.ConfigInvalid},
	} {
		found, err := examineKeys(config.Config{SigningKey: c.signing, TrustedKeys: c.trusted})
		require.Equal(t, c.kind, fault.KindOf(err), "%+v: %v", c, err)
		if err != nil {
			found = err.Error()
		}
		require.Contains(t, found, c.says)
	}
}

func TestModelsVerifySaysWhatABundleIs(t *testing.T) {
	dir := t.TempDir()
	path, g := signedFile(t, filepath.Join(dir, "a"), "release")
	others, _ := signedFile(t, filepath.Join(dir, "b"), "other")
	data, err := os.ReadFile(path)
	require.NoError(t, err)

	v := decoded[verified](t, exitDone, "models", "verify", path)
	require.Nil(t, v.Signer, "nobody asks for a signature")
	require.Equal(t, g.ID, v.SignedBy)
	t.Setenv("ESTEIRA_TRUSTED_KEYS", g.Public)
	v = decoded[verified](t, exitDone, "models", "verify", path)
	require.Equal(t, "release", v.Signer.Name)
	require.Equal(t, artifact.DigestOf(data), v.Digest)
	require.Equal(t, 3, v.Golden)
	require.Equal(t, "signature.json", v.Files[0].Name)
	text, _, _ := esteira(t, "models", "verify", path)
	require.Contains(t, text, "by release, key "+g.ID)
	require.Contains(t, text, v.Files[0].SHA256)

	plainFile := filepath.Join(dir, "plain.tar")
	require.NoError(t, os.WriteFile(plainFile, servingtest.Regression(t, 1), 0o600))
	changed := filepath.Join(dir, "changed.tar")
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(changed, data, 0o600))
	for file, c := range map[string]struct {
		kind fault.Kind
		says string
	}{
		plainFile: {fault.SignatureInvalid, "it is not signed"},
		others:    {fault.SignatureInvalid, "not trusted here"},
		changed:   {fault.BundleInvalid, ""},
	} {
		f := decoded[failure](t, exitFailed, "models", "verify", file)
		require.Equal(t, c.kind, f.Error.Kind, file)
		require.Contains(t, f.Error.Message, c.says)
		require.NotEmpty(t, f.Error.Remedy)
	}
}

func TestModelsVerifyFindsAVersion(t *testing.T) {
	db, _ := predicted(t, "flights", servingtest.Regression(t, 1), 0)
	predictedAgain(t, db)
	require.NoError(t, db.SetAlias(t.Context(), metadata.Alias{Model: "flights", Alias: "champion", Version: 1, Actor: "test"}))
	for named, version := range map[string]int{"flights": 2, "flights@1": 1, "flights@2": 2, "flights@champion": 1} {
		require.Equal(t, version, decoded[verified](t, exitDone, "models", "verify", named).Version, named)
	}
	for _, named := range []string{"nothing", "flights@3", "flights@none", "flights@", "flights@-1"} {
		require.Equal(t, fault.NotFound, decoded[failure](t, exitFailed, "models", "verify", named).Error.Kind, named)
	}
}

// predictedAgain registers a second version.
func predictedAgain(t *testing.T, db *metadata.DB) {
	t.Helper()
	store, err := artifact.Open(t.Context(), configuration(t).ArtifactOptions())
	require.NoError(t, err)
	b, err := store.PutBytes(t.Context(), servingtest.Regression(t, 2), artifact.MediaTypeBundle)
	require.NoError(t, err)
	_, err = db.RegisterModel(t.Context(), metadata.RegisterModel{Name: "flights", Bundle: b, Run: "r"})
	require.NoError(t, err)
}
