package source

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds of one request.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 60 * time.Second // until the headers
	stallTimeout  = 60 * time.Second // between two bytes of the body
	maxRedirects  = 5
)

// newClient returns a client that looks at every address it dials, after names
// are resolved and redirects followed: a name that answers with another address
// the second time gains nothing.
func newClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		if private {
			return nil
		}
		return publicAddress(address)
	}}
	return &http.Client{
		Transport: &http.Transport{
			// No proxy: it would dial in our place, and look at nothing.
			DialContext:            dialer.DialContext,
			DisableCompression:     true, // the identity is of the bytes as they are; bombs are unpacked here
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
			ResponseHeaderTimeout:  answerTimeout,
			TLSHandshakeTimeout:    dialTimeout,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return fault.New(fault.SourceUnreadable, "%s redirects more than %d times", via[0].URL.Redacted(), maxRedirects).WithRemedy("name the address it should end at")
			case to.URL.Scheme != "http" && to.URL.Scheme != "https":
				return fault.New(fault.SourceUnreadable, "%s redirects to a %s: address", via[0].URL.Redacted(), to.URL.Scheme).WithRemedy("name an http or https address")
			case via[0].URL.Scheme == "https" && to.URL.Scheme == "http":
				return fault.New(fault.SourceUnreadable, "%s redirects from https to http", via[0].URL.Redacted()).WithRemedy("name the address it should end at")
			}
			return nil
		},
	}
}

// publicAddress refuses addresses that are not of the public internet.
func publicAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	ip = ip.WithZone("").Unmap()
	if ip.IsGlobalUnicast() && !ip.IsPrivate() && !reserved(ip) {
		return nil
	}
	return fault.New(fault.ConfigInvalid, "%s is not a public address, and this worker reaches no other", ip).
		WithRemedy("copy the data to a file or S3, or set ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true for the worker")
}

// special are the blocks of IANA's special-purpose registries that net/netip
// calls global: shared address space, "this network", protocol assignments,
// documentation and benchmarks, reserved, and the IPv6 forms that embed an IPv4
// address (6to4, Teredo, NAT64).
var special = func() (list []netip.Prefix) {
	for _, block := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(block))
	}
	return list
}()

func reserved(ip netip.Addr) bool {
	for _, block := range special {
		if block.Contains(ip) {
			return true
		}
	}
	return false
}

// stalling cancels a request whose body does not move.
func stalling(ctx context.Context) (_ context.Context, moved func(), stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	return ctx, func() { timer.Reset(stallTimeout) }, func() { timer.Stop(); cancel(nil) }
}
