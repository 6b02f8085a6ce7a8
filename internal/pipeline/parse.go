package pipeline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds of a pipeline file. maxDepth is far above what the sections nest and far
// below what would exhaust the stack of a recursive parser; maxTokens keeps its
// time, quadratic in the keys of a mapping, below a second or so.
const (
	MaxBytes  = 1 << 20
	maxDepth  = 24
	maxTokens = 20_000
)

// ReadFile parses the file at path. A file that cannot be read is a
// PipelineInvalid error too: there is no pipeline to run.
func ReadFile(path string) (*Pipeline, error) {
	data, err := ReadBytes(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// ReadBytes reads the file at path, at most MaxBytes and one more, so that Parse
// can say that it is too large.
func ReadBytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(reason(err), fault.PipelineInvalid, "the pipeline file %s cannot be read", path).
			WithRemedy("give the path of a pipeline file")
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fault.Wrap(reason(err), fault.PipelineInvalid, "the pipeline file %s cannot be read", path).
			WithRemedy("give the path of a pipeline file")
	}
	return data, nil
}

// reason strips operation and path, which the message already has.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Parse reads a pipeline file strictly, fills in every default and checks all
// that can be checked without data. All mistakes are reported at once, as one
// *fault.Error of kind PipelineInvalid whose Details is []Mistake in the order of
// the file; Render prints them. filename is only used in messages.
func Parse(filename string, data []byte) (*Pipeline, error) {
	d := newDecoder(filename, data)
	p := &Pipeline{}
	if root := d.read(data); root != nil {
		d.places[""] = positionOf(root)
		d.structure(root, valueOf(p), "")
		d.defaults(p)
		d.check(p)
		d.checkSize(p)
	}
	if len(d.mistakes) > 0 {
		return nil, asFault(inFileOrder(d.mistakes))
	}
	return p, nil
}

func newDecoder(filename string, data []byte) *decoder {
	return &decoder{
		file:   filename,
		lines:  strings.Split(string(data[:min(len(data), MaxBytes)]), "\n"),
		places: map[string]*token.Position{},
		faulty: map[string]bool{},
	}
}

// read parses YAML and returns the mapping at its root, or nil after a mistake.
func (d *decoder) read(data []byte) (root ast.Node) {
	start := &token.Position{Line: 1, Column: 1}
	defer func() {
		// A parser that panics on hostile text must not take a worker with it.
		if r := recover(); r != nil {
			root = nil
			d.addAt(start, "", "check the indentation and the quotes", "is not YAML that can be read: %v", r)
		}
	}()
	switch {
	case len(data) > MaxBytes:
		d.addAt(start, "", "keep data out of the pipeline file", "the file is larger than 1 MiB")
		return nil
	case !utf8.Valid(data):
		d.addAt(start, "", "save the file as UTF-8", "the file is not UTF-8 text")
		return nil
	case bytes.IndexByte(data, 0) >= 0:
		d.addAt(start, "", "save the file as UTF-8", "the file holds NUL bytes")
		return nil
	}
	if at := tooDeep(data); at > 0 {
		d.addAt(&token.Position{Line: at, Column: 1}, "", "write the value flatter", "nests deeper than %d levels", maxDepth)
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if len(tokens) > maxTokens {
		d.addAt(tokens[maxTokens].Position, "", "keep data out of the pipeline file", "the file holds more than %d words and signs", maxTokens)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Token != nil:
		d.addAt(syntax.Token.Position, "", "mend the YAML: check indentation, colons, dashes and quotes", "%s", clip(syntax.Message))
		return nil
	case err != nil:
		d.addAt(start, "", "mend the YAML: check indentation, colons, dashes and quotes", "%s", clip(err.Error()))
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		d.addAt(start, "", "write at least name, problem and sources", "the file is empty")
		return nil
	case len(file.Docs) > 1:
		d.addAt(positionOf(file.Docs[1].Body), "", "keep one pipeline a file", "the file holds more than one YAML document")
		return nil
	}
	if _, ok := mappingOf(bodies[0]); !ok {
		d.addAt(positionOf(bodies[0]), "", "write keys such as name, problem and sources", "the file is not a mapping of keys")
		return nil
	}
	return bodies[0]
}

// tooDeep returns the first line on which brackets or dashes could nest deeper
// than maxDepth, or 0. It reads bytes, not YAML, and so counts brackets in texts
// as well: those of a SQL query close again.
func tooDeep(data []byte) int {
	open := 0
	for number, line := range bytes.Split(data, []byte{'\n'}) {
		dashes, leading := 0, true
		for i, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
			switch c {
			case ' ', '\t':
			case '-', '?', ':':
				if leading || i > 0 && line[i-1] == ' ' {
					dashes++
				}
			default:
				leading = false
			}
			if open > maxDepth || dashes > 4*maxDepth {
				return number + 1
			}
		}
	}
	return 0
}
