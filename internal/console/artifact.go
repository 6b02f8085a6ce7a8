package console

import (
	"net/http"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxReport bounds a report, in bytes.
const maxReport = 16 << 20

// reportPolicy lets a report draw itself and do nothing else, from an origin that is
// not the console's: one may be of somebody's trainer, which may have been taken over.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// shownAs is the media type an artifact is shown as, of those that people read.
func shownAs(mediaType string) (string, bool) {
	switch kind, _, _ := strings.Cut(mediaType, ";"); kind {
	case "text/html":
		return "text/html; charset=utf-8", true
	case "application/json":
		return mediaType, true
	case "text/markdown", "text/plain": // the first of which browsers would save
		return "text/plain; charset=utf-8", true
	}
	return "", false
}

// artifact shows a report from the object store, so that links to it work without a
// prediction server.
func (c *Console) artifact(w http.ResponseWriter, req *http.Request) {
	v, err := c.visitor(req, everything, audits)
	if fault.KindOf(err) == fault.Unauthenticated {
		c.askToSignIn(w, req)
		return
	}
	var body []byte
	var mediaType string
	if err == nil {
		body, mediaType, err = c.readReport(req)
	}
	if err != nil {
		c.drawError(w, v, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Security-Policy", reportPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(body)
}

func (c *Console) readReport(req *http.Request) ([]byte, string, error) {
	store, err := c.Store(req.Context())
	if err != nil {
		return nil, "", err
	}
	ref, err := store.Stat(req.Context(), req.PathValue("digest"))
	if err != nil {
		if fault.KindOf(err) == fault.ArtifactMissing {
			err = fault.New(fault.NotFound, "the store has no artifact %.80q", req.PathValue("digest"))
		}
		return nil, "", err
	}
	mediaType, ok := shownAs(ref.MediaType)
	if !ok {
		return nil, "", fault.New(fault.NotFound, "artifact %s is %s, not a report", ref.Short(), ref.MediaType).WithRemedy("read it from the object store")
	}
	body, err := store.Bytes(req.Context(), ref, maxReport)
	return body, mediaType, err
}
