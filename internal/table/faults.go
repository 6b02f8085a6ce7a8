package table

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Place says where in a source the engine stopped.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"` // 1 is the first; 0 if the format has no lines
	Reason string `json:"reason"`
}

// failure gives an error of the engine its kind. Cancellation and faults pass
// unchanged; running out of memory or disk is ResourceExhausted whatever was
// being done; the rest is of the given kind.
func failure(err error, kind fault.Kind, message string, args ...any) error {
	var typed *fault.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &typed):
		return err
	case outOfMemory(err), strings.Contains(err.Error(), "No space left on device"),
		strings.Contains(err.Error(), "max_temp_directory_size"):
		return fault.New(fault.ResourceExhausted, message+": %s", append(args, reason(err))...).
			WithRemedy("raise the memory limit, free space in the temporary directory, or read fewer rows or columns")
	default:
		return fault.New(kind, message+": %s", append(args, reason(err))...)
	}
}

// outOfMemory reports whether it is the engine's own error of that.
func outOfMemory(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "Out of Memory Error")
}

var (
	csvLine   = regexp.MustCompile(`CSV Error on Line: (\d+)`)
	jsonLine  = regexp.MustCompile(`(?:in line|near line|at line) (\d+)`)
	atRecord  = regexp.MustCompile(`(?:record/value|in record) (\d+)`)
	sqlCaret  = regexp.MustCompile(`(?s)\n+LINE \d+:.*$`)
	errorKind = regexp.MustCompile(`^[A-Za-z ]+ Error: `)
)

// unreadable is the fault of a source that does not parse: it names the file and,
// where the format has lines, the line.
func (e *Engine) unreadable(ctx context.Context, err error, s Source) error {
	if s.Format == "csv" && !csvLine.MatchString(err.Error()) {
		// The engine gave up guessing types and did not say where. Reading
		// everything as text, with nothing to guess, stops at the line.
		for _, path := range s.Paths {
			h, bad := readHeader(path, s.CSV)
			if bad != nil {
				return bad
			}
			if bad = e.exec(ctx, "SELECT count(*) FROM "+s.plainCSV(path, h.names)); bad != nil {
				err = bad
				break
			}
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	text := err.Error()
	p := Place{Reason: reason(err), File: s.Paths[0]}
	for _, path := range s.Paths {
		if strings.Contains(text, path) {
			p.File = path
			break
		}
	}
	for _, re := range []*regexp.Regexp{csvLine, jsonLine, atRecord} {
		if m := re.FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			break
		}
	}
	where := p.File
	if p.Line > 0 {
		where += ", line " + strconv.Itoa(p.Line)
	}
	f := failure(err, fault.SourceUnreadable, "%s does not read as %s", where, s.Format)
	if typed := new(fault.Error); errors.As(f, &typed) && typed.Kind == fault.SourceUnreadable {
		return typed.WithRemedy("repair the file, or name its format").WithDetails(p)
	}
	return f
}

// reason is the engine's own sentence without its class, the caret under the
// SQL, and the page of advice on options that nobody here can set.
func reason(err error) string {
	text := sqlCaret.ReplaceAllString(err.Error(), "")
	text = errorKind.ReplaceAllString(text, "")
	if csvLine.MatchString(text) {
		// CSV Error on Line: 3 / Original Line: 3,4,5 / the reason / advice …
		lines := strings.Split(text, "\n")
		for _, l := range lines[1:] {
			if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "Original Line:") {
				text = l
				break
			}
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	const most = 400
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// missingFile is the fault of a path that cannot be opened, or nil.
func missingFile(path string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.SourceNotFound, "there is no file %s", path).WithRemedy("check the source's path")
	}
	return fault.Wrap(err, fault.SourceUnreadable, "%s cannot be opened", path).WithRemedy("check its permissions")
}

func failureText(message string) error {
	if message == "" {
		message = "there is no statement"
	}
	return errors.New(message)
}
