package artifact

import (
	"context"
	"net/http"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Pages is what a page is read from; *Store is one.
type Pages interface {
	Stat(ctx context.Context, digest string) (Ref, error)
	Bytes(ctx context.Context, ref Ref, limit int64) ([]byte, error)
}

// Page is an artifact that people read: a report, a card, facts. Never a table of
// rows, or a bundle.
type Page struct {
	Body      []byte
	MediaType string // to send it as
}

// maxPage bounds a page, in bytes.
const maxPage = 16 << 20

// pagePolicy lets a page draw itself and do nothing else: no script, no request, no
// form, no frame around it, and an origin that is not the server's. Pages are ours,
// or of somebody's trainer, which may have been taken over.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// ReadPage reads a page by its digest. Its errors are the store's, and NotFound for an
// artifact that is no page.
func ReadPage(ctx context.Context, from Pages, digest string) (Page, error) {
	ref, err := from.Stat(ctx, digest)
	if err != nil {
		return Page{}, err
	}
	mediaType, ok := pageType(ref.MediaType)
	if !ok {
		return Page{}, fault.New(fault.NotFound, "artifact %s is %s, not a report", ref.Short(), ref.MediaType).WithRemedy("read it from the object store")
	}
	body, err := from.Bytes(ctx, ref, maxPage)
	return Page{body, mediaType}, err
}

// IsPage reports whether people read the artifact as a page.
func (r Ref) IsPage() bool { _, ok := pageType(r.MediaType); return ok }

// pageType is the media type that an artifact is sent as, of those that people read.
func pageType(mediaType string) (string, bool) {
	switch kind, _, _ := strings.Cut(mediaType, ";"); kind {
	case "text/html":
		return "text/html; charset=utf-8", true
	case "application/json":
		return mediaType, true
	case "text/markdown", "text/plain": // the first of which browsers would save instead of show
		return "text/plain; charset=utf-8", true
	}
	return "", false
}

// Send answers with the page. The digest names its bytes for good: whoever has them
// may keep them.
func (p Page) Send(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", p.MediaType)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(p.Body) // a reader that went away is no error of ours
}
