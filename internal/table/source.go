package table

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Source is one table as it lies in files.
type Source struct {
	Paths  []string // local files, read in this order; columns are matched by name
	Format string   // "parquet", "csv" or "json"; "" takes it from the first path's ending

	// CSV is the dialect where it is not what is detected; nil: detected.
	CSV *pipeline.CSV
	// Columns are the names and types of CSV files whose writer knows them; every
	// value is in quotes and a bare \N is NULL. nil: types are read from the values.
	Columns pipeline.Schema
	// Texts are columns of CSV files to be read as text whatever their values.
	Texts []string
	// Past leaves out the rows up to a watermark.
	Past Past
	// Sorted orders the rows by all columns: for rows that come in no order.
	Sorted bool

	header header            // of CSV, once read
	buffer int64             // bytes of a CSV file that are read at a time
	exact  map[string]string // types of columns that the engine would round
}

// Past leaves out the rows whose column is not greater than Value, what Watermark or
// Latest returned: numbers are compared exactly and times as moments, whatever their
// types. An empty value leaves out nothing.
type Past struct{ Column, Value string }

// Info describes a table that was written.
type Info struct {
	Schema pipeline.Schema `json:"schema"`
	Rows   int64           `json:"rows"`
	// Empty are the columns without a value, whose type nobody could read.
	Empty []string `json:"empty,omitempty"`
}

// Convert writes the source's files as one Parquet file: rows in the order of
// the files and, within a file, as they lie there. Types are the engine's
// reading of the values: of a sample first, of every value if the sample misled.
// Whole numbers beyond BIGINT are DECIMAL(38,0), or text where they are longer.
//
// Faults: SourceNotFound, SourceUnreadable (with a Place as details: file, line,
// reason; also for names that are empty, twice there, or reserved),
// DatasetEmpty (no columns), ResourceExhausted; ColumnMissing and TypeMismatch
// of Past's column. No rows is no fault here.
func (e *Engine) Convert(ctx context.Context, s Source, out string) (Info, error) {
	s.buffer = e.bufferBytes()
	scans, err := s.scans()
	if err != nil {
		return Info{}, err
	}
	restore, err := e.narrowThreads(ctx, len(s.header.names))
	if err != nil {
		return Info{}, err
	}
	defer restore()
	for i, scan := range scans {
		if err = e.convert(ctx, s, scan, out); err == nil {
			return e.exactly(ctx, s, i, out)
		}
		if fault.KindOf(err) != "" || ctx.Err() != nil {
			return Info{}, err
		}
	}
	return Info{}, e.unreadable(ctx, err, s)
}

// convert writes what a scan of the source gives.
func (e *Engine) convert(ctx context.Context, s Source, scan, out string) error {
	query, columns, err := e.sourceQuery(ctx, s, scan)
	if err != nil {
		return err
	}
	stripes, err := e.stripes(columns, columnBytes)
	if err != nil {
		return err
	}
	size, err := e.extentOf(ctx, columns, scan)
	if err != nil {
		return err
	}
	if stripes > 1 && s.Format == "csv" && len(s.Paths) == 1 && !s.Sorted && s.Past.Value == "" {
		items := make([]string, len(s.header.names))
		for i, name := range s.header.names {
			items[i] = Ident(name)
		}
		return e.writeStriped(ctx, items, "FROM "+scan, size, stripes, out)
	}
	if s.Sorted || s.Past.Value != "" {
		return e.writeNarrowed(ctx, s, query, size, out)
	}
	return e.write(ctx, query, size, out)
}

// Describe returns the columns Convert would give, as a sample of the values
// suggests them; no file is written. Faults are Convert's.
func (e *Engine) Describe(ctx context.Context, s Source) (pipeline.Schema, error) {
	s.buffer = e.bufferBytes()
	scans, err := s.scans()
	if err != nil {
		return nil, err
	}
	query, _, err := e.sourceQuery(ctx, s, scans[0])
	if err == nil {
		var schema pipeline.Schema
		if schema, err = e.describe(ctx, query); err == nil {
			return schema, nil
		}
	}
	if fault.KindOf(err) != "" || ctx.Err() != nil {
		return nil, err
	}
	return nil, e.unreadable(ctx, err, s)
}

// scans returns the table functions that read the source, the quick one first
// and then, if types are guessed, the one that looks at every value to guess.
func (s *Source) scans() ([]string, error) {
	if len(s.Paths) == 0 {
		return nil, fault.New(fault.SourceNotFound, "the source has no files").WithRemedy("check its path or glob")
	}
	if s.Format == "" {
		s.Format = pipeline.FormatOf(s.Paths[0])
	}
	for _, path := range s.Paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, missingFile(path, err)
		}
		if info.IsDir() {
			return nil, fault.New(fault.SourceUnreadable, "%s is a directory", path).WithRemedy("name its files, such as %s", filepath.Join(path, "*.csv"))
		}
		if info.Size() == 0 {
			return nil, fault.New(fault.DatasetEmpty, "%s is empty: it has no columns", path).WithRemedy("check the source, or leave the file out of the glob")
		}
	}
	switch s.Format {
	case "parquet":
		return []string{"read_parquet(" + literals(s.Paths) + ", union_by_name = true)"}, nil
	case "json":
		if err := checkTails(s.Paths); err != nil {
			return nil, err
		}
		if err := checkDepths(s.Paths); err != nil {
			return nil, err
		}
		scan := "read_json(" + literals(s.Paths) + ", format = 'auto', records = true, union_by_name = true, maximum_depth = 8%s)"
		return []string{s.besideExact(fmt.Sprintf(scan, "")), s.besideExact(fmt.Sprintf(scan, ", sample_size = -1"))}, nil
	case "csv":
		header, err := readHeaders(s.Paths, s.CSV)
		if err != nil {
			return nil, err
		}
		s.header = header
		if s.Columns != nil {
			return []string{s.typedCSV()}, nil
		}
		return []string{s.csvScan(""), s.csvScan(", sample_size = -1")}, nil
	default:
		return nil, fault.New(fault.SourceUnreadable, "there is no format %q for %s", s.Format, s.Paths[0]).WithRemedy("set format: parquet, csv or json")
	}
}

// sourceQuery returns the SELECT that reads a scan and how many columns it has,
// after refusing names no later step could use.
func (e *Engine) sourceQuery(ctx context.Context, s Source, scan string) (string, int, error) {
	query := "SELECT * FROM " + scan
	if s.Format == "csv" {
		return query, len(s.header.names), nil // readHeaders has looked at the names
	}
	schema, err := e.describe(ctx, query)
	if err != nil {
		return "", 0, err
	}
	names, err := e.sourceNames(ctx, s, schema)
	if err != nil {
		return "", 0, err
	}
	if err := checkNames(names, fault.SourceUnreadable, s.Paths[0]); err != nil {
		return "", 0, err
	}
	if s.Format == "json" {
		// Values of several types are read as JSON: their text, without quotes.
		list := make([]string, len(schema))
		for i, c := range schema {
			list[i] = Ident(c.Name)
			switch c.SQL {
			case "JSON":
				list[i] = "(" + list[i] + " ->> '$') AS " + list[i]
			case "HUGEINT": // Parquet has none: it would be written as DOUBLE
				list[i] = "CAST(" + list[i] + " AS " + wholeNumber + ") AS " + list[i]
			}
		}
		query = "SELECT " + strings.Join(list, ", ") + " FROM " + scan
	}
	return query, len(schema), nil
}

// sourceNames returns the names as they are written in the source: the engine
// renames those that differ only in case, in silence.
func (e *Engine) sourceNames(ctx context.Context, s Source, schema pipeline.Schema) ([]string, error) {
	if s.Format == "parquet" {
		rows, err := e.query(ctx, "SELECT name, num_children, file_name FROM parquet_schema("+literals(s.Paths[:1])+")")
		if err != nil {
			return nil, err
		}
		return topLevel(rows), nil
	}
	suspect := false
	names := make([]string, len(schema))
	for i, c := range schema {
		names[i] = c.Name
		suspect = suspect || renamed.MatchString(c.Name)
	}
	if !suspect {
		return names, nil
	}
	rows, err := e.query(ctx, "SELECT DISTINCT unnest(json_keys(json)) AS name FROM read_json_objects("+literals(s.Paths)+") ORDER BY name")
	if err != nil {
		return nil, err
	}
	names = names[:0]
	for _, r := range rows {
		name, _ := r[0].(string)
		names = append(names, name)
	}
	return names, nil
}

var renamed = regexp.MustCompile(`_\d+$`)

// topLevel picks the names of columns from Parquet's depth-first list of schema
// elements, whose first is the root.
func topLevel(elements [][]any) []string {
	var names []string
	skip := int64(0) // elements below a column still to pass
	for _, el := range elements[1:] {
		children, _ := el[1].(int64)
		if skip > 0 {
			skip += children - 1
			continue
		}
		name, _ := el[0].(string)
		names = append(names, name)
		skip = children
	}
	return names
}
