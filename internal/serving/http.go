package serving

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Headers of requests and answers.
const (
	headerPrediction = "Esteira-Prediction-Id" // the first maxHeaderIDs ids, separated by commas
	headerRevision   = "Esteira-Revision"
	headerVersion    = "Esteira-Model-Version"
	headerRequest    = "X-Request-Id"                    // read and echoed
	headerKey        = "Esteira-Sticky-Key"              // requests of one key go to one model version; default: the request's id
	headerTimeout    = "Esteira-Timeout"                 // how long the client waits: 250ms, 2s
	headerLength     = "Inference-Header-Content-Length" // of the JSON, in front of binary tensors
	maxHeaderIDs     = 16
)

// predictions answers requests of one protocol over HTTP.
func (s *Server) predictions(p protocol) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		x := s.begin(p)
		defer s.end(x)
		x.endpoint, x.version = req.PathValue("endpoint"), req.PathValue("version")
		if x.endpoint == "" {
			x.endpoint = s.soleEndpoint(req)
		}
		ctx, cancel, err := deadline(req)
		defer cancel()
		release := func() {}
		if err == nil {
			err = s.admitted(x, req.Header.Get("Authorization"))
		}
		if err == nil {
			release, err = s.read(ctx, w, req, x)
		}
		release = sync.OnceFunc(release)
		defer release() // after a panic, too: a turn that is never given back is gone for good
		s.settle(ctx, x, release, err)
		x.write(w)
	}
}

// deadline is the context of a request, which ends when its client leaves or no
// longer waits.
func deadline(req *http.Request) (context.Context, context.CancelFunc, error) {
	text := req.Header.Get(headerTimeout)
	if text == "" {
		return req.Context(), func() {}, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return req.Context(), func() {}, fault.New(fault.RequestInvalid, "the header %s is %q, not a duration", headerTimeout, clip(text)).WithRemedy("write for example 250ms")
	}
	ctx, cancel := context.WithTimeout(req.Context(), d)
	return ctx, cancel, nil
}

// readHead reads what the request's head says of its body.
func (x *exchange) readHead(req *http.Request) error {
	if x.client == "" {
		x.client, _, _ = net.SplitHostPort(req.RemoteAddr)
	}
	x.ask.explain = x.ask.explain || truthful(req.URL.Query().Get("explain"))
	kind, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	x.csv = strings.EqualFold(strings.TrimSpace(kind), "text/csv")
	text := req.Header.Get(headerLength)
	if text == "" {
		return nil
	}
	if !x.protocol.binary {
		return fault.New(fault.RequestInvalid, "the request carries binary tensor data, which is not supported here").WithRemedy("ask /v2/models/{endpoint}/infer")
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return fault.New(fault.RequestInvalid, "the header %s is %q, not a count of bytes", headerLength, clip(text)).WithRemedy("send the length of the JSON in front of the binary tensors")
	}
	x.head = n
	return nil
}

func truthful(s string) bool { return s == "true" || s == "1" }

// read brings the body into memory and waits for the request's turn.
func (s *Server) read(ctx context.Context, w http.ResponseWriter, req *http.Request, x *exchange) (release func(), err error) {
	release = func() {}
	x.requestID = cleaned(req.Header.Get(headerRequest), maxID)
	x.seen.TraceParent, x.seen.TraceState = req.Header.Get("Traceparent"), req.Header.Get("Tracestate")
	x.key = cleaned(req.Header.Get(headerKey), maxID)
	x.idempotency = req.Header.Get(headerIdempotency)
	if err := x.readHead(req); err != nil {
		return release, err
	}
	if e := req.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return release, fault.New(fault.RequestInvalid, "the body's encoding %q is not supported", clip(e)).WithRemedy("send the body as it is")
	}
	limits := &s.opts.Limits
	size := req.ContentLength
	if size > limits.BodyBytes {
		return release, tooLarge(limits.BodyBytes)
	}
	if size < 0 {
		size = limits.BodyBytes
	}
	give, err := s.hold(ctx, x, size)
	if err != nil {
		return release, err
	}
	release = func() { give(size) }
	if err := x.readBody(http.MaxBytesReader(w, req.Body, limits.BodyBytes), req.ContentLength); err != nil {
		return release, err
	}
	turn, err := s.turn(ctx, x)
	if err != nil {
		return release, err
	}
	return func() { give(size); turn() }, nil
}

func (x *exchange) readBody(r io.Reader, declared int64) error {
	x.body = slices.Grow(x.body, int(max(declared, 0))+512)
	for {
		if len(x.body) == cap(x.body) {
			x.body = slices.Grow(x.body, 64<<10)
		}
		n, err := r.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		var large *http.MaxBytesError
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &large):
			return tooLarge(large.Limit)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fault.Wrap(errSlow, fault.RequestInvalid, "read the body").WithRemedy("send the whole request at once")
		default:
			return fault.Wrap(err, fault.RequestInvalid, "read the body").WithRemedy("send as many bytes as Content-Length says")
		}
	}
}

// headers calls set with what the answer says beside itself.
func (x *exchange) headers(set func(name, value string)) {
	if x.requestID != "" {
		set(headerRequest, x.requestID)
	}
	if len(x.records) > 0 {
		set(headerPrediction, x.firstIDs())
	}
	if x.served != nil {
		set(headerVersion, x.served.version)
		set(headerRevision, x.revision())
	}
	if x.repeat != nil {
		set(headerPrediction, x.repeat.Predictions)
		set(headerVersion, x.repeat.Version)
		set(headerRevision, x.repeat.Revision)
	}
	if x.repeat != nil || x.claim != nil {
		set(headerRepeated, x.idempotencyOf())
	}
}

// firstIDs are the ids of the first rows: a header is bounded.
func (x *exchange) firstIDs() string {
	ids := make([]byte, 0, 37*maxHeaderIDs)
	for i := range x.records[:min(len(x.records), maxHeaderIDs)] {
		if i > 0 {
			ids = append(ids, ',')
		}
		ids = appendUUID(ids, x.records[i].ID)
	}
	return string(ids)
}

func (x *exchange) revision() string { return strconv.FormatInt(x.served.revision, 10) }

// write sends the answer.
func (x *exchange) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = contentJSON
	if x.answered > 0 {
		h["Content-Type"] = contentBytes
		h[headerLength] = []string{strconv.Itoa(x.answered)}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(x.answer))}
	x.headers(func(name, value string) { h[name] = []string{value} })
	if x.status == http.StatusServiceUnavailable {
		h["Retry-After"] = []string{"1"}
	}
	challenge(h, x.status)
	w.WriteHeader(x.status)
	_, _ = w.Write(x.answer) // a client that went away is no error of ours
}

var (
	contentJSON  = []string{"application/json"}
	contentBytes = []string{"application/octet-stream"}
)
