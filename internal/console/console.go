package console

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Options are what the console is made of; all but Admit are required.
type Options struct {
	// Admit decides about a token, as token.Set.Admit does; nil: whoever asks is let in.
	Admit func(secret, scope, endpoint string) (name string, err error)
	DB    *metadata.DB
	Flows Flows
	// Local: it is reached from this machine alone. Then a name in the Host header
	// that is not this machine's is somebody's page that asks in a browser's name.
	Local  bool
	Log    zerolog.Logger
	Server string // base URL of the prediction servers
	// Store opens the artifact store; called at most until it succeeds.
	Store func(ctx context.Context) (*artifact.Store, error)
	Trace Tracer
	// UI is the page of a workflow in Temporal's web interface; without a name its list.
	UI func(workflowID, runID string) string
	// ScheduleUI is the page of a schedule there.
	ScheduleUI func(id string) string
}

// Console answers for the pages.
type Console struct {
	Options
	sessions sessions
	handler  http.Handler
	now      func() time.Time
}

// New makes a console.
func New(o Options) *Console {
	c := &Console{Options: o, now: time.Now}
	c.sessions.open = map[sessionKey]session{}
	mux := http.NewServeMux()
	c.route(mux)
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		replyError(w, fault.New(fault.PermissionDenied, "the request was sent from another site").WithRemedy("open the console itself"))
	}))
	c.handler = c.secured(origin.Handler(mux))
	return c
}

func (c *Console) route(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/ui/", http.StatusSeeOther) })
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]bool{"live": true}) })
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, openAPI()) })
	mux.HandleFunc("GET /pipelines/{name}/runs", c.api(c.listRuns))
	mux.HandleFunc("POST /pipelines/{name}/runs", c.askForRun)
	mux.HandleFunc("GET /runs/{id...}", c.api(c.runJSON))
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		replyError(w, fault.New(fault.NotFound, "there is nothing at %.200q", req.URL.Path).WithRemedy("open /ui/, or read /openapi.json"))
	})

	mux.HandleFunc("GET "+stylePath, style)
	mux.HandleFunc("GET /ui/sign-in", c.signInPage)
	mux.HandleFunc("POST /ui/sign-in", c.signIn)
	mux.HandleFunc("POST /ui/sign-out", c.signOut)
	mux.HandleFunc("GET /ui/{$}", c.page(reads, c.overview))
	mux.HandleFunc("GET /ui/pipelines/{name}", c.page(reads, c.pipeline))
	mux.HandleFunc("GET /ui/runs/{id...}", c.page(reads, c.run))
	mux.HandleFunc("GET /ui/models", c.page(reads, c.models))
	mux.HandleFunc("GET /ui/models/{name}", c.page(reads, c.model))
	mux.HandleFunc("GET /ui/models/{name}/{version}", c.page(reads, c.model))
	mux.HandleFunc("GET /ui/endpoints/{endpoint}", c.page(reads, c.endpoint))
	mux.HandleFunc("GET /ui/trace", c.page(audits, c.trace))
	mux.HandleFunc("GET /ui/artifacts/{digest}", c.artifact)
	mux.HandleFunc("GET /ui/", c.page(reads, func(context.Context, *visit) (*view, error) {
		return nil, fault.New(fault.NotFound, "there is no such page").WithRemedy("go back to the overview")
	}))
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, req *http.Request) { c.handler.ServeHTTP(w, req) }

// HTTP is a server of the console with bounds of time and size.
func (c *Console) HTTP() *http.Server {
	return &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
}

// secured says to browsers what no page may do, and refuses what a browser was made to
// ask by a name that somebody else points at this machine.
func (c *Console) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // with none, Origin would be null in our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if c.Local && !thisMachine(req.Host) {
			replyError(w, fault.New(fault.PermissionDenied, "%.100q is not a name of this machine", req.Host).WithRemedy("open the console by its address, such as http://127.0.0.1:7080"))
			return
		}
		next.ServeHTTP(w, req)
	})
}

const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func thisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(trimBrackets(host)) != nil
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}
