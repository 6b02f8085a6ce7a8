package table

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Whatever the first record is, it is a header with names and a delimiter, or a
// typed refusal; what JSON is looked at for before a parser sees it, as well.
func FuzzHeader(f *testing.F) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte("a;b\n"))
	_ = w.Close()
	for _, seed := range []string{
		"a,b\n1,2\n", "a;b\r\n", "\"a\nb\"\tc", "\xef\xbb\xbfa|b", "'a;b';c", "\n", "\"", "\x00\x00", packed.String(), packed.String()[:12], "\x28\xb5\x2f\xfd\x04",
		`[{"a":1}`, strings.Repeat("[", 300), `{"a":"\\\"[[["}`, "=cmd()|' /C calc'!A0,b\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	path := filepath.Join(f.TempDir(), "in")
	f.Fuzz(func(t *testing.T, content []byte, odd bool) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		dialect := &pipeline.CSV{}
		if odd {
			dialect = &pipeline.CSV{Quote: "'", Delimiter: ";", Header: new(false)}
		}
		h, err := readHeader(path, dialect)
		switch {
		case err != nil && fault.KindOf(err) == "":
			t.Fatalf("untyped: %v", err)
		case err == nil && len(h.names) == 0:
			t.Fatalf("no names in %q", content)
		}
		for _, name := range h.names {
			if !utf8.ValidString(name) {
				t.Fatalf("name %q", name)
			}
		}
		for _, check := range []func([]string) error{checkTails, checkDepths} {
			if err := check([]string{path}); err != nil && fault.KindOf(err) != fault.SourceUnreadable {
				t.Fatalf("untyped: %v", err)
			}
		}
	})
}
