package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Mistake is one mistake in a pipeline file. Line and Column count from 1 and
// are 0 when the place is not known, as for a Pipeline that came without a file.
type Mistake struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"` // "problem.target", "validation[2].range.min"
	Message string `json:"message"`        // what is wrong
	Remedy  string `json:"remedy"`         // what to write instead
	Source  string `json:"source,omitempty"`

	kind fault.Kind
}

// maxMistakes bounds how many mistakes of one file are told apart.
const maxMistakes = 50

// Place returns "flights.yaml:7:11", or what of it is known.
func (p Mistake) Place() string {
	switch {
	case p.File == "" && p.Line == 0:
		return ""
	case p.Line == 0:
		return p.File
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

// String returns the mistake in one line, without its remedy.
func (p Mistake) String() string {
	var parts []string
	for _, part := range []string{p.Place(), p.Path, p.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Render prints mistakes for a person: place and mistake, the line of the file
// with a caret beneath the column, and the remedy.
func Render(mistakes []Mistake) string {
	var b strings.Builder
	for i, p := range mistakes {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
		b.WriteByte('\n')
		if p.Source != "" {
			number := fmt.Sprintf("%5d", p.Line)
			fmt.Fprintf(&b, "%s | %s\n", number, p.Source)
			if n := p.Column - 1; n >= 0 && n <= utf8.RuneCountInString(p.Source) {
				fmt.Fprintf(&b, "%s | %s^\n", strings.Repeat(" ", len(number)), strings.Repeat(" ", n))
			}
		}
		if p.Remedy != "" {
			fmt.Fprintf(&b, "%s = %s\n", strings.Repeat(" ", 5), p.Remedy)
		}
	}
	return b.String()
}

// Mistakes returns the mistakes err carries, or nil.
func Mistakes(err error) []Mistake {
	for err != nil {
		if f, ok := err.(*fault.Error); ok {
			if list, ok := f.Details.([]Mistake); ok {
				return list
			}
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return nil
		}
		err = u.Unwrap()
	}
	return nil
}

// asFault makes one error of all mistakes, nil if there are none. Its kind is
// that of the first mistake.
func asFault(mistakes []Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	message := mistakes[0].String()
	if n := len(mistakes) - 1; n > 0 {
		message = fmt.Sprintf("%s (and %d more)", message, n)
	}
	kind := mistakes[0].kind
	if kind == "" {
		kind = fault.PipelineInvalid
	}
	return fault.New(kind, "%s", message).WithRemedy("%s", mistakes[0].Remedy).WithDetails(mistakes)
}

// Refused makes one fault, of kind PipelineInvalid, of mistakes that only an engine
// could find, nil if there are none.
func Refused(mistakes []Mistake) error {
	return asFault(mistakes[:min(maxMistakes, len(mistakes))])
}

// inFileOrder sorts mistakes by place, keeping the order found within a place.
func inFileOrder(mistakes []Mistake) []Mistake {
	slices.SortStableFunc(mistakes, func(a, b Mistake) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return mistakes
}

// secrets match what must never stand in a file, and so is never repeated in a
// message: user and password in an address, AWS key ids, presigned or keyed
// query parameters.
var secrets = regexp.MustCompile(`(?i)://[^/\s@]*:[^/\s@]+@|\b(AKIA|ASIA)[0-9A-Z]{16}\b|(x-amz-signature|x-amz-credential|x-amz-security-token|awsaccesskeyid|aws_secret_access_key|secret_access_key|access_key_id|access_token|api_key|password|secret)\s*=\s*[^\s&]+`)

func holdsSecret(s string) bool { return secrets.MatchString(s) }

// mask hides secrets and keeps the length, so that a caret still points.
func mask(s string) string {
	return secrets.ReplaceAllStringFunc(s, func(found string) string {
		return strings.Repeat("*", utf8.RuneCountInString(found))
	})
}

// printable makes a line of the file safe for a terminal and short.
func printable(line string) string {
	line = strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > 160 {
		line = string(runes[:160]) + "…"
	}
	return mask(line)
}
