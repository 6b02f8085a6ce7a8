package source

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/outbound"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

const table = "a,b\n1,2\n"

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/data.csv"
}

func from(url string) pipeline.Source { return pipeline.Source{Path: url, Format: "csv"} }

var private = Options{AllowPrivate: true}

func TestAnAddressIsFetchedWhole(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		fmt.Fprint(w, table)
	})
	part, got, err := collect(t, from(url), private)
	require.NoError(t, err)
	require.Equal(t, `etag "v1" of `+url, part.Identity)
	require.Equal(t, table, text(t, got.Path))
	require.Equal(t, artifact.DigestOf([]byte(table)), got.Digest)
	require.EqualValues(t, len(table), got.Size)
}

// Some know no HEAD; others refuse it, as an address signed for GET is.
func TestAServerThatRefusesHEADIsAskedByGET(t *testing.T) {
	for _, status := range []int{http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(status)
				return
			}
			w.Header().Set("ETag", `"v1"`)
			fmt.Fprint(w, table)
		})
		part, got, err := collect(t, from(url), private)
		require.NoError(t, err, status)
		require.Equal(t, `etag "v1" of `+url, part.Identity)
		require.Equal(t, table, text(t, got.Path))
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request){
		"503":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"429":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"the connection dies": func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
		"half a body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "a,b")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && asked.Add(1) < 3 {
					fail(w, r)
					return
				}
				fmt.Fprint(w, table)
			})
			_, got, err := collect(t, from(url), private)
			require.NoError(t, err)
			require.EqualValues(t, 3, asked.Load())
			require.Equal(t, table, text(t, got.Path))
		})
	}
}

func TestWhatCannotPassIsNotTriedAgain(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(http.StatusNotFound) })
	_, _, err := collect(t, from(url), private)
	kind(t, fault.SourceNotFound, err)
	require.EqualValues(t, 2, asked.Load(), "by HEAD and by GET, once each")

	asked.Store(0)
	url = serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(http.StatusBadGateway) })
	_, _, err = collect(t, from(url), private)
	kind(t, fault.SourceUnavailable, err)
	require.EqualValues(t, httpAttempts, asked.Load(), "and then it is for the step to be retried")

	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	_, _, err = collect(t, from(closed.URL+"/x.csv"), private)
	kind(t, fault.SourceUnavailable, err)
}

func TestAnAddressThatChangesWhileItIsCollected(t *testing.T) {
	version := atomic.Int32{}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf(`"v%d"`, version.Add(1)))
		fmt.Fprint(w, table)
	})
	_, _, err := collect(t, from(url), private)
	kind(t, fault.SourceChanged, err)
}

func TestIdentityIsWhatRFC9110CallsStrong(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	answer := func(length int64, headers ...string) *http.Response {
		r := &http.Response{Header: http.Header{}, ContentLength: length}
		r.Header.Set("Date", now.Format(http.TimeFormat))
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return r
	}
	old, fresh := now.Add(-time.Hour).Format(http.TimeFormat), now.Add(-time.Second).Format(http.TimeFormat)
	require.NotEmpty(t, identityOf(answer(5, "ETag", `"x"`), "u"))
	require.NotEmpty(t, identityOf(answer(5, "Last-Modified", old), "u"))
	require.Empty(t, identityOf(answer(5, "ETag", `W/"x"`), "u"), "weak")
	require.Empty(t, identityOf(answer(5, "Last-Modified", fresh), "u"), "it may change within the second")
	require.Empty(t, identityOf(answer(-1, "Last-Modified", old), "u"), "of unknown length")
	require.Empty(t, identityOf(answer(5), "u"))
}

func TestPrivateAddressesAreRefusedWhenTheyAreDialled(t *testing.T) {
	reached := atomic.Bool{}
	url := serve(t, func(http.ResponseWriter, *http.Request) { reached.Store(true) })
	_, _, err := collect(t, from(url), Options{})
	f := kind(t, fault.ConfigInvalid, err)
	require.Contains(t, f.Remedy, "ESTEIRA_ALLOW_PRIVATE_ADDRESSES")
	_, port, err := net.SplitHostPort(url[len("http://") : len(url)-len("/data.csv")])
	require.NoError(t, err)
	_, _, err = collect(t, from("http://localhost:"+port+"/data.csv"), Options{}) // the name is looked at by its address
	kind(t, fault.ConfigInvalid, err)
	require.False(t, reached.Load())

	for _, ip := range []string{
		"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1",
		"::1", "::", "fe80::1", "fc00::1", "fd12::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0::1", "ff02::1", "fe80::1%eth0",
	} {
		require.Error(t, outbound.Public(net.JoinHostPort(ip, "80")), ip)
	}
	for _, ip := range []string{"1.1.1.1", "8.8.8.8", "2606:4700::1111", "172.32.0.1", "100.128.0.1"} {
		require.NoError(t, outbound.Public(netip.AddrPortFrom(netip.MustParseAddr(ip), 443).String()), ip)
	}
}

func TestRedirectsAreDialledUnderTheSameRule(t *testing.T) {
	secret := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") })
	hop := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, secret, http.StatusFound) })
	// A client that may dial the first server alone stands for one on the public
	// internet that redirects inwards.
	client := newClient(false)
	first := hop[len("http://") : len(hop)-len("/data.csv")]
	inner := client.Transport.(*http.Transport).DialContext
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == first {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		return inner(ctx, network, address)
	}
	a := &address{url: hop, client: client, wait: time.Millisecond, unpacker: unpacker{format: "csv"}}
	_, err := a.List(t.Context())
	kind(t, fault.ConfigInvalid, err)

	loop := ""
	loop = serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, loop, http.StatusFound) })
	_, _, err = collect(t, from(loop), private)
	kind(t, fault.SourceUnreadable, err)
	away := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	_, _, err = collect(t, from(away), private)
	kind(t, fault.SourceUnreadable, err)
}
