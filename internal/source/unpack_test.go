package source

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func unpacked(t *testing.T, u unpacker, content []byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	var out Fetched
	err := u.unpack(t.Context(), "data.csv", write(t, dir, "raw", content), dir, &out)
	if err != nil {
		return "", err
	}
	return text(t, out.Path), nil
}

func TestWhatIsPackedOrEncodedBecomesPlainUTF8(t *testing.T) {
	const plain = "nome,preço\nação,1\n"
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z)
	require.NoError(t, err)
	_, err = w.Write([]byte(plain))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(plain))
	require.NoError(t, err)
	latin := []byte("nome,pre\xe7o\na\xe7\xe3o,1\n")
	for name, c := range map[string]struct {
		encoding string
		content  []byte
	}{
		"plain": {"", []byte(plain)}, "gzip": {"", gzipped(t, []byte(plain))}, "zstd": {"", z.Bytes()},
		"two members of gzip":  {"", append(gzipped(t, []byte(plain[:7])), gzipped(t, []byte(plain[7:]))...)},
		"windows-1252":         {"windows-1252", latin},
		"windows-1252 in gzip": {"windows-1252", gzipped(t, latin)},
		"UTF-16 by its mark":   {"", wide},
		"UTF-8 said":           {"utf-8", []byte(plain)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := unpacked(t, unpacker{format: "csv", encoding: c.encoding}, c.content)
			require.NoError(t, err)
			require.Equal(t, plain, got)
		})
	}
}

func TestTornAndBrokenStreams(t *testing.T) {
	whole := gzipped(t, []byte(strings.Repeat("a,b\n1,2\n", 1000)))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0xff
	for name, content := range map[string][]byte{
		"cut gzip": whole[:len(whole)-5], "gzip without a body": whole[:10], "header cut": whole[:3],
		"another byte": flipped, "cut zstd": {0x28, 0xb5, 0x2f, 0xfd, 0x04},
		// A frame that asks for a window of 2 GiB.
		"greedy zstd": {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpacked(t, unpacker{format: "csv"}, content)
			f := kind(t, fault.SourceUnreadable, err)
			require.Contains(t, f.Message, "data.csv")
		})
	}
}

func TestABombIsStoppedAtItsBound(t *testing.T) {
	bomb := gzipped(t, make([]byte, 64<<20))
	require.Less(t, len(bomb), 128<<10)
	dir := t.TempDir()
	var out Fetched
	u := unpacker{format: "csv", free: 1 << 20, ratio: 10}
	err := u.unpack(t.Context(), "bomb.csv.gz", write(t, dir, "raw", bomb), dir, &out)
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "bomb.csv.gz")
	info, err := os.Stat(filepath.Join(dir, "plain"))
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(1<<20+1), "nothing past the bound reached the disk")
	require.EqualValues(t, freeUnpacked, unpacker{}.limit(1000), "a small file may grow to 1 GiB")
	require.EqualValues(t, maxRatio*(100<<20), unpacker{}.limit(100<<20))
}

func TestATornFileIsReadAgainOnlyIfItChanged(t *testing.T) {
	dir := t.TempDir()
	whole := gzipped(t, []byte("a,b\n1,2\n"))
	path := write(t, dir, "a.csv.gz", whole[:len(whole)-4])
	_, _, err := collect(t, pipeline.Source{Path: path, Format: "csv"}, Options{})
	kind(t, fault.SourceUnreadable, err)
	require.False(t, fault.Retryable(fault.KindOf(err)))
}
