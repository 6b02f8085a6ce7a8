package metadata

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Values are numbers by name. In JSON a number that is not finite is the string
// "NaN", "Infinity" or "-Infinity", as in the JSON mapping of Protocol Buffers,
// so that a score of NaN can be stored and seen.
type Values map[string]float64

// String lists them by name: "mae 3.2, rmse 4.5".
func (v Values) String() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		out = append(out, fmt.Sprintf("%s %.6g", name, v[name]))
	}
	return strings.Join(out, ", ")
}

// MarshalJSON implements json.Marshaler.
func (v Values) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(v))
	for name, x := range v {
		switch {
		case math.IsNaN(x):
			out[name] = "NaN"
		case math.IsInf(x, 1):
			out[name] = "Infinity"
		case math.IsInf(x, -1):
			out[name] = "-Infinity"
		default:
			out[name] = x
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Values) UnmarshalJSON(b []byte) error {
	var in map[string]any
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*v = make(Values, len(in))
	for name, x := range in {
		switch x := x.(type) {
		case float64:
			(*v)[name] = x
		case string:
			special, ok := map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[x]
			if !ok {
				return fmt.Errorf("value %q of %q is not a number", x, name)
			}
			(*v)[name] = special
		default:
			return fmt.Errorf("value of %q is not a number", name)
		}
	}
	return nil
}
