package bundle

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
)

// number returns the value, or what was expected instead.
func number(value any) (float64, string) {
	const expected = "a number"
	switch v := value.(type) {
	case nil:
		return math.NaN(), ""
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, "a finite number, or null where it is missing"
		}
		return v, ""
	case json.Number:
		x, err := strconv.ParseFloat(string(v), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return 0, "a finite number of 64 bits"
		}
		return x, ""
	case int:
		return float64(v), ""
	case int64:
		return float64(v), ""
	case bool:
		if v {
			return 1, ""
		}
		return 0, ""
	case string:
		switch strings.ToLower(strings.TrimLeft(v, "+-")) {
		case "nan", "inf", "infinity":
			return 0, "a finite number, or null where it is missing"
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return 0, "a number, without quotes"
		}
	}
	return 0, expected
}

var layouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02"}

// TimeOf reads a time that a request sends as a text, in microseconds since the Unix
// epoch; without a zone it is UTC.
func TimeOf(text string) (micros int64, ok bool) {
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

// WholeMicros reads a time that a request sends as a number, of microseconds.
func WholeMicros(x float64) (micros int64, ok bool) {
	if x != math.Trunc(x) || math.Abs(x) >= 1<<63 {
		return 0, false
	}
	return int64(x), true
}

// micros returns the value, or what was expected instead.
func micros(value any) (int64, string) {
	const expected = "a time: RFC 3339, 2006-01-02 15:04:05 in UTC, or whole microseconds since 1970"
	whole := int64(0)
	switch v := value.(type) {
	case nil:
		return frame.MissingTime, ""
	case string:
		whole, ok := TimeOf(v)
		if !ok {
			return 0, expected
		}
		return whole, ""
	case json.Number:
		x, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			f, err := strconv.ParseFloat(string(v), 64) // 1.7e15 is whole
			if err != nil {
				return 0, expected
			}
			return micros(f)
		}
		whole = x
	case float64:
		var ok bool
		if whole, ok = WholeMicros(v); !ok {
			return 0, expected
		}
	case int:
		whole = int64(v)
	case int64:
		whole = v
	default:
		return 0, expected
	}
	if whole == frame.MissingTime {
		return 0, expected
	}
	return whole, ""
}

// shown says what a value is, and what it holds where it is short.
func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return "the string " + strconv.Quote(clip(v))
	case bool:
		return strconv.FormatBool(v)
	case float64, int, int64:
		return fmt.Sprintf("the number %v", v)
	case json.Number:
		return "the number " + clip(string(v))
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", value)
}

// clip bounds a text from outside within a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
