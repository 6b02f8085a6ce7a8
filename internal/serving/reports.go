package serving

import (
	"net/http"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// report shows what people read of a run: pages, cards and facts, never tables
// of rows or bundles.
func (s *Server) report(w http.ResponseWriter, req *http.Request) {
	if s.opts.Reports == nil {
		replyError(w, http.StatusNotFound, fault.New(fault.NotFound, "this server shows no reports"))
		return
	}
	page, err := s.page(req)
	if err != nil {
		status := http.StatusNotFound
		if fault.Retryable(fault.KindOf(err)) {
			status = http.StatusServiceUnavailable
		}
		replyError(w, status, err)
		return
	}
	page.Send(w)
}

func (s *Server) page(req *http.Request) (artifact.Page, error) {
	from, err := s.opts.Reports(req.Context())
	if err != nil {
		return artifact.Page{}, err
	}
	return artifact.ReadPage(req.Context(), from, req.PathValue("digest"))
}
