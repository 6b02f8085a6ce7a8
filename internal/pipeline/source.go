package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// Source is one place data comes from: files and addresses (path), a query
// (postgres) or what an endpoint was asked (predictions). The worker's own
// credentials open S3; those of a database are a reference.
type Source struct {
	Path        string       `json:"path,omitempty" yaml:"path,omitempty" jsonschema_description:"File, glob, http(s):// address or s3://bucket/key (a trailing * matches a prefix); relative paths start at the pipeline file."`
	Format      string       `json:"format,omitempty" yaml:"format,omitempty" jsonschema:"enum=parquet,enum=csv,enum=json" jsonschema_description:"Default: by the file's ending (.tsv is csv, .ndjson is json; .gz and .zst are unpacked)."`
	CSV         *CSV         `json:"csv,omitempty" yaml:"csv,omitempty" jsonschema_description:"The dialect of CSV files, where it is not what is detected."`
	Postgres    *Postgres    `json:"postgres,omitempty" yaml:"postgres,omitempty" jsonschema_description:"A query of a Postgres database, run in a read-only transaction."`
	Predictions *Predictions `json:"predictions,omitempty" yaml:"predictions,omitempty" jsonschema_description:"The logged requests and answers of an endpoint."`
	Incremental *Incremental `json:"incremental,omitempty" yaml:"incremental,omitempty" jsonschema_description:"Collect only rows past those collected before."`
}

// CSV overrides what is detected of a dialect.
type CSV struct {
	Delimiter string   `json:"delimiter,omitempty" yaml:"delimiter,omitempty" jsonschema_description:"One character; default: the most frequent of , ; tab and | in the first record."`
	Quote     string   `json:"quote,omitempty" yaml:"quote,omitempty" jsonschema_description:"One character, doubled within a cell; default \"."`
	Header    *bool    `json:"header,omitempty" yaml:"header,omitempty" jsonschema_description:"Whether the first record has the names; default true. Without, columns are column_1, column_2, …"`
	Null      []string `json:"null,omitempty" yaml:"null,omitempty" text:"any" jsonschema_description:"Texts that mean a missing value, beside the empty cell: NA, NULL, -."`
	Decimal   string   `json:"decimal,omitempty" yaml:"decimal,omitempty" jsonschema:"enum=.,enum=comma" jsonschema_description:"The decimal separator: . (default) or comma."`
	Encoding  string   `json:"encoding,omitempty" yaml:"encoding,omitempty" jsonschema_description:"Such as windows-1252 or shift_jis; default UTF-8, and UTF-16 where its mark says so."`
}

// Postgres is one query.
type Postgres struct {
	URL   string `json:"url" yaml:"url" jsonschema:"required" jsonschema_description:"Where the worker finds the address, postgres://…: env:NAME or file:PATH."`
	Query string `json:"query" yaml:"query" jsonschema:"required" jsonschema_description:"One SELECT."`
	// ChangedBy is the cheap look: as long as its answer is the same, so are the rows
	// of Query, and they are not read. That it is so is for whoever writes it to know.
	ChangedBy string `json:"changed_by,omitempty" yaml:"changed_by,omitempty" jsonschema_description:"One SELECT of one row that differs when the rows of query do, such as SELECT max(updated_at), count(*) FROM flights: the same answer as before, and nothing is copied. Default: the rows are read at each look."`
	Timeout   string `json:"timeout" yaml:"timeout,omitempty" jsonschema_description:"Bound of each statement, a duration; default 30m."`
}

// Predictions are the answered requests of an endpoint, one row each: the
// features as they were sent, prediction_id, prediction_at, request_id,
// model_version, prediction, and label, label_at and labelled: the truth in force
// when it is collected, when it was known, and whether there is one.
//
// Such a source is read whole each time, never incrementally: a label arrives
// after its prediction, and is corrected after that.
type Predictions struct {
	Endpoint             string `json:"endpoint" yaml:"endpoint" jsonschema:"required"`
	Since                string `json:"since,omitempty" yaml:"since,omitempty" jsonschema_description:"Only requests of the last such duration, as 720h; default: all."`
	Labelled             string `json:"labelled" yaml:"labelled,omitempty" jsonschema:"enum=all,enum=only" jsonschema_description:"only: the requests whose label is known; default: all."`
	ModelVersions        []int  `json:"model_versions,omitempty" yaml:"model_versions,omitempty" jsonschema_description:"Only what these versions of the model answered; default: all."`
	ExcludeModelVersions []int  `json:"exclude_model_versions,omitempty" yaml:"exclude_model_versions,omitempty" jsonschema_description:"Nothing that these versions answered, such as one whose answers decided what became true."`
}

// Incremental makes a source grow: a run collects the rows whose column is past
// the greatest value collected before, and appends them as a part. A row that
// appears later with a value not past it is not seen; --refresh collect collects
// everything anew.
type Incremental struct {
	Column string `json:"column" yaml:"column" jsonschema:"required" jsonschema_description:"A number or time that only grows, such as updated_at; never missing."`
}

// DefaultTimeout bounds a query of a Postgres source and the dataset's SQL.
const DefaultTimeout = "30m"

// maxTimeout is what one attempt of a step may take.
const maxTimeout = 6 * time.Hour

// Kind tells where the source is: "file", "s3", "http", "postgres" or
// "predictions".
func (s Source) Kind() string {
	switch {
	case s.Postgres != nil:
		return "postgres"
	case s.Predictions != nil:
		return "predictions"
	case strings.HasPrefix(s.Path, "s3://"):
		return "s3"
	case strings.HasPrefix(s.Path, "http://"), strings.HasPrefix(s.Path, "https://"):
		return "http"
	}
	return "file"
}

// String says where in a few words.
func (s Source) String() string {
	switch s.Kind() {
	case "postgres":
		return "a query of the Postgres at " + s.Postgres.URL
	case "predictions":
		return "the predictions of " + s.Predictions.Endpoint
	}
	return s.Path
}

// Local reports whether the source is files of a machine.
func (s Source) Local() bool { return s.Kind() == "file" }

// sourceDefaults completes a source.
func sourceDefaults(s Source) Source {
	if s.Format == "" && s.Path != "" {
		s.Format = FormatOf(pathOf(s))
	}
	if s.Postgres != nil && s.Postgres.Timeout == "" {
		s.Postgres.Timeout = DefaultTimeout
	}
	if s.CSV != nil && s.CSV.Header == nil {
		s.CSV.Header = new(true)
	}
	if s.Predictions != nil && s.Predictions.Labelled == "" {
		all := *s.Predictions
		all.Labelled = "all"
		s.Predictions = &all
	}
	return s
}

// pathOf is the path without what an address has after it.
func pathOf(s Source) string {
	if s.Kind() == "http" {
		if u, err := url.Parse(s.Path); err == nil {
			return u.Path
		}
	}
	return s.Path
}

var (
	secretReference = regexp.MustCompile(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$`)
	columnName      = func(s string) bool { return strings.TrimSpace(s) != "" }
)

func (d *decoder) checkSource(path string, s Source) {
	given := 0
	for _, is := range []bool{s.Path != "", s.Postgres != nil, s.Predictions != nil} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		// What is broken inside is told already.
		if !d.faulty[path+".path"] && !d.faulty[path+".postgres"] && !d.faulty[path+".predictions"] {
			d.add(path, "write path: FILE, a glob, an s3:// or https:// address; or postgres: {url: env:NAME, query: SELECT …}; or predictions: {endpoint: NAME}", "says nowhere where the data is")
		}
		return
	case given > 1:
		d.add(path, "make them two sources", "is more than one of path, postgres and predictions")
		return
	}
	if s.Incremental != nil && !columnName(s.Incremental.Column) && !d.faulty[path+".incremental.column"] {
		d.add(path+".incremental.column", "name a column", "is blank")
	}
	switch {
	case s.Postgres != nil:
		d.checkPostgres(path+".postgres", *s.Postgres)
	case s.Predictions != nil:
		d.checkPredictions(path+".predictions", *s.Predictions)
		if s.Incremental != nil {
			d.add(path+".incremental", "remove it, and bound the source with predictions.since", "would lose labels: they arrive, and are corrected, after their prediction was collected; predictions are read whole each time")
		}
	default:
		d.checkPath(path, s)
		return
	}
	for key, is := range map[string]bool{"format": s.Format != "", "csv": s.CSV != nil} {
		if is {
			d.add(path+"."+key, "remove it", "speaks of files, and the source is none")
		}
	}
}

// foreign are the endings of files that hold tables and are not read, with what to
// do instead.
var foreign = map[string]string{
	".arrow": fromArrow, ".arrows": fromArrow, ".feather": fromArrow, ".ipc": fromArrow,
	".avro": toParquet, ".orc": toParquet, ".sas7bdat": toParquet, ".rds": toParquet, ".pkl": toParquet,
	".xls": fromSheet, ".xlsx": fromSheet, ".ods": fromSheet,
	".zip": unpack, ".tar": unpack, ".tgz": unpack, ".7z": unpack, ".bz2": unpack, ".xz": unpack,
}

const (
	toParquet = "write it as Parquet, which keeps the types, and name that file"
	fromArrow = "Arrow IPC is not read; write it as Parquet, which keeps the types: pyarrow.parquet.write_table(pyarrow.feather.read_table(FILE), FILE.parquet)"
	fromSheet = "workbooks are not read; save the sheet as CSV, and name that file"
	unpack    = "this archive is not read; unpack it, or pack the file itself with gzip or zstd"
)

func (d *decoder) checkPath(path string, s Source) {
	at := path + ".path"
	if scheme, rest, ok := strings.Cut(s.Path, "://"); ok {
		host, key, _ := strings.Cut(rest, "/")
		switch scheme {
		case "s3":
			switch {
			case !bucketPattern.MatchString(host) || key == "":
				d.add(at, "write s3://bucket/key", "is not an address of an object")
			case strings.ContainsAny(strings.TrimSuffix(key, "*"), "*"):
				d.add(at, "write s3://bucket/prefix*", "a * may stand only at the end of an S3 address")
			}
		case "http", "https":
			if u, err := url.Parse(s.Path); err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
				d.add(at, "write https://HOST/PATH, without user or fragment", "is not an address to fetch")
			}
		default:
			d.add(at, "write a path, a glob, s3://bucket/key or https://host/path", "%s:// is not a kind of source", clip(scheme))
		}
	} else if _, err := filepath.Match(s.Path, ""); err != nil {
		d.add(at, `close the [ or write \[`, "is not a glob")
	}
	if s.Format == "" {
		remedy := cmp.Or(foreign[strings.ToLower(filepath.Ext(pathOf(s)))], "write format: parquet, csv or json")
		d.add(path+".format", remedy, "is missing: the ending of %q does not say it", clip(s.Path))
	}
	if s.CSV != nil {
		d.checkCSV(path, s)
	}
}

func (d *decoder) checkCSV(path string, s Source) {
	if s.Format != "csv" && s.Format != "" {
		d.add(path+".csv", "remove it, or write format: csv", "speaks of CSV, and the format is %s", s.Format)
	}
	for name, text := range map[string]string{"delimiter": s.CSV.Delimiter, "quote": s.CSV.Quote} {
		if r, size := utf8.DecodeRuneInString(text); text != "" && (size != len(text) || size > 1 || r == '\n' || r == '\r') {
			d.add(path+".csv."+name, "write one character, a tab as \"\\t\"", "%q is not one ASCII character", clip(text))
		}
	}
	if s.CSV.Delimiter != "" && s.CSV.Delimiter == s.CSV.Quote {
		d.add(path+".csv.quote", "write another character", "is the delimiter too")
	}
	if s.CSV.Encoding != "" {
		if _, err := htmlindex.Get(s.CSV.Encoding); err != nil {
			d.add(path+".csv.encoding", "write a name of the WHATWG's list, such as windows-1252", "unknown encoding %q", clip(s.CSV.Encoding))
		}
	}
}

func (d *decoder) checkPostgres(path string, p Postgres) {
	d.checkReference(path+".url", p.URL)
	if p.Query != "" && strings.TrimSpace(p.Query) == "" {
		d.add(path+".query", "write one SELECT", "is blank")
	}
	if p.ChangedBy == "" && d.given(path+".changed_by") || p.ChangedBy != "" && strings.TrimSpace(p.ChangedBy) == "" {
		d.add(path+".changed_by", "write one SELECT, such as SELECT max(updated_at), count(*) FROM flights, or remove the key", "is blank")
	}
	d.checkTimeout(path+".timeout", p.Timeout)
}

func (d *decoder) checkTimeout(path, text string) {
	if t, err := time.ParseDuration(text); text != "" && (err != nil || t <= 0 || t > maxTimeout) {
		d.add(path, "write a duration such as 90s or 30m, at most 6h", "%q is not a bound of time", clip(text))
	}
}

func (d *decoder) checkPredictions(path string, p Predictions) {
	if p.Endpoint != "" && !namePattern.MatchString(p.Endpoint) {
		d.add(path+".endpoint", "name an endpoint: esteira endpoints list", "%q cannot name an endpoint", clip(p.Endpoint))
	}
	if t, err := time.ParseDuration(p.Since); p.Since != "" && (err != nil || t <= 0) {
		d.add(path+".since", "write a duration such as 720h", "%q is not a span of time", clip(p.Since))
	}
	for name, list := range map[string][]int{"model_versions": p.ModelVersions, "exclude_model_versions": p.ExcludeModelVersions} {
		at := path + "." + name
		if d.given(at) && len(list) == 0 {
			d.add(at, "name at least one version, or remove the key", "is empty")
		}
		for i, version := range list {
			if version < 1 || version > math.MaxInt32 {
				d.add(fmt.Sprintf("%s[%d]", at, i), "write a version as esteira models show prints it", "%d is no version", version)
			}
		}
	}
}
