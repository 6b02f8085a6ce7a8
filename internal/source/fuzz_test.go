package source

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Whatever comes unpacks within its bound, or is refused.
func FuzzUnpack(f *testing.F) {
	pack := func(content string) (g, z []byte) {
		var a, b bytes.Buffer
		w := gzip.NewWriter(&a)
		_, _ = w.Write([]byte(content))
		_ = w.Close()
		e, _ := zstd.NewWriter(&b)
		_, _ = e.Write([]byte(content))
		_ = e.Close()
		return a.Bytes(), b.Bytes()
	}
	for _, content := range []string{"", "a,b\n1,2\n", strings.Repeat("x", 100_000), "\xff\xfea\x00\n\x00"} {
		g, z := pack(content)
		for _, seed := range [][]byte{[]byte(content), g, z, g[:len(g)-3], z[:len(z)/2], append(bytes.Clone(g), z...), append(bytes.Clone(z), g...)} {
			f.Add(seed, "")
			f.Add(seed, "windows-1252")
			f.Add(seed, "utf-16le")
		}
	}
	const free, ratio = 1 << 16, 10
	f.Fuzz(func(t *testing.T, content []byte, encoding string) {
		dir := t.TempDir()
		raw := filepath.Join(dir, "raw")
		if err := os.WriteFile(raw, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var out Fetched
		err := unpacker{format: "csv", encoding: encoding, free: free, ratio: ratio}.unpack(t.Context(), "in", raw, dir, &out)
		if kind := fault.KindOf(err); err != nil && kind != fault.SourceUnreadable && kind != fault.ResourceExhausted {
			t.Fatalf("untyped: %v", err)
		}
		if info, e := os.Stat(filepath.Join(dir, "plain")); e == nil && info.Size() > max(free, ratio*int64(len(content)))+1 {
			t.Fatalf("%d bytes from %d", info.Size(), len(content))
		}
	})
}

// Whatever the log holds is one line of JSON with the log's own columns, or a
// typed refusal.
func FuzzPredictions(f *testing.F) {
	f.Add([]byte(`{"x":1}`), []byte(`{"prediction":2.5}`), []byte("3"), "mine")
	f.Add([]byte(`{"x":null,"é\n":"\ud83d\ude00"}`), []byte(`{"label":"late","probabilities":{}}`), []byte(`"late"`), "\x00\xff")
	f.Add([]byte(`{"Labelled":1}`), []byte(``), []byte(nil), "")
	f.Add([]byte(`[]`), []byte(`[2.5]`), []byte(`{`), "")
	f.Add([]byte(``), []byte(`null`), []byte(`null`), "")
	f.Fuzz(func(t *testing.T, features, outputs, label []byte, request string) {
		row := metadata.Answer{Prediction: metadata.Prediction{Features: features, Outputs: outputs, RequestID: request, At: time.Unix(1, 0).UTC()}}
		if len(label) > 0 {
			row.Label, row.LabelAt = label, new(time.Unix(2, 0).UTC())
		}
		line, err := lineOf(row)
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.SourceUnreadable && !(kind == fault.Internal && !json.Valid(label)) {
				t.Fatalf("untyped: %v", err)
			}
			return
		}
		var back map[string]json.RawMessage
		if err := json.Unmarshal(line, &back); err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("%q: %v", line, err)
		}
		for _, name := range logColumns {
			if _, ok := back[name]; !ok {
				t.Fatalf("%q has no %s", line, name)
			}
		}
	})
}
