package serving

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
)

// Headers of requests that may be sent again.
const (
	headerIdempotency = "Idempotency-Key"     // at most maxID printable ASCII characters
	headerRepeated    = "Esteira-Idempotency" // first, repeated, or unchecked: the database could not be asked
)

// storedHeader is what of an answer's header is repeated with it.
type storedHeader struct {
	Predictions string `json:"predictions"`
	Request     string `json:"request"`
	Revision    string `json:"revision"`
	Version     string `json:"version"`
}

// once answers a request that came with an idempotency key: with the first answer to
// it, or else first. Only a 200 is kept: what was refused or failed may be sent again.
func (s *Server) once(ctx context.Context, x *exchange) error {
	if s.opts.Answers == nil {
		return fault.New(fault.RequestInvalid, "this server keeps no answers to repeat").WithRemedy("leave %s out", headerIdempotency)
	}
	if x.protocol.name == message.name {
		return fault.New(fault.RequestInvalid, "answers over gRPC are not repeated").WithRemedy("leave %s out, or ask over HTTP", headerIdempotency)
	}
	for i := 0; i < len(x.idempotency); i++ {
		if ch := x.idempotency[i]; ch < '!' || ch > '~' || len(x.idempotency) > maxID {
			return fault.New(fault.RequestInvalid, "the %s is not 1 to %d printable ASCII characters without spaces", headerIdempotency, maxID).WithRemedy("send a UUID")
		}
	}
	if len(x.hash) == 0 {
		return fault.New(fault.AuditUnavailable, "requests of endpoint %s cannot be told apart: the secret of its audit policy is missing here", x.endpoint).
			WithRemedy("set %s where the server runs", x.policy.Key)
	}
	waiting, cancel := context.WithTimeout(ctx, s.opts.Limits.WriteTimeout/2)
	defer cancel()
	claim, stored, err := s.opts.Answers.Begin(waiting, audit.AnswerKey{Endpoint: x.endpoint, Token: x.token, Key: x.idempotency}, x.hash)
	if errors.Is(err, context.DeadlineExceeded) {
		return overloaded(ctx, "the first request with this %s is still being answered after half of %s", headerIdempotency, s.opts.Limits.WriteTimeout)
	}
	if err != nil {
		return err
	}
	if stored != nil {
		x.repeat = &storedHeader{}
		if err := json.Unmarshal(stored.Header, x.repeat); err != nil {
			return fault.Wrap(err, fault.Internal, "the answer to repeat cannot be read")
		}
		x.status, x.answer, x.requestID = http.StatusOK, append(x.answer[:0], stored.Body...), x.repeat.Request
		return nil
	}
	x.claim = claim
	if err := s.compute(ctx, x); err != nil {
		return err
	}
	if x.answered > 0 {
		return fault.New(fault.RequestInvalid, "an answer in bytes is not repeated").WithRemedy("leave %s out, or ask for outputs as JSON", headerIdempotency)
	}
	if len(x.answer) > audit.MaxStored {
		return fault.New(fault.ResourceExhausted, "the answer has %d bytes, the bound of one that can be repeated is %d", len(x.answer), audit.MaxStored).
			WithRemedy("send fewer rows at a time, or leave %s out", headerIdempotency)
	}
	r := &x.records[0]
	r.AnswerHeader, err = json.Marshal(storedHeader{x.firstIDs(), x.requestID, x.revision(), x.served.version})
	r.Answer = x.answer
	return err
}

// endClaim keeps the answer if its record was taken, and lets those that wait go on.
func (x *exchange) endClaim() {
	if x.claim == nil {
		return
	}
	if x.status == http.StatusOK && len(x.records) > 0 {
		x.claim.Keep(audit.Stored{Header: x.records[0].AnswerHeader, Body: x.answer, At: x.arrived})
	}
	x.claim.Release()
}

// idempotencyOf says how the answer came to be, for the header.
func (x *exchange) idempotencyOf() string {
	switch {
	case x.repeat != nil:
		return "repeated"
	case x.claim.Unchecked:
		return "unchecked"
	}
	return "first"
}
