// Package jsontext owns reading JSON where it stands: a Cursor goes over the bytes of one
// text, and callers ask it for what they expect, so that no values are built which
// nobody wants and nothing is copied but texts that had escapes. The prediction server
// reads requests by it, and the monitor the same requests again from the audit log.
//
// It knows no shape: which members an object may have, and what their values mean, is
// its callers'. Refusals are RequestInvalid, for a body is what somebody sent.
package jsontext
