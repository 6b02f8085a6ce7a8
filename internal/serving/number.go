package serving

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// maxNumber bounds the characters of one number.
const maxNumber = 128

// number reads a number and returns its characters, valid as long as the body.
func (c *cursor) number() ([]byte, error) {
	start := c.at
	digits := func() bool {
		from := c.at
		for c.at < len(c.b) && c.b[c.at]-'0' < 10 {
			c.at++
		}
		return c.at > from
	}
	is := func(one, other byte) bool {
		return c.at < len(c.b) && (c.b[c.at] == one || c.b[c.at] == other)
	}
	if is('-', '-') {
		c.at++
	}
	zero := is('0', '0')
	first := c.at
	if !digits() || zero && c.at > first+1 {
		c.at = start
		return nil, c.unexpected("a value")
	}
	if is('.', '.') {
		c.at++
		if !digits() {
			return nil, c.unexpected("a digit")
		}
	}
	if is('e', 'E') {
		c.at++
		if is('+', '-') {
			c.at++
		}
		if !digits() {
			return nil, c.unexpected("a digit")
		}
	}
	if c.at-start > maxNumber {
		return nil, c.invalid("the number at byte %d has %d characters, the bound is %d", start, c.at-start, maxNumber)
	}
	return c.b[start:c.at], nil
}

// float is number as a float64. A number that overflows to infinity, or that is
// not zero and underflows to it, is refused.
func (c *cursor) float() (float64, error) {
	start := c.at
	b, err := c.number()
	if err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	if err != nil || math.IsInf(x, 0) || vanished(x, b) {
		c.at = start
		return 0, c.invalid("the number %s at byte %d is outside the range of a float64", b, start).WithRemedy("send a finite number, or null if it is unknown")
	}
	return x, nil
}

// vanished reports whether the number b, read as x, is beyond what a float64 tells from
// zero, or has an exponent of more than five characters, which no number needs.
func vanished(x float64, b []byte) bool {
	mantissa := b
	for i, ch := range b {
		if ch == 'e' || ch == 'E' {
			if len(b)-i-1 > 5 {
				return true
			}
			mantissa = b[:i]
			break
		}
	}
	return x == 0 && bytes.ContainsAny(mantissa, "123456789")
}
