package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds of unpacking: whatever a file says, it becomes no more than maxUnpacked
// bytes, and no more than maxRatio times its size once it is past freeUnpacked.
// Tables of repeated values pack some fifty to one; a bomb, a thousand.
const (
	maxUnpacked  = 256 << 30
	maxRatio     = 200
	freeUnpacked = 1 << 30
	// zstdWindow bounds the memory that a frame may ask for.
	zstdWindow = 128 << 20
)

// unpacker makes plain UTF-8 of what came.
type unpacker struct {
	format   string
	encoding string // "": UTF-8, or what a byte order mark says

	free, ratio int64 // 0: the constants above; tests have smaller ones
}

// unpack fills Path and Format of out from the raw file. Parquet and plain text
// stay where they are.
func (u unpacker) unpack(ctx context.Context, name, raw, dir string, out *Fetched) error {
	out.Path, out.Format = raw, u.format
	if u.format == "parquet" {
		return nil
	}
	f, err := os.Open(raw)
	if err != nil {
		return unreadable(raw, err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(reading(ctx, f), 1<<20)
	plain, packing, err := decompress(in)
	if err != nil {
		return corrupt(name, packing, err)
	}
	defer plain.Close()
	text := bufio.NewReaderSize(plain, 1<<20)
	decoder := u.decoder(text)
	if packing == "" && decoder == nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return unreadable(raw, err)
	}
	limit := u.limit(info.Size())
	var body io.Reader = text
	if decoder != nil {
		body = transform.NewReader(text, decoder)
	}
	out.Path = filepath.Join(dir, "plain")
	to, err := os.Create(out.Path)
	if err != nil {
		return fault.Wrap(err, fault.ResourceExhausted, "unpack %s", name).WithRemedy("check the disk of the worker")
	}
	defer to.Close()
	n, err := io.Copy(writing{to, name}, io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return corrupt(name, packing, err)
	case n > limit:
		return fault.New(fault.ResourceExhausted, "%s unpacks to more than %d bytes, the bound for a file of %d (1 GiB or %d times its size)", name, limit, info.Size(), maxRatio).
			WithRemedy("check that it is what it says; if so, unpack it before it is collected, or cut it into parts")
	}
	return to.Close()
}

// plain reports whether unpack would leave the raw file where it is.
func (u unpacker) plain(raw string) (bool, error) {
	if u.format == "parquet" {
		return true, nil
	}
	f, err := os.Open(raw)
	if err != nil {
		return false, unreadable(raw, err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 16)
	return packed(in) == "" && u.decoder(in) == nil, nil
}

func (u unpacker) limit(size int64) int64 {
	free, ratio := u.free, u.ratio
	if free == 0 {
		free, ratio = freeUnpacked, maxRatio
	}
	return min(maxUnpacked, max(free, ratio*size))
}

// packed looks at the first bytes, not at the name: "gzip", "zstd", or "" where
// there is nothing to unpack.
func packed(in *bufio.Reader) string {
	magic, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	}
	return ""
}

func decompress(in *bufio.Reader) (plain io.ReadCloser, packing string, err error) {
	switch packed(in) {
	case "gzip":
		z, err := gzip.NewReader(in)
		return z, "gzip", err
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, "zstd", err
		}
		return z.IOReadCloser(), "zstd", nil
	}
	return io.NopCloser(in), "", nil
}

// decoder is what makes UTF-8 of the text, nil if it is said to be that.
func (u unpacker) decoder(in *bufio.Reader) transform.Transformer {
	if u.encoding != "" {
		// Parse has checked the name.
		if e, err := htmlindex.Get(u.encoding); err == nil && e != unicode.UTF8 && e != encoding.Nop {
			return e.NewDecoder()
		}
		return nil
	}
	mark, _ := in.Peek(2)
	if bytes.Equal(mark, []byte{0xff, 0xfe}) || bytes.Equal(mark, []byte{0xfe, 0xff}) {
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	}
	return nil
}

func corrupt(name, packing string, err error) error {
	if fault.KindOf(err) != "" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if packing == "" {
		packing = "text"
	}
	why := err.Error()
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		why = "its end is missing"
	}
	return fault.New(fault.SourceUnreadable, "%s does not read as %s: %s", name, packing, why).
		WithRemedy("fetch or write the file again").WithDetails(map[string]string{"file": name, "reason": why})
}

// writing tells a full disk from a broken stream.
type writing struct {
	io.Writer
	name string
}

func (w writing) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		return n, fault.Wrap(err, fault.ResourceExhausted, "unpack %s", w.name).WithRemedy("free space on the worker's disk")
	}
	return n, nil
}
