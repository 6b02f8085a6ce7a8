package serving

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
)

// exchange is one request for predictions and its answer, whatever the transport;
// its buffers are used again.
type exchange struct {
	protocol  protocol
	endpoint  string
	version   string // asked for; empty: whatever is live
	requestID string
	arrived   time.Time
	body      []byte
	head      int    // how much of body is JSON, binary tensors follow; 0: all
	csv       bool   // MLflow: body is CSV
	key       string // of stickiness: requests of one key are answered by one model version
	token     string // name of the one it came with
	client    string // whom the fair queues count the request for
	ask       asked  // what the transport's own fields ask for
	deployed  *deployment
	served    *served // nil until known
	rows      *rows   // of served's pool
	records   []audit.Record
	json      []byte // features and outputs of the records
	answer    []byte
	answered  int // how much of answer is JSON, binary tensors follow; 0: all
	status    int
	kind      fault.Kind
	failure   string // message of an error
	seen      Observation

	policy      *policy // of the endpoint's audit; nil: strict, and everything is kept
	hash        []byte  // of the body; nil: it was not read, or the policy has no key
	idempotency string  // the Idempotency-Key; empty: none
	claim       *audit.Claim
	repeat      *storedHeader // of an answer given before; nil: this is the first
}

// asked is what a request asks for beside the rows it brings.
type asked struct {
	outputs       []wantedOutput // tensors: none: all
	binary        bool           // tensors: outputs that do not say otherwise come as binary data
	explain       bool           // what each column added to the answer
	probabilities bool           // MLflow: of the classes, not the class alone
	timeout       time.Duration  // 0: none
}

// protocol is a format of requests and answers.
type protocol struct {
	name   string
	decode func(r *rows, x *exchange, maxRows int) error
	encode func(x *exchange, b []byte) []byte
	binary bool // binary tensors may follow the JSON
}

var (
	plain   = protocol{name: "v1", decode: (*rows).decodeRecords, encode: (*exchange).appendRecords}
	tensors = protocol{name: "v2", decode: (*rows).decodeTensors, encode: (*exchange).appendTensors, binary: true}
)

// begin returns an exchange with buffers used before; end gives them back.
func (s *Server) begin(p protocol) *exchange {
	x := s.exchanges.Get().(*exchange)
	*x = exchange{protocol: p, arrived: time.Now(), body: x.body[:0], records: x.records[:0], json: x.json[:0], answer: x.answer[:0], hash: x.hash[:0]}
	s.inflight.Add(1)
	return x
}

func (s *Server) end(x *exchange) {
	s.mirror.offer(x) // the answer is out
	s.inflight.Add(-1)
	if x.rows != nil {
		x.served.pool.Put(x.rows)
	}
	if cap(x.body)+cap(x.json)+cap(x.answer) <= 1<<20 {
		clear(x.records[:cap(x.records)])
		s.exchanges.Put(x)
	}
}

// settle makes the answer of an exchange whose body is in memory, or that failed
// before: nothing may be written before its records are durable, and then they are.
// release gives back what the request holds while it is computed.
func (s *Server) settle(ctx context.Context, x *exchange, release func(), err error) {
	x.seen.Computed = time.Now()
	x.policy = s.opts.Table.policies.Load().find(x.endpoint)
	defer x.endClaim() // those that wait for this answer go on, whatever happened
	if err == nil {
		err = s.guarded(ctx, x)
	}
	if err != nil {
		x.refuse(err)
	}
	latency := time.Since(x.arrived)
	for i := range x.records {
		x.records[i].Latency = latency
	}
	began := time.Now()
	err = s.record(x)
	x.seen.Audit = time.Since(began)
	release() // a client that reads slowly keeps nobody from being answered
	if err != nil {
		// The answer that was computed stays here.
		x.fail(err)
		x.records = x.records[:0]
	}
	s.observe(x)
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
	return s.compute(ctx, x)
}

// record makes the records durable. A client that went away does not stop it: what
// was computed or refused is recorded, and only a disk that hangs is given up on.
func (s *Server) record(x *exchange) error {
	if len(x.records) == 0 {
		return nil // an answer given before, whose record is there
	}
	ctx := s.patience.lasting(s.opts.Limits.WriteTimeout)
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

// compute fills the answer and its records.
func (s *Server) compute(ctx context.Context, x *exchange) (err error) {
	deployed, err := s.opts.Table.find(x.endpoint)
	if err != nil {
		return err
	}
	x.deployed = deployed
	first := deployed.live
	if x.version != "" {
		if first, err = deployed.version(x.version); err != nil {
			return err
		}
	}
	if err := s.decode(x, first); err != nil {
		return err
	}
	if chosen := deployed.choose(cmp.Or(x.key, x.requestID)); x.version == "" && chosen != x.served {
		// The canary may want other columns.
		if err := s.decode(x, chosen); err != nil {
			return err
		}
	}
	began := time.Now()
	x.seen.Decode = began.Sub(x.seen.Computed)
	if err := inTime(ctx, x); err != nil {
		return err
	}
	if err := x.served.predict(x.rows); err != nil {
		return err
	}
	predicted := time.Now()
	x.seen.Predict = predicted.Sub(began)
	x.status = http.StatusOK
	for i := range x.rows.frame.Rows {
		r := x.record()
		from := len(x.json)
		if x.json, err = x.policy.keep(r, x.rows.appendFeatures(x.json, x.body, i), from); err != nil {
			return err
		}
		from = len(x.json)
		x.json = append(x.appendRow(append(x.json, '{'), i), '}')
		r.Outputs = x.json[from:len(x.json):len(x.json)]
	}
	x.answer = x.protocol.encode(x, x.answer)
	x.seen.Encode = time.Since(predicted)
	return nil
}

// inTime refuses to compute for a client that left, or whose time is over.
func inTime(ctx context.Context, x *exchange) error {
	if ctx.Err() != nil {
		return over(ctx)
	}
	if t := x.rows.ask.timeout; t > 0 && time.Since(x.arrived) >= t {
		return late(context.DeadlineExceeded)
	}
	return nil
}

// decode reads the rows for one model version.
func (s *Server) decode(x *exchange, by *served) error {
	if x.rows != nil {
		x.served.pool.Put(x.rows)
		x.rows = nil
	}
	x.served = by
	x.rows = by.pool.Get().(*rows)
	x.rows.reset(x.ask)
	err := x.protocol.decode(x.rows, x, s.opts.Limits.Rows)
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
	x.answered, x.failure = 0, err.Error()
	x.status, x.kind, x.answer = errorAnswer(x.answer[:0], err)
}
