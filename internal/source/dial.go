package source

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/outbound"
)

// Bounds of one request.
const (
	answerTimeout = 60 * time.Second // until the headers
	stallTimeout  = 60 * time.Second // between two bytes of the body
	maxRedirects  = 5
)

// newClient returns a client that follows few redirects, to web addresses alone.
func newClient(private bool) *http.Client {
	client := outbound.Client(private, answerTimeout)
	client.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return fault.New(fault.SourceUnreadable, "%s redirects more than %d times", via[0].URL.Redacted(), maxRedirects).WithRemedy("name the address it should end at")
		case to.URL.Scheme != "http" && to.URL.Scheme != "https":
			return fault.New(fault.SourceUnreadable, "%s redirects to a %s: address", via[0].URL.Redacted(), to.URL.Scheme).WithRemedy("name an http or https address")
		case via[0].URL.Scheme == "https" && to.URL.Scheme == "http":
			return fault.New(fault.SourceUnreadable, "%s redirects from https to http", via[0].URL.Redacted()).WithRemedy("name the address it should end at")
		}
		return nil
	}
	return client
}

// stalling cancels a request whose body does not move for that long.
func stalling(ctx context.Context, still time.Duration) (_ context.Context, moved func(), stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(still, func() { cancel(fmt.Errorf("no byte arrived for %s", still)) })
	return ctx, func() { timer.Reset(still) }, func() { timer.Stop(); cancel(nil) }
}
