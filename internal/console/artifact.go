package console

import (
	"net/http"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// artifact shows a report from the object store, so that links to it work without a
// prediction server.
func (c *Console) artifact(w http.ResponseWriter, req *http.Request) {
	v, err := c.visitor(req, everything, audits)
	if fault.KindOf(err) == fault.Unauthenticated {
		c.askToSignIn(w, req)
		return
	}
	var page artifact.Page
	if err == nil {
		page, err = c.report(req)
	}
	if err != nil {
		c.drawError(w, v, err)
		return
	}
	page.Send(w)
}

func (c *Console) report(req *http.Request) (artifact.Page, error) {
	store, err := c.Store(req.Context())
	if err != nil {
		return artifact.Page{}, err
	}
	page, err := artifact.ReadPage(req.Context(), store, req.PathValue("digest"))
	if fault.KindOf(err) == fault.ArtifactMissing {
		err = fault.New(fault.NotFound, "the store has no artifact %.80q", req.PathValue("digest"))
	}
	return page, err
}
