package label

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of one label, in bytes, and of how far ahead of this clock another may be.
const (
	maxText = 1024
	maxID   = 256 // the prediction server's bound of a request id
	maxSkew = time.Hour
)

// Row is one label as it comes from outside. Texts are as they were written.
type Row struct {
	PredictionID string
	RequestID    string
	Label        any    // float64, string or bool; nil: missing
	ObservedAt   string // RFC 3339; empty: now
}

// Target is what an endpoint's model predicts. The zero value: nobody knows.
type Target struct {
	Known   bool
	Classes []string // nil: a number
}

// TargetOf reads the target from a model's signature.
func TargetOf(s *bundle.Signature) Target {
	t := Target{Known: true}
	for _, o := range s.Outputs {
		if len(o.Classes) > 0 {
			t.Classes = o.Classes
		}
	}
	return t
}

// Problem is why a row is no label: the details of the error.
type Problem struct {
	Row    int    `json:"row"` // from 0
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

// Read checks row number n, from 0. unseen says that the label is a class which
// the model does not know. The error is RequestInvalid, with a Problem as details.
func (t Target) Read(n int, r Row, now time.Time) (l metadata.Label, unseen bool, err error) {
	switch {
	case r.PredictionID != "" && r.RequestID != "":
		return l, false, wrong(n, "prediction_id", "has both prediction_id and request_id", "send one of them")
	case r.PredictionID != "":
		id, err := uuid.Parse(r.PredictionID)
		if err != nil || id.Version() != 7 || len(r.PredictionID) != 36 {
			return l, false, wrong(n, "prediction_id", fmt.Sprintf("%.80q is not the id of a prediction", r.PredictionID), "send the id that came with the answer, or the request_id")
		}
		l.PredictionID = &id
	case r.RequestID != "":
		if len(r.RequestID) > maxID || !utf8.ValidString(r.RequestID) || strings.ContainsFunc(r.RequestID, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return l, false, wrong(n, "request_id", fmt.Sprintf("is longer than %d bytes or has control characters", maxID), "send the request's id as it came with the answer")
		}
		l.RequestID = r.RequestID
	default:
		return l, false, wrong(n, "prediction_id", "names no prediction", "send prediction_id or request_id")
	}
	if r.ObservedAt != "" {
		at, err := time.Parse(time.RFC3339, r.ObservedAt)
		switch {
		case err != nil || at.Year() < 1900:
			return l, false, wrong(n, "observed_at", fmt.Sprintf("%.40q is not a time", r.ObservedAt), "write it as 2026-11-23T12:00:00Z")
		case at.After(now.Add(maxSkew)):
			return l, false, wrong(n, "observed_at", fmt.Sprintf("%.40q is in the future", r.ObservedAt), "say when the truth was known, or leave it out")
		}
		l.ObservedAt = at.UTC().Truncate(time.Microsecond)
	}
	value, unseen, err := t.value(n, r.Label)
	if err != nil {
		return l, false, err
	}
	l.Value, err = json.Marshal(value)
	return l, unseen, err
}

// value is the label as it is kept.
func (t Target) value(n int, v any) (value any, unseen bool, err error) {
	switch x := v.(type) {
	case nil:
		return nil, false, wrong(n, "label", "has no label", "leave the row out until the truth is known")
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, false, wrong(n, "label", "is no finite number", "leave the row out until the truth is known")
		}
		value = x + 0 // no negative zero
	case bool:
		value = t.boolean(x)
	case string:
		if x == "" || len(x) > maxText || !utf8.ValidString(x) || strings.ContainsRune(x, 0) {
			return nil, false, wrong(n, "label", fmt.Sprintf("is empty, longer than %d bytes or no text", maxText), "send the class, or the number")
		}
		value = x
	default:
		return nil, false, wrong(n, "label", "is neither a number nor a text", "send the class, or the number")
	}
	if !t.Known {
		return value, false, nil
	}
	number, isNumber := value.(float64)
	if t.Classes == nil {
		if !isNumber {
			return nil, false, wrong(n, "label", fmt.Sprintf("is %.80q, and the model predicts a number", value), "send a number, without quotes")
		}
		return value, false, nil
	}
	class, _ := value.(string)
	if isNumber {
		class = feature.ClassName(number)
	}
	return class, !slices.Contains(t.Classes, class), nil
}

// boolean is a truth value as the model prints its classes: those of a boolean
// column are 0 and 1.
func (t Target) boolean(x bool) any {
	if t.Known && t.Classes != nil && !slices.Contains(t.Classes, strconv.FormatBool(x)) {
		if x {
			return 1.0
		}
		return 0.0
	}
	return strconv.FormatBool(x)
}

func wrong(row int, field, reason, remedy string) error {
	return fault.New(fault.RequestInvalid, "labels[%d]: %s %s", row, field, reason).WithRemedy("%s", remedy).WithDetails(Problem{Row: row, Field: field, Reason: reason})
}
