package serving

import (
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Observation is what is known of one request for predictions after its answer was
// made.
type Observation struct {
	Endpoint  string // empty: there is none of the name that was asked
	Version   string // of the model; empty: none answered
	Role      metadata.Role
	Revision  int64
	Protocol  string // "v1", "v2", "mlflow" or "grpc"
	RequestID string
	Status    int
	Kind      fault.Kind // of an error
	Rows      int

	Arrived  time.Time
	Computed time.Time     // when it had its turn, or was refused
	Queue    time.Duration // waiting for the turn
	Decode   time.Duration
	Predict  time.Duration // features, model, and explanation
	Encode   time.Duration // records and answer
	Audit    time.Duration // until the records were durable
	Total    time.Duration // since Arrived

	TraceParent, TraceState string // W3C's, as sent
}

// observe tells of the exchange.
func (s *Server) observe(x *exchange) {
	if s.opts.Observe == nil {
		return
	}
	o := x.seen
	o.Protocol, o.RequestID, o.Status, o.Kind, o.Arrived, o.Total = x.protocol.name, x.requestID, x.status, x.kind, x.arrived, time.Since(x.arrived)
	if x.served != nil {
		o.Endpoint, o.Version, o.Role, o.Revision = x.served.endpoint, x.served.version, x.served.role, x.served.revision
	}
	if x.rows != nil {
		o.Rows = x.rows.frame.Rows
	}
	s.opts.Observe(o)
}

// Load is how busy the server is.
type Load struct {
	InFlight int64
	Waiting  int
	Ready    bool
}

// Load describes the server at this moment.
func (s *Server) Load() Load {
	return Load{InFlight: s.inflight.Load(), Waiting: s.turns.Waiting() + s.bytes.Waiting(), Ready: s.notReady() == nil}
}
