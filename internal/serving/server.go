package serving

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
)

// Audit is where records become durable; *audit.Spool is one.
type Audit interface {
	// Append returns nil after the sync that covers the records.
	Append(ctx context.Context, records []audit.Record) error
	// AppendBounded returns nil before it, as long as the bound allows.
	AppendBounded(ctx context.Context, records []audit.Record, bound audit.Bound) error
	// Err says why Append would refuse, or nil.
	Err() error
	Health() audit.Health
}

// Options configure a Server.
type Options struct {
	// Admit says whose a token is, if it may do what scope says on the endpoint
	// (empty: on any); *token.Set has it. nil: whoever asks is answered.
	Admit func(secret, scope, endpoint string) (name string, err error)
	// Answers knows what to repeat; nil: requests with an idempotency key are refused.
	Answers *audit.Answers
	// Audit takes the record of every answer. Required.
	Audit Audit
	// Labels opens what keeps labels, or says why it cannot now; nil: the server
	// takes none.
	Labels func(ctx context.Context) (Labels, error)
	// Limits bound what clients may cost.
	Limits Limits
	// Observe, if set, is told of every answer to a request for predictions.
	Observe func(Observation)
	// Reports opens the store of the runs' reports; nil: the server shows none.
	Reports func(ctx context.Context) (artifact.Pages, error)
	// Synced says whether the server knows what to serve. Default: it does.
	Synced func() bool
	// Table answers. Required.
	Table *Table
	// Version of this build, for the server's metadata.
	Version string
}

// Server is the http.Handler of the prediction server.
type Server struct {
	opts      Options
	mux       *http.ServeMux
	exchanges sync.Pool
	bytes     *queue
	turns     *queue
	draining  atomic.Bool
	inflight  atomic.Int64
	patience  patience // with the disk, for a record
	mirror    *mirror
}

// New returns a Server.
func New(o Options) (*Server, error) {
	if o.Audit == nil || o.Table == nil {
		return nil, fault.New(fault.Internal, "a prediction server needs an audit spool and a table")
	}
	if err := o.Limits.setDefaults(); err != nil {
		return nil, err
	}
	if o.Synced == nil {
		o.Synced = func() bool { return true }
	}
	s := &Server{opts: o, mux: http.NewServeMux(),
		bytes: newQueue(o.Limits.TotalBytes, max(o.Limits.TotalBytes/2, o.Limits.BodyBytes), o.Limits.Waiting),
		turns: newQueue(o.Limits.Concurrent, o.Limits.Concurrent, o.Limits.Waiting)}
	s.mirror = &mirror{audit: o.Audit, rows: o.Limits.Rows, limit: o.Limits.WriteTimeout}
	s.exchanges.New = func() any { return &exchange{} }
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	infer, predict, invoke := s.predictions(tensors), s.predictions(plain), s.predictions(invocations)
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /v2":                                            s.serverMetadata,
		"GET /v2/{$}":                                        s.serverMetadata,
		"GET /v2/health/live":                                func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]bool{"live": true}) },
		"GET /v2/health/ready":                               s.ready,
		"GET /v2/models/{endpoint}":                          s.modelMetadata,
		"GET /v2/models/{endpoint}/ready":                    s.modelReady,
		"GET /v2/models/{endpoint}/versions/{version}":       s.modelMetadata,
		"GET /v2/models/{endpoint}/versions/{version}/ready": s.modelReady,
		"GET /artifacts/{digest}":                            s.report,
		"GET /ping":                                          s.ready, // as MLflow's scoring server has them
		"GET /health":                                        s.ready,
		"GET /v1/health":                                     s.health,
		"GET /v1/openapi.json":                               s.openAPI,
		"GET /v1/endpoints/{endpoint}/openapi.json":          s.openAPI,
		"GET /v1/endpoints/{endpoint}/try":                   s.try,
		"POST /v1/endpoints/{endpoint}/try":                  s.tryAnswer,
		"GET /v1/endpoints":                                  s.endpoints,
		"GET /v1/endpoints/{endpoint}":                       s.endpoint,
	} {
		s.mux.HandleFunc(pattern, s.guard(pattern, h))
	}
	for path, h := range map[string]http.HandlerFunc{
		"/v2/models/{endpoint}/infer":                    infer,
		"/v2/models/{endpoint}/versions/{version}/infer": infer,
		"/v1/endpoints/{endpoint}/predict":               predict,
		"/v1/endpoints/{endpoint}/invocations":           invoke,
		"/invocations":                                   invoke,
		"/v1/endpoints/{endpoint}/labels":                s.labels,
	} {
		s.mux.HandleFunc("POST "+path, h) // which asks itself, so that a refusal is recorded
		s.mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Allow", http.MethodPost)
			replyError(w, http.StatusMethodNotAllowed, fault.New(fault.RequestInvalid, "%s is asked with POST, not %s", path, clip(req.Method)).WithRemedy("send the rows as the body of a POST"))
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		replyError(w, http.StatusNotFound, fault.New(fault.NotFound, "there is nothing at %s", clip(req.URL.Path)).
			WithRemedy("ask /v2/models/{endpoint}/infer, /v1/endpoints/{endpoint}/predict or /v1/endpoints"))
	})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) { s.mux.ServeHTTP(w, req) }

// HTTP returns a server with the timeouts of the limits.
func (s *Server) HTTP() *http.Server {
	l := &s.opts.Limits
	return &http.Server{
		Handler: s, MaxHeaderBytes: 64 << 10, IdleTimeout: 2 * time.Minute,
		ReadHeaderTimeout: min(5*time.Second, l.ReadTimeout), ReadTimeout: l.ReadTimeout, WriteTimeout: max(l.WriteTimeout, l.ReadTimeout+2*l.QueueTimeout),
	}
}

// Drain makes the server say that it is not ready; requests are still answered.
func (s *Server) Drain() { s.draining.Store(true) }
