package serving

import (
	"context"
	"net/http"
	"strings"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// Reports is where the pages of runs come from; *artifact.Store is one.
type Reports interface {
	Stat(ctx context.Context, digest string) (artifact.Ref, error)
	Bytes(ctx context.Context, ref artifact.Ref, limit int64) ([]byte, error)
}

// maxReport bounds a page, in bytes.
const maxReport = 16 << 20

// pagePolicy lets a page draw itself and do nothing else: no script, no request, no
// form, no frame around it, and an origin that is not the server's. Pages are ours,
// or of somebody's trainer, which may have been taken over.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// report shows what people read of a run: pages, cards and facts, never tables
// of rows or bundles.
func (s *Server) report(w http.ResponseWriter, req *http.Request) {
	if s.opts.Reports == nil {
		replyError(w, http.StatusNotFound, fault.New(fault.NotFound, "this server shows no reports"))
		return
	}
	body, mediaType, err := s.readReport(req)
	if err != nil {
		status := http.StatusNotFound
		if fault.Retryable(fault.KindOf(err)) {
			status = http.StatusServiceUnavailable
		}
		replyError(w, status, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(body)
}

func (s *Server) readReport(req *http.Request) ([]byte, string, error) {
	store, err := s.opts.Reports(req.Context())
	if err != nil {
		return nil, "", err
	}
	ref, err := store.Stat(req.Context(), req.PathValue("digest"))
	if err != nil {
		return nil, "", err
	}
	shown := ref.MediaType
	switch kind, _, _ := strings.Cut(ref.MediaType, ";"); kind {
	case "text/html", "application/json":
	case "text/markdown": // which browsers would save instead of show
		shown = "text/plain; charset=utf-8"
	default:
		return nil, "", fault.New(fault.NotFound, "artifact %s is %s, not a report", ref.Short(), ref.MediaType).WithRemedy("read it from the object store")
	}
	body, err := store.Bytes(req.Context(), ref, maxReport)
	return body, shown, err
}
