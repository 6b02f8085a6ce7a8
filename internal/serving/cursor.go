package serving

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxDepth bounds the nesting of one JSON text.
const maxDepth = 64

// cursor reads JSON (RFC 8259) strictly, from a body in memory, without building
// values: callers ask for what they expect. Beyond the grammar it refuses what
// could not be stored or compared later: text that is not UTF-8 or contains NUL,
// half surrogate pairs, numbers outside the range of a float64.
type cursor struct {
	b       []byte
	at      int
	scratch []byte // holds a string that had escapes
}

// span is a part of the body.
type span struct{ from, to int }

func (c *cursor) invalid(message string, args ...any) *fault.Error {
	return fault.New(fault.RequestInvalid, message, args...).WithDetails(map[string]int{"byte": c.at})
}

func (c *cursor) unexpected(want string) *fault.Error {
	if c.at >= len(c.b) {
		return c.invalid("the body ends at byte %d where %s was expected", c.at, want)
	}
	end := min(len(c.b), c.at+12)
	return c.invalid("at byte %d of the body %s was expected, not %q", c.at, want, bytes.ToValidUTF8(c.b[c.at:end], []byte("?"))).
		WithRemedy("send JSON (RFC 8259); a missing value is null")
}

// peek skips white space and returns the next byte, or 0 at the end.
func (c *cursor) peek() byte {
	for c.at < len(c.b) {
		switch ch := c.b[c.at]; ch {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return ch
		}
	}
	return 0
}

// expect consumes the byte ch.
func (c *cursor) expect(ch byte, want string) error {
	if c.peek() != ch {
		return c.unexpected(want)
	}
	c.at++
	return nil
}

// next steps inside an object or array that ends with end: it reports whether
// another element follows. first is true before the first element.
func (c *cursor) next(first bool, end byte) (bool, error) {
	switch ch := c.peek(); {
	case ch == end:
		c.at++
		return false, nil
	case first:
		return true, nil
	case ch == ',':
		c.at++
		if c.peek() == end {
			return false, c.unexpected("another element")
		}
		return true, nil
	}
	return false, c.unexpected("',' or '" + string(end) + "'")
}

// key reads the name of a member and its colon.
func (c *cursor) key() ([]byte, error) {
	if c.peek() != '"' {
		return nil, c.unexpected("a name in quotes")
	}
	name, err := c.text()
	if err != nil {
		return nil, err
	}
	return name, c.expect(':', "':'")
}

// end checks that nothing follows the value.
func (c *cursor) end() error {
	if c.peek() != 0 || c.at < len(c.b) {
		return c.unexpected("the end of the body")
	}
	return nil
}

// literal consumes word, which begins at the cursor.
func (c *cursor) literal(word string) error {
	if !bytes.HasPrefix(c.b[c.at:], []byte(word)) {
		return c.unexpected("a value")
	}
	c.at += len(word)
	return nil
}

// text reads a string; the bytes are valid until the next call.
func (c *cursor) text() ([]byte, error) {
	c.at++ // the quote
	start := c.at
	for c.at < len(c.b) {
		switch ch := c.b[c.at]; {
		case ch == '"':
			s := c.b[start:c.at]
			c.at++
			return s, nil
		case ch == '\\':
			return c.escaped(start)
		case ch < ' ':
			return nil, c.unexpected("a printable character")
		case ch < utf8.RuneSelf:
			c.at++
		default:
			if err := c.rune(); err != nil {
				return nil, err
			}
		}
	}
	return nil, c.unexpected("a closing quote")
}

// rune steps over one character of several bytes.
func (c *cursor) rune() error {
	r, n := utf8.DecodeRune(c.b[c.at:])
	if r == utf8.RuneError && n == 1 {
		return c.invalid("byte %d of the body is not UTF-8", c.at).WithRemedy("encode the body as UTF-8")
	}
	c.at += n
	return nil
}

// escaped finishes a string from its first backslash on.
func (c *cursor) escaped(start int) ([]byte, error) {
	out := append(c.scratch[:0], c.b[start:c.at]...)
	for c.at < len(c.b) {
		switch ch := c.b[c.at]; {
		case ch == '"':
			c.at++
			c.scratch = out
			return out, nil
		case ch == '\\':
			r, err := c.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case ch < ' ':
			return nil, c.unexpected("a printable character")
		default:
			from := c.at
			if err := c.rune(); err != nil {
				return nil, err
			}
			out = append(out, c.b[from:c.at]...)
		}
	}
	return nil, c.unexpected("a closing quote")
}

// escape reads one escape sequence, or a pair that stands for one character.
func (c *cursor) escape() (rune, error) {
	if c.at+1 >= len(c.b) {
		c.at = len(c.b)
		return 0, c.unexpected("an escape")
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c.b[c.at+1]); i >= 0 {
		c.at += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := c.hex()
	if !ok {
		return 0, c.unexpected("an escape")
	}
	if utf16.IsSurrogate(r) {
		low, ok := c.hex()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, c.invalid("the text before byte %d has half a surrogate pair", c.at).WithRemedy("send whole characters")
		}
	}
	if r == 0 {
		return 0, c.invalid("the text before byte %d contains NUL", c.at).WithRemedy("remove \\u0000 from the text")
	}
	return r, nil
}

// hex reads \uXXXX.
func (c *cursor) hex() (rune, bool) {
	if c.at+6 > len(c.b) || c.b[c.at] != '\\' || c.b[c.at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, ch := range c.b[c.at+2 : c.at+6] {
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
	c.at += 6
	return r, true
}

// skip steps over a value of any kind and returns where it was.
func (c *cursor) skip(depth int) (span, error) {
	if depth > maxDepth {
		return span{}, c.invalid("the body is nested deeper than %d at byte %d", maxDepth, c.at).WithRemedy("send flat records or tensors")
	}
	ch := c.peek()
	from := c.at
	var err error
	switch ch {
	case '{', '[':
		err = c.skipAll(ch, depth)
	case '"':
		_, err = c.text()
	case 't':
		err = c.literal("true")
	case 'f':
		err = c.literal("false")
	case 'n':
		err = c.literal("null")
	default:
		_, err = c.float()
	}
	return span{from, c.at}, err
}

func (c *cursor) skipAll(open byte, depth int) error {
	c.at++
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	for first := true; ; first = false {
		more, err := c.next(first, end)
		if err != nil || !more {
			return err
		}
		if open == '{' {
			if _, err := c.key(); err != nil {
				return err
			}
		}
		if _, err := c.skip(depth + 1); err != nil {
			return err
		}
	}
}
