package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxHeader bounds the first record of a CSV file, in bytes.
const maxHeader = 4 << 20

type header struct {
	delimiter   rune
	compression string // the engine's word: "none", "gzip" or "zstd"
	names       []string
}

// readHeaders reads the first record of every CSV file. The delimiter is the
// most frequent of comma, semicolon, tab and bar in it, outside quotes; the
// files must agree on it and on their compression.
func readHeaders(paths []string) (header, error) {
	var first header
	for i, path := range paths {
		h, err := readHeader(path)
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

func readHeader(path string) (header, error) {
	h := header{compression: "none"}
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
	record, err := firstRecord(plain)
	if err != nil {
		return h, badHeader(path, err)
	}
	if len(bytes.TrimSpace(record)) == 0 {
		return h, fault.New(fault.DatasetEmpty, "%s has no header: its first line is empty", path).WithRemedy("write the names of the columns in the first line")
	}
	h.delimiter = delimiter(record)
	r := csv.NewReader(bytes.NewReader(record))
	r.Comma, r.LazyQuotes = h.delimiter, true
	if h.names, err = r.Read(); err != nil {
		return h, badHeader(path, err)
	}
	return h, nil
}

// firstRecord returns the bytes up to the first line end outside quotes, without
// the byte order mark.
func firstRecord(in io.Reader) ([]byte, error) {
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
		if b == '"' {
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

func delimiter(record []byte) rune {
	counts := map[rune]int{}
	quoted := false
	for _, r := range string(record) {
		if r == '"' {
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

func badHeader(path string, err error) error {
	reason := strings.TrimPrefix(err.Error(), "parse error on ")
	return fault.New(fault.SourceUnreadable, "%s, line 1 does not read as csv: %s", path, reason).
		WithRemedy("repair the file, or name its format").WithDetails(Place{File: path, Line: 1, Reason: reason})
}

// csvScan reads the source with types guessed. The dialect is not: it comes from
// the header, for guessing it from ragged rows would turn a broken file into a
// table of one column. Each file is guessed by itself, so that a part in which a
// column is empty does not decide the column's type.
func (s *Source) csvScan(options string) string {
	scans := make([]string, len(s.Paths))
	for i, path := range s.Paths {
		scans[i] = "read_csv(" + literals([]string{path}) + s.dialect() + ", comment = '', skip = 0" + options + ")"
	}
	if len(scans) == 1 {
		return scans[0]
	}
	return "(SELECT * FROM " + strings.Join(scans, "\nUNION ALL BY NAME SELECT * FROM ") + ")"
}

// plainCSV reads one file as text, with nothing left to guess.
func (s *Source) plainCSV(path string, names []string) string {
	columns := make([]string, len(names))
	for i, name := range names {
		columns[i] = Literal(name) + ": 'VARCHAR'"
	}
	return "read_csv(" + literals([]string{path}) + s.dialect() + ", auto_detect = false, columns = {" + strings.Join(columns, ", ") + "})"
}

func (s *Source) dialect() string {
	return ", header = true, delim = " + Literal(string(s.header.delimiter)) + `, quote = '"', escape = '"', null_padding = false, compression = ` + Literal(s.header.compression)
}
