package table

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// MaxRecord bounds one record of a CSV file in bytes, and so any cell of it. What
// is longer is SourceUnreadable.
const MaxRecord = 2 << 20

// csvScan reads the source with types guessed. The dialect is not: it comes from
// the header, for guessing it from ragged rows would turn a broken file into a
// table of one column. Each file is guessed by itself, so that a part in which a
// column is empty does not decide the column's type.
func (s *Source) csvScan(options string) string {
	var texts []string
	for _, name := range s.Texts {
		if len(s.Paths) > 1 || slices.Contains(s.header.names, name) { // the engine refuses a name that is not there
			texts = append(texts, Literal(name)+": 'VARCHAR'")
		}
	}
	for _, name := range names(s.exact) {
		texts = append(texts, Literal(name)+": "+Literal(s.exact[name]))
	}
	if len(texts) > 0 {
		options += ", types = {" + strings.Join(texts, ", ") + "}"
	}
	scans := make([]string, len(s.Paths))
	for i, path := range s.Paths {
		scans[i] = "read_csv(" + literals([]string{path}) + s.dialect() + s.values() + ", comment = '', skip = 0" + options + ")"
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

// typedCSV reads files whose columns are known.
func (s *Source) typedCSV() string {
	columns := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = Literal(c.Name) + ": " + Literal(c.SQL)
	}
	return "read_csv(" + literals(s.Paths) + s.dialect() +
		`, auto_detect = false, nullstr = '\N', allow_quoted_nulls = false, columns = {` + strings.Join(columns, ", ") + "})"
}

// bufferBytes is how much of a file is read at a time. Some of these buffers are held
// at once, beside what the engine counts, so they are as small as costs no time, and
// smaller in a small engine.
func (e *Engine) bufferBytes() int64 {
	return max(2*MaxRecord, min(4*MaxRecord, e.options.MemoryLimit/16))
}

// dialect is how records and cells are told apart.
func (s *Source) dialect() string {
	h := s.header
	out := ", header = " + strconv.FormatBool(h.named) + ", delim = " + Literal(string(h.delimiter)) + ", quote = " + Literal(string(h.quote)) +
		", escape = " + Literal(string(h.quote)) + ", null_padding = false, max_line_size = " + strconv.Itoa(MaxRecord) + ", buffer_size = " + strconv.FormatInt(cmp.Or(s.buffer, 16*MaxRecord), 10) + ", compression = " + Literal(h.compression)
	return out
}

// values is how the values of cells are read.
func (s *Source) values() string {
	out := ""
	if !s.header.named {
		out += ", names = " + literals(s.header.names)
	}
	if s.CSV == nil {
		return out
	}
	if len(s.CSV.Null) > 0 {
		out += ", nullstr = " + literals(append([]string{""}, s.CSV.Null...))
	}
	if s.CSV.Decimal == "comma" {
		out += ", decimal_separator = ','"
	}
	return out
}
