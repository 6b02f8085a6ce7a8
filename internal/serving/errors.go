package serving

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

func tooLarge(bound int64) error {
	return fault.New(fault.ResourceExhausted, "the body is larger than %d bytes, the bound of one request", bound).WithRemedy("send fewer rows at a time")
}

// errOverloaded and errSlow give their faults another status than their kind's.
var (
	errOverloaded = errors.New("overloaded")
	errSlow       = errors.New("the request did not arrive in time")
	errFull       = errors.New("too many wait")
	errGone       = errors.New("the client left")
)

// statusGone is what the record of a request says whose client left: nobody reads
// the answer.
const statusGone = 499

// late is the fault of a request whose context ended.
func late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.DeadlineExceeded, "the time of the request was over before it was answered").WithRemedy("allow it more time, or ask a server with less to do")
	}
	return fault.Wrap(errGone, fault.DeadlineExceeded, "the request was not answered")
}

// over is late for a context that has ended. gRPC cancels the stream of a client whose
// time is over, as that of one that left: the clock tells them apart.
func over(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return late(context.DeadlineExceeded)
	}
	return late(ctx.Err())
}

func overloaded(ctx context.Context, message string, args ...any) error {
	if ctx.Err() != nil {
		return over(ctx)
	}
	return fault.Wrap(errOverloaded, fault.ResourceExhausted, message+", the bound of this server", args...).WithRemedy("try again in a second, or run more servers")
}

// errorAnswer writes {"error": "…", "kind": "…", "details": …} and says which
// status it has. "error" is all that the Open Inference Protocol v2 asks for.
func errorAnswer(b []byte, err error) (int, fault.Kind, []byte) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.Wrap(err, fault.Internal, "the request could not be answered")
	}
	answer := struct {
		Error   string     `json:"error"`
		Kind    fault.Kind `json:"kind"`
		Details any        `json:"details,omitempty"`
	}{f.Error(), f.Kind, f.Details}
	text, jerr := json.Marshal(answer)
	if jerr != nil {
		answer.Details = nil
		text, _ = json.Marshal(answer) // two strings
	}
	return statusOf(f, err), f.Kind, append(append(b, text...), '\n')
}

func statusOf(f *fault.Error, err error) int {
	switch {
	case errors.Is(err, errOverloaded):
		return http.StatusServiceUnavailable
	case errors.Is(err, errSlow):
		return http.StatusRequestTimeout
	case errors.Is(err, errGone):
		return statusGone
	}
	return fault.Status(f.Kind)
}

// cleaned makes a text from outside fit for headers, logs and the table: valid
// UTF-8, no control characters, bounded.
func cleaned(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.ToValidUTF8(strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return -1
				}
				return r
			}, strings.ToValidUTF8(s, "")), "")
		}
	}
	return s
}
