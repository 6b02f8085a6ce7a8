package outbound

import (
	"net"
	"net/http"
	"syscall"
	"time"
)

// dialTimeout bounds a connection, and the handshake of TLS.
const dialTimeout = 10 * time.Second

// Client returns a client whose answers must begin within headers. With private it
// reaches every address. It follows no more redirects than http.Client does; a
// caller that knows better sets CheckRedirect.
func Client(private bool, headers time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{
		// No proxy: it would dial in our place, and look at nothing.
		DialContext:            Dialer(private).DialContext,
		DisableCompression:     true, // an identity is of the bytes as they are; bombs are unpacked by who bounds them
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		ResponseHeaderTimeout:  headers,
		TLSHandshakeTimeout:    dialTimeout,
		IdleConnTimeout:        30 * time.Second,
	}}
}

// Dialer returns a dialer that refuses other than public addresses, unless private.
func Dialer(private bool) *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		if private {
			return nil
		}
		return Public(address)
	}}
}
