package jsontext

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxDepth bounds the nesting of one JSON text.
const maxDepth = 64

// Cursor reads JSON (RFC 8259) strictly, from a body in memory, without building
// values: callers ask for what they expect. Beyond the grammar it refuses what
// could not be stored or compared later: text that is not UTF-8 or contains NUL,
// half surrogate pairs, numbers outside the range of a float64.
type Cursor struct {
	B       []byte
	At      int    // where it stands
	scratch []byte // holds a string that had escapes
}

// Span is a part of the body.
type Span struct{ From, To int }

// Reset puts the cursor before another body.
func (c *Cursor) Reset(b []byte) { c.B, c.At = b, 0 }

// Invalid refuses the body, where the cursor stands.
func (c *Cursor) Invalid(message string, args ...any) *fault.Error {
	return fault.New(fault.RequestInvalid, message, args...).WithDetails(map[string]int{"byte": c.At})
}

// Unexpected refuses what the cursor stands at.
func (c *Cursor) Unexpected(want string) *fault.Error {
	if c.At >= len(c.B) {
		return c.Invalid("the body ends at byte %d where %s was expected", c.At, want)
	}
	end := min(len(c.B), c.At+12)
	return c.Invalid("at byte %d of the body %s was expected, not %q", c.At, want, bytes.ToValidUTF8(c.B[c.At:end], []byte("?"))).
		WithRemedy("send JSON (RFC 8259); a missing value is null")
}

// Peek skips white space and returns the next byte, or 0 at the end.
func (c *Cursor) Peek() byte {
	for c.At < len(c.B) {
		switch ch := c.B[c.At]; ch {
		case ' ', '\t', '\n', '\r':
			c.At++
		default:
			return ch
		}
	}
	return 0
}

// Expect consumes the byte ch.
func (c *Cursor) Expect(ch byte, want string) error {
	if c.Peek() != ch {
		return c.Unexpected(want)
	}
	c.At++
	return nil
}

// Next steps inside an object or array that ends with end: it reports whether
// another element follows. first is true before the first element.
func (c *Cursor) Next(first bool, end byte) (bool, error) {
	switch ch := c.Peek(); {
	case ch == end:
		c.At++
		return false, nil
	case first:
		return true, nil
	case ch == ',':
		c.At++
		if c.Peek() == end {
			return false, c.Unexpected("another element")
		}
		return true, nil
	}
	return false, c.Unexpected("',' or '" + string(end) + "'")
}

// Key reads the name of a member and its colon.
func (c *Cursor) Key() ([]byte, error) {
	if c.Peek() != '"' {
		return nil, c.Unexpected("a name in quotes")
	}
	name, err := c.Text()
	if err != nil {
		return nil, err
	}
	return name, c.Expect(':', "':'")
}

// End checks that nothing follows the value.
func (c *Cursor) End() error {
	if c.Peek() != 0 || c.At < len(c.B) {
		return c.Unexpected("the end of the body")
	}
	return nil
}

// Literal consumes word, which begins at the cursor.
func (c *Cursor) Literal(word string) error {
	if !bytes.HasPrefix(c.B[c.At:], []byte(word)) {
		return c.Unexpected("a value")
	}
	c.At += len(word)
	return nil
}

// Text reads a string; the bytes are valid until the next call.
func (c *Cursor) Text() ([]byte, error) {
	c.At++ // the quote
	start := c.At
	for c.At < len(c.B) {
		switch ch := c.B[c.At]; {
		case ch == '"':
			s := c.B[start:c.At]
			c.At++
			return s, nil
		case ch == '\\':
			return c.escaped(start)
		case ch < ' ':
			return nil, c.Unexpected("a printable character")
		case ch < utf8.RuneSelf:
			c.At++
		default:
			if err := c.rune(); err != nil {
				return nil, err
			}
		}
	}
	return nil, c.Unexpected("a closing quote")
}

// rune steps over one character of several bytes.
func (c *Cursor) rune() error {
	r, n := utf8.DecodeRune(c.B[c.At:])
	if r == utf8.RuneError && n == 1 {
		return c.Invalid("byte %d of the body is not UTF-8", c.At).WithRemedy("encode the body as UTF-8")
	}
	c.At += n
	return nil
}

// escaped finishes a string from its first backslash on.
func (c *Cursor) escaped(start int) ([]byte, error) {
	out := append(c.scratch[:0], c.B[start:c.At]...)
	for c.At < len(c.B) {
		switch ch := c.B[c.At]; {
		case ch == '"':
			c.At++
			c.scratch = out
			return out, nil
		case ch == '\\':
			r, err := c.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case ch < ' ':
			return nil, c.Unexpected("a printable character")
		default:
			from := c.At
			if err := c.rune(); err != nil {
				return nil, err
			}
			out = append(out, c.B[from:c.At]...)
		}
	}
	return nil, c.Unexpected("a closing quote")
}

// escape reads one escape sequence, or a pair that stands for one character.
func (c *Cursor) escape() (rune, error) {
	if c.At+1 >= len(c.B) {
		c.At = len(c.B)
		return 0, c.Unexpected("an escape")
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c.B[c.At+1]); i >= 0 {
		c.At += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := c.hex()
	if !ok {
		return 0, c.Unexpected("an escape")
	}
	if utf16.IsSurrogate(r) {
		low, ok := c.hex()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, c.Invalid("the text before byte %d has half a surrogate pair", c.At).WithRemedy("send whole characters")
		}
	}
	if r == 0 {
		return 0, c.Invalid("the text before byte %d contains NUL", c.At).WithRemedy("remove \\u0000 from the text")
	}
	return r, nil
}

// hex reads \uXXXX.
func (c *Cursor) hex() (rune, bool) {
	if c.At+6 > len(c.B) || c.B[c.At] != '\\' || c.B[c.At+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, ch := range c.B[c.At+2 : c.At+6] {
		switch {
		case ch >= '0' && ch <= '9':
			ch -= '0'
		case ch|0x20 >= 'a' && ch|0x20 <= 'f':
			ch = ch | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(ch)
	}
	c.At += 6
	return r, true
}

// Skip steps over a value of any kind and returns where it was.
func (c *Cursor) Skip(depth int) (Span, error) {
	if depth > maxDepth {
		return Span{}, c.Invalid("the body is nested deeper than %d at byte %d", maxDepth, c.At).WithRemedy("send flat records or tensors")
	}
	ch := c.Peek()
	from := c.At
	var err error
	switch ch {
	case '{', '[':
		err = c.skipAll(ch, depth)
	case '"':
		_, err = c.Text()
	case 't':
		err = c.Literal("true")
	case 'f':
		err = c.Literal("false")
	case 'n':
		err = c.Literal("null")
	default:
		_, err = c.Float()
	}
	return Span{From: from, To: c.At}, err
}

func (c *Cursor) skipAll(open byte, depth int) error {
	c.At++
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	for first := true; ; first = false {
		more, err := c.Next(first, end)
		if err != nil || !more {
			return err
		}
		if open == '{' {
			if _, err := c.Key(); err != nil {
				return err
			}
		}
		if _, err := c.Skip(depth + 1); err != nil {
			return err
		}
	}
}
