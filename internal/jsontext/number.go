package jsontext

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// MaxNumber bounds the characters of one number.
const MaxNumber = 128

// number reads a number and returns its characters, valid as long as the body.
func (c *Cursor) number() ([]byte, error) {
	start := c.At
	digits := func() bool {
		from := c.At
		for c.At < len(c.B) && c.B[c.At]-'0' < 10 {
			c.At++
		}
		return c.At > from
	}
	is := func(one, other byte) bool {
		return c.At < len(c.B) && (c.B[c.At] == one || c.B[c.At] == other)
	}
	if is('-', '-') {
		c.At++
	}
	zero := is('0', '0')
	first := c.At
	if !digits() || zero && c.At > first+1 {
		c.At = start
		return nil, c.Unexpected("a value")
	}
	if is('.', '.') {
		c.At++
		if !digits() {
			return nil, c.Unexpected("a digit")
		}
	}
	if is('e', 'E') {
		c.At++
		if is('+', '-') {
			c.At++
		}
		if !digits() {
			return nil, c.Unexpected("a digit")
		}
	}
	if c.At-start > MaxNumber {
		return nil, c.Invalid("the number at byte %d has %d characters, the bound is %d", start, c.At-start, MaxNumber)
	}
	return c.B[start:c.At], nil
}

// Float is number as a float64. A number that overflows to infinity, or that is
// not zero and underflows to it, is refused.
func (c *Cursor) Float() (float64, error) {
	start := c.At
	b, err := c.number()
	if err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	if err != nil || math.IsInf(x, 0) || vanished(x, b) {
		c.At = start
		return 0, c.Invalid("the number %s at byte %d is outside the range of a float64", b, start).WithRemedy("send a finite number, or null if it is unknown")
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
