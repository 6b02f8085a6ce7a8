package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// maxHeader bounds the first record of a CSV file, in bytes.
const maxHeader = 4 << 20

type header struct {
	delimiter   rune
	quote       rune
	named       bool   // the first record has names, not values
	compression string // the engine's word: "none", "gzip" or "zstd"
	names       []string
}

// readHeaders reads the first record of every CSV file. The delimiter is the
// most frequent of comma, semicolon, tab and bar in it, outside quotes; the
// files must agree on it and on their compression.
func readHeaders(paths []string, dialect *pipeline.CSV) (header, error) {
	var first header
	for i, path := range paths {
		h, err := readHeader(path, dialect)
		if err != nil {
			return h, err
		}
		if err := checkNames(h.names, fault.SourceUnreadable, path); err != nil {
			return h, err
		}
		if i == 0 {
			first = h
		} else if h.delimiter != first.delimiter && len(h.names) > 1 || h.compression != first.compression {
			return h, fault.New(fault.SourceUnreadable, "%s and %s differ in delimiter or compression", paths[0], path).
				WithRemedy("make them two sources, or write them alike")
		}
	}
	return first, nil
}

func readHeader(path string, dialect *pipeline.CSV) (header, error) {
	if dialect == nil {
		dialect = &pipeline.CSV{}
	}
	h := header{compression: "none", quote: '"', named: dialect.Header == nil || *dialect.Header}
	f, err := os.Open(path)
	if err != nil {
		return h, missingFile(path, err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	magic, _ := in.Peek(4)
	var plain io.Reader = in
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		h.compression = "gzip"
		plain, err = gzip.NewReader(in)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		h.compression = "zstd"
		var z *zstd.Decoder
		if z, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1)); err == nil {
			defer z.Close()
			plain = z
		}
	}
	if err != nil {
		return h, badHeader(path, err)
	}
	if dialect.Quote != "" {
		h.quote = rune(dialect.Quote[0])
	}
	record, err := firstRecord(plain, byte(h.quote))
	if err != nil {
		return h, badHeader(path, err)
	}
	if len(bytes.TrimSpace(record)) == 0 {
		return h, fault.New(fault.DatasetEmpty, "%s has no header: its first line is empty", path).WithRemedy("write the names of the columns in the first line")
	}
	h.delimiter = delimiter(record, h.quote)
	if dialect.Delimiter != "" {
		h.delimiter = rune(dialect.Delimiter[0])
	}
	h.names = cells(string(record), h.delimiter, h.quote)
	if !h.named {
		for i := range h.names {
			h.names[i] = "column_" + strconv.Itoa(i+1)
		}
	}
	return h, nil
}

// firstRecord returns the bytes up to the first line end outside quotes, without
// the byte order mark.
func firstRecord(in io.Reader, quote byte) ([]byte, error) {
	r := bufio.NewReader(io.LimitReader(in, maxHeader))
	var record []byte
	quoted := false
	for {
		b, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			if len(record) >= maxHeader {
				return nil, errors.New("the first record is longer than 4 MiB")
			}
			break
		}
		if err != nil {
			return nil, err
		}
		if b == quote {
			quoted = !quoted
		}
		if (b == '\n' || b == '\r') && !quoted {
			break
		}
		record = append(record, b)
	}
	record = bytes.TrimPrefix(record, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(record) {
		return nil, errors.New("the names of the columns are not UTF-8")
	}
	if quoted {
		return nil, errors.New("a quote in the first record is never closed")
	}
	return record, nil
}

func delimiter(record []byte, quote rune) rune {
	counts := map[rune]int{}
	quoted := false
	for _, r := range string(record) {
		if r == quote {
			quoted = !quoted
		} else if !quoted {
			counts[r]++
		}
	}
	best := ','
	for _, r := range ";\t|" {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}

// cells splits one record. A quote opens a cell that may hold delimiters; within
// it two quotes are one.
func cells(record string, delimiter, quote rune) []string {
	var out []string
	var cell strings.Builder
	quoted, closed := false, false
	for _, r := range record {
		switch {
		case quoted && r == quote:
			quoted, closed = false, true
		case closed && r == quote:
			cell.WriteRune(r)
			quoted, closed = true, false
		case !quoted && r == quote && cell.Len() == 0:
			quoted = true
		case !quoted && r == delimiter:
			out = append(out, cell.String())
			cell.Reset()
			closed = false
		default:
			cell.WriteRune(r)
		}
	}
	return append(out, cell.String())
}

func badHeader(path string, err error) error {
	reason := strings.TrimPrefix(err.Error(), "parse error on ")
	return fault.New(fault.SourceUnreadable, "%s, line 1 does not read as csv: %s", path, reason).
		WithRemedy("repair the file, or name its format").WithDetails(Place{File: path, Line: 1, Reason: reason})
}
