package proof

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/signing"
)

func TestMain(m *testing.M) {
	Main() // proofs start this program again
	os.Exit(m.Run())
}

func TestAServerAloneAnswersAGoodBundle(t *testing.T) {
	for name, data := range map[string][]byte{
		"regression": servingtest.Regression(t, 7), "multiclass": servingtest.Multiclass(t), "trained elsewhere": servingtest.Foreign(t, 2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := Prove(t.Context(), t.TempDir(), data, signing.Trust{}, Limits{})
			require.NoError(t, err)
			require.Equal(t, 3, res.Rows)
			require.GreaterOrEqual(t, res.Requests, 3)
			require.Positive(t, res.LoadMS)
			require.Positive(t, res.P50US)
			require.GreaterOrEqual(t, res.P99US, res.P50US)
			require.Greater(t, res.Memory, int64(1<<20))
			require.Less(t, res.Memory, int64(DefaultMemory))
			require.Contains(t, res.String(), "3 golden rows served, p50 ")
		})
	}
}

// forged is the bundle with a file changed and every digest made to fit.
func forged(t *testing.T, data []byte, name string, change func([]byte) []byte) []byte {
	t.Helper()
	var m bundle.Manifest
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		files[h.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
	require.NoError(t, json.Unmarshal(files["manifest.json"], &m))
	files[name] = change(files[name])
	digest := func(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }
	for i, f := range m.Files {
		m.Files[i].SHA256, m.Files[i].Size = digest(files[f.Name]), int64(len(files[f.Name]))
	}
	m.Checksum = ""
	for range 2 {
		text, err := json.MarshalIndent(m, "", " ")
		require.NoError(t, err)
		files["manifest.json"] = append(text, '\n')
		if m.Checksum == "" {
			m.Checksum = digest(files["manifest.json"])
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range append([]string{"manifest.json"}, names(m)...) {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: 0o644, Format: tar.FormatUSTAR}))
		_, err := w.Write(files[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func names(m bundle.Manifest) (out []string) {
	for _, f := range m.Files {
		out = append(out, f.Name)
	}
	return out
}

func replaced(from, to string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(from), []byte(to), 1) }
}

func TestWhatCannotBeServedDoesNotCount(t *testing.T) {
	good := servingtest.Regression(t, 7)
	key, err := signing.Generate(signing.Ed25519)
	require.NoError(t, err)
	trust := signing.Trust{Keys: []signing.PublicKey{key.Public("release", time.Time{})}}
	for name, c := range map[string]struct {
		data   []byte
		trust  signing.Trust
		limits Limits
		kind   fault.Kind
		says   string
	}{
		"falsified answers":    {data: forged(t, good, "golden.json", replaced("107.5", "107.75")), kind: fault.BundleInvalid, says: "golden row 0: output 0 is 107.5 and was 107.75"},
		"no golden rows":       {data: forged(t, good, "golden.json", func([]byte) []byte { return []byte("[]\n") }), kind: fault.BundleInvalid, says: "no golden rows"},
		"a model of no kind":   {data: forged(t, good, "model.json", replaced(`"linear"`, `"curved"`)), kind: fault.BundleInvalid, says: "cannot load it"},
		"a graph that is none": {data: forged(t, servingtest.Foreign(t, 2), "model.onnx", func(b []byte) []byte { return b[:len(b)/2] }), kind: fault.BundleInvalid, says: "cannot load it"},
		"no memory": {data: forged(t, good, "model.json", func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 64<<20)...) }),
			limits: Limits{Memory: 24 << 20}, kind: fault.BundleInvalid, says: "which may use 24 MiB"},
		"no time":    {data: good, limits: Limits{Timeout: time.Millisecond}, kind: fault.BundleInvalid, says: "within 1ms"},
		"not signed": {data: good, trust: trust, kind: fault.SignatureInvalid, says: "it is not signed"},
		"no bundle":  {data: []byte("x"), kind: fault.BundleInvalid, says: "not a tar archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Prove(t.Context(), t.TempDir(), c.data, c.trust, c.limits)
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
	t.Run("signed", func(t *testing.T) {
		t.Parallel()
		data, err := bundle.Sign(good, key)
		require.NoError(t, err)
		_, err = Prove(t.Context(), t.TempDir(), data, trust, Limits{})
		require.NoError(t, err)
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Prove(ctx, t.TempDir(), good, signing.Trust{}, Limits{})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// The server's own look at its golden rows is not what is believed: an answer over HTTP
// that is not the promised one is found, whatever part of it.
func TestAWrongAnswerOverHTTPIsFound(t *testing.T) {
	for name, change := range map[string]func(q *bundle.Questions){
		"a value":       func(q *bundle.Questions) { q.Golden[2].Outputs[0] += 1e-6 },
		"a label":       func(q *bundle.Questions) { q.Golden[1].Label = "a" },
		"one too many":  func(q *bundle.Questions) { q.Golden[1].Outputs = append(q.Golden[1].Outputs, 0) },
		"not a request": func(q *bundle.Questions) { q.Golden[0].Record["distance"] = "far" },
		"unknown":       func(q *bundle.Questions) { q.Signature.Inputs[0].Name = "x"; q.Golden = q.Golden[:0] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := servingtest.Multiclass(t)
			q, err := bundle.QuestionsOf(data)
			require.NoError(t, err)
			change(q)
			_, err = prove(t.Context(), t.TempDir(), data, q, signing.Trust{}, Limits{})
			require.Equal(t, fault.BundleInvalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, "does not pass its proof")
		})
	}
}

// Each protocol is asked, and its answers are looked at.
func TestBothProtocolsAreAsked(t *testing.T) {
	data := servingtest.Multiclass(t)
	server, err := serving.NewAlone(t.Context(), t.TempDir(), endpoint, data, signing.Trust{})
	require.NoError(t, err)
	web := httptest.NewServer(server)
	defer web.Close()
	q, err := bundle.QuestionsOf(data)
	require.NoError(t, err)
	a := &asker{client: web.Client(), url: web.URL, q: q}
	require.NoError(t, a.together(t.Context()))
	_, err = a.alone(t.Context(), 2)
	require.NoError(t, err)
	q.Golden[2].Outputs[1] += 1e-6
	require.ErrorContains(t, a.together(t.Context()), "golden row 2")
	_, err = a.alone(t.Context(), 2)
	require.ErrorContains(t, err, "golden row 2")
	require.NoError(t, server.Close())
	require.Equal(t, fault.AuditUnavailable, fault.KindOf(a.together(t.Context())), "no disk, no answer: that is not the bundle's fault")
}

func BenchmarkProve(b *testing.B) {
	data := servingtest.Regression(b, 7)
	for b.Loop() {
		if _, err := Prove(b.Context(), b.TempDir(), data, signing.Trust{}, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
