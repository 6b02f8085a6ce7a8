package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// DigestOf returns the lower-case hex SHA-256 of b.
func DigestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Canonical encodes v as the one JSON text of its value: no space, object keys
// sorted by code point, strings with the least escaping, floats in the shortest
// form that reads back the same. It is RFC 8785 but for three things: integers
// beyond 2^53 keep their digits, -0 keeps its sign, and keys sort by code point
// instead of UTF-16 unit. NaN and infinities are an error: JSON has none.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode %T as JSON", v)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "read back the JSON of %T", v)
	}
	return appendCanonical(make([]byte, 0, len(raw)), tree)
}

func appendCanonical(out []byte, tree any) ([]byte, error) {
	var err error
	switch x := tree.(type) {
	case nil:
		return append(out, "null"...), nil
	case bool:
		return strconv.AppendBool(out, x), nil
	case string:
		return appendString(out, x), nil
	case json.Number:
		return appendNumber(out, string(x))
	case []any:
		out = append(out, '[')
		for i, item := range x {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendCanonical(out, item); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case map[string]any:
		out = append(out, '{')
		for i, key := range slices.Sorted(maps.Keys(x)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendString(out, key), ':')
			if out, err = appendCanonical(out, x[key]); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	}
	return nil, fault.New(fault.Internal, "canonical JSON of %T", tree)
}

// appendNumber keeps integers as written and gives everything else the text
// encoding/json gives the float64 of the same value.
func appendNumber(out []byte, text string) ([]byte, error) {
	if !strings.ContainsAny(text, ".eE") {
		return append(out, text...), nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "number %s does not fit a float64", text)
	}
	b, err := json.Marshal(x)
	return append(out, b...), err
}

func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c >= 0x20:
			out = append(out, c)
		case strings.IndexByte("\b\t\n\f\r", c) >= 0:
			out = append(out, '\\', "btn.fr"[c-'\b'])
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
	}
	return append(out, '"')
}
