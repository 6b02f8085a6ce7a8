package serving

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
)

// exchange is one request for predictions and its answer; its buffers are used
// again.
type exchange struct {
	protocol  protocol
	endpoint  string
	version   string // asked for; empty: whatever is live
	requestID string
	arrived   time.Time
	body      []byte
	key       string  // of stickiness: requests of one key are answered by one model version
	served    *served // nil until known
	rows      *rows   // of served's pool
	records   []audit.Record
	json      []byte // features and outputs of the records
	answer    []byte
	status    int
	kind      fault.Kind

	policy      *policy // of the endpoint's audit; nil: strict, and everything is kept
	hash        []byte  // of the body; nil: it was not read, or the policy has no key
	token       string  // name of the token it came with; empty: none
	idempotency string  // the Idempotency-Key; empty: none
	claim       *audit.Claim
	repeat      *storedHeader // of an answer given before; nil: this is the first
}

// protocol is a format of requests and answers.
type protocol struct {
	decode func(r *rows, body []byte, maxRows int) error
	encode func(x *exchange, b []byte) []byte
}

var (
	plain   = protocol{(*rows).decodeRecords, (*exchange).appendRecords}
	tensors = protocol{(*rows).decodeTensors, (*exchange).appendTensors}
)

// Headers of an answer.
const (
	headerPrediction = "Esteira-Prediction-Id" // the first maxHeaderIDs ids, separated by commas
	headerRevision   = "Esteira-Revision"
	headerVersion    = "Esteira-Model-Version"
	headerRequest    = "X-Request-Id"       // read and echoed
	headerKey        = "Esteira-Sticky-Key" // requests of one key go to one model version; default: the request's id
	maxHeaderIDs     = 16
)

func (s *Server) predictions(p protocol) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		x := s.exchanges.Get().(*exchange)
		*x = exchange{
			protocol: p, endpoint: req.PathValue("endpoint"), version: req.PathValue("version"), arrived: time.Now(),
			body: x.body[:0], records: x.records[:0], json: x.json[:0], answer: x.answer[:0], hash: x.hash[:0],
		}
		s.inflight.Add(1)
		defer s.inflight.Add(-1)
		s.answer(w, req, x)
		if x.rows != nil {
			x.served.pool.Put(x.rows)
		}
		if cap(x.body)+cap(x.json)+cap(x.answer) <= 1<<20 {
			clear(x.records[:cap(x.records)])
			s.exchanges.Put(x)
		}
	}
}

// answer runs one exchange: nothing is written before its records are durable.
func (s *Server) answer(w http.ResponseWriter, req *http.Request, x *exchange) {
	x.policy = s.opts.Table.policies.Load().find(x.endpoint)
	release, err := s.read(w, req, x)
	release = sync.OnceFunc(release)
	defer x.endClaim() // those that wait for this answer go on, whatever happened
	defer release()    // after a panic, too: a turn that is never given back is gone for good
	if err == nil {
		err = s.guarded(req.Context(), x)
	}
	if err != nil {
		x.refuse(err)
	}
	latency := time.Since(x.arrived)
	for i := range x.records {
		x.records[i].Latency = latency
	}
	err = s.record(x)
	release() // a client that reads slowly keeps nobody from being answered
	if err != nil {
		// The answer that was computed stays here.
		x.fail(err)
		x.records = x.records[:0]
	}
	x.endClaim()
	x.write(w)
	if s.opts.Observe != nil {
		s.opts.Observe(x.endpoint, x.status, time.Since(x.arrived))
	}
}

// guarded is compute, with a panic as an error like any other: it is answered and
// audited.
func (s *Server) guarded(ctx context.Context, x *exchange) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "the request could not be worked on: %v", p)
		}
	}()
	if x.hash = x.policy.requestHash(x.body, x.hash[:0]); x.idempotency != "" {
		return s.once(ctx, x)
	}
	return s.compute(x)
}

// record makes the records durable. A client that went away does not stop it: what
// was computed or refused is recorded, and only a disk that hangs is given up on.
func (s *Server) record(x *exchange) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Limits.WriteTimeout)
	defer cancel()
	if len(x.records) == 0 {
		return nil // an answer given before, whose record is there
	}
	var err error
	if x.policy != nil && x.policy.bound != nil {
		err = s.opts.Audit.AppendBounded(ctx, x.records, *x.policy.bound)
	} else {
		err = s.opts.Audit.Append(ctx, x.records)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.AuditUnavailable, "the audit record was not durable within %s", s.opts.Limits.WriteTimeout).
			WithRemedy("check the disk of the audit spool")
	}
	return err
}

// read brings the body into memory and waits for the request's turn.
func (s *Server) read(w http.ResponseWriter, req *http.Request, x *exchange) (release func(), err error) {
	release = func() {}
	x.requestID = cleaned(req.Header.Get(headerRequest), maxID)
	x.key = cleaned(req.Header.Get(headerKey), maxID)
	x.idempotency = req.Header.Get(headerIdempotency)
	if req.Header.Get("Inference-Header-Content-Length") != "" {
		return release, fault.New(fault.RequestInvalid, "the request carries binary tensor data, which is not supported").WithRemedy("send tensors as JSON (binary_data=False in tritonclient)")
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
	waiting, cancel := context.WithTimeout(req.Context(), limits.QueueTimeout)
	defer cancel()
	if s.bytes.Acquire(waiting, size) != nil {
		return release, overloaded(req.Context(), "%d bytes of requests are in memory", limits.TotalBytes)
	}
	release = func() { s.bytes.Release(size) }
	if err := x.readBody(http.MaxBytesReader(w, req.Body, limits.BodyBytes), req.ContentLength); err != nil {
		return release, err
	}
	waiting, cancel = context.WithTimeout(req.Context(), limits.QueueTimeout)
	defer cancel()
	if s.turns.Acquire(waiting, 1) != nil {
		return release, overloaded(req.Context(), "%d requests are being answered", limits.Concurrent)
	}
	return func() { s.bytes.Release(size); s.turns.Release(1) }, nil
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

// compute fills the answer and its records.
func (s *Server) compute(x *exchange) (err error) {
	deployed, err := s.opts.Table.find(x.endpoint)
	if err != nil {
		return err
	}
	if err := s.decode(x, deployed.live); err != nil {
		return err
	}
	if chosen := deployed.choose(cmp.Or(x.key, x.requestID)); x.version == "" && chosen != x.served {
		// The canary may want other columns.
		if err := s.decode(x, chosen); err != nil {
			return err
		}
	}
	if err := x.served.predict(x.rows); err != nil {
		return err
	}
	x.status = http.StatusOK
	k := x.served.model.Predictor.Outputs()
	for i := range x.rows.frame.Rows {
		r := x.record()
		from := len(x.json)
		x.json = x.rows.appendFeatures(x.json, x.body, i)
		if x.policy.withholds() {
			sent := x.json[from:]
			from = len(x.json)
			if x.json, err = x.policy.appendRedacted(x.json, sent); err != nil {
				return err
			}
			r.Redacted = x.policy.redacted
		}
		// A later append may move x.json; this slice keeps what it has.
		r.Features = x.json[from:len(x.json):len(x.json)]
		from = len(x.json)
		x.json = append(x.served.appendAnswer(append(x.json, '{'), x.rows.out[i*k:(i+1)*k]), '}')
		r.Outputs = x.json[from:len(x.json):len(x.json)]
	}
	x.answer = x.protocol.encode(x, x.answer)
	return nil
}

// decode reads the rows for one model version.
func (s *Server) decode(x *exchange, by *served) error {
	if x.rows != nil {
		x.served.pool.Put(x.rows)
		x.rows = nil
	}
	x.served = by
	if x.version != "" && x.version != by.version {
		return fault.New(fault.NotFound, "version %q is not live on endpoint %s, version %s is", clip(x.version), x.endpoint, by.version).
			WithRemedy("leave the version out of the path, or deploy that version")
	}
	x.rows = by.pool.Get().(*rows)
	x.rows.reset()
	err := x.protocol.decode(x.rows, x.body, s.opts.Limits.Rows)
	if x.rows.id != "" {
		x.requestID = cleaned(x.rows.id, maxID)
	}
	return err
}

// newID makes the id of a prediction.
func newID() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		// The system's source of randomness failed: nothing can be promised without it.
		panic(fault.Wrap(err, fault.Internal, "make a prediction id"))
	}
	return id
}

// record adds a record with what is known of the request.
func (x *exchange) record() *audit.Record {
	id := newID()
	if x.requestID == "" {
		x.requestID = id.String()
	}
	x.records = append(x.records, audit.Record{
		ID: id, At: x.arrived, Endpoint: cleaned(x.endpoint, 128), RequestID: x.requestID, Status: int32(x.status),
		Token: x.token, RequestHash: x.hash, IdempotencyKey: cleaned(x.idempotency, maxID),
	})
	r := &x.records[len(x.records)-1]
	if x.served != nil {
		r.Revision, r.ModelName, r.ModelVersion, r.Role = x.served.revision, x.served.name, int64(x.served.number), x.served.role
	}
	return r
}

// refuse makes the error the answer, and one record of it.
func (x *exchange) refuse(err error) {
	x.fail(err)
	x.records = x.records[:0]
	x.record().Error = cleaned(string(x.kind)+": "+x.policy.message(err), 4096)
}

// fail makes the error the answer.
func (x *exchange) fail(err error) {
	x.status, x.kind, x.answer = errorAnswer(x.answer[:0], err)
}

// write sends the answer.
func (x *exchange) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = contentJSON
	h["Content-Length"] = []string{strconv.Itoa(len(x.answer))}
	if x.requestID != "" {
		h[headerRequest] = []string{x.requestID}
	}
	if len(x.records) > 0 {
		h[headerPrediction] = []string{x.predictionIDs()}
	}
	if x.served != nil {
		h[headerVersion] = []string{x.served.version}
		h[headerRevision] = []string{x.revision()}
	}
	if x.repeat != nil {
		h[headerPrediction], h[headerVersion], h[headerRevision] = []string{x.repeat.Predictions}, []string{x.repeat.Version}, []string{x.repeat.Revision}
	}
	if x.repeat != nil || x.claim != nil {
		h[headerRepeated] = []string{x.idempotencyOf()}
	}
	if x.status == http.StatusServiceUnavailable {
		h["Retry-After"] = []string{"1"}
	}
	w.WriteHeader(x.status)
	_, _ = w.Write(x.answer) // a client that went away is no error of ours
}

// predictionIDs are those of the first rows.
func (x *exchange) predictionIDs() string {
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

var contentJSON = []string{"application/json"}
