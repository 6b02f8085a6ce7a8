package jsontext

import "math"

// Members reads an object inside a request, calling member for each name.
func (c *Cursor) Members(what string, member func(name []byte) error) error {
	if err := c.Expect('{', what); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := c.Next(first, '}')
		if err != nil || !more {
			return err
		}
		key, err := c.Key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
}

// Word reads a string as a text of its own.
func (c *Cursor) Word(what string) (string, error) {
	if c.Peek() != '"' {
		return "", c.Unexpected(what)
	}
	s, err := c.Text()
	return string(s), err
}

// Truth reads true or false.
func (c *Cursor) Truth() (bool, error) {
	switch c.Peek() {
	case 't':
		return true, c.Literal("true")
	case 'f':
		return false, c.Literal("false")
	}
	return false, c.Unexpected("true or false")
}

// Whole reads a whole number that is not negative.
func (c *Cursor) Whole(what string) (float64, error) {
	if ch := c.Peek(); ch < '0' || ch > '9' {
		return 0, c.Unexpected(what)
	}
	x, err := c.Float()
	if err == nil && x != math.Trunc(x) {
		return 0, c.Invalid("the number before byte %d is not %s", c.At, what)
	}
	return x, err
}
