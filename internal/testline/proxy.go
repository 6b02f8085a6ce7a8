package testline

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/esteira-ml/esteira/internal/testenv"
)

// Proxy stands between a program and a server, and can be cut: connections end
// at once, and new ones too, until it is mended.
type Proxy struct {
	target   string
	listener net.Listener

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// NewProxy forwards to host:port until the test ends.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{target: target, listener: listener, conns: map[net.Conn]bool{}}
	tb.Cleanup(func() { _ = listener.Close(); p.Cut() })
	go p.serve()
	return p
}

func (p *Proxy) serve() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.forward(from)
	}
}

func (p *Proxy) forward(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer to.Close()
	if !p.join(from, to) {
		return
	}
	defer p.leave(from, to)
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(way[1], way[0])
			done <- struct{}{}
		}()
	}
	<-done
}

func (p *Proxy) join(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	return !p.cut
}

func (p *Proxy) leave(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// Address is where the proxy listens, host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut takes the server away.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// Mend gives it back.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// PostgresProxy returns a proxy of the line's database and the variables that
// make a program use it.
func (l *Line) PostgresProxy() (*Proxy, []string) {
	l.tb.Helper()
	u, err := url.Parse(l.url)
	if err != nil || u.Host == "" || strings.HasPrefix(u.Query().Get("host"), "/") {
		l.tb.Fatalf("DATABASE_URL must name host and port for this test: %v", err)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "5432")
	}
	p := NewProxy(l.tb, u.Host)
	u.Host = p.listener.Addr().String()
	return p, []string{"DATABASE_URL=" + u.String()}
}

// StoreProxy is PostgresProxy for the object store.
func (l *Line) StoreProxy() (*Proxy, []string) {
	l.tb.Helper()
	s3 := testenv.Config(l.tb).S3
	u, err := url.Parse(s3.Endpoint)
	if err != nil {
		l.tb.Fatal(err)
	}
	p := NewProxy(l.tb, u.Host)
	u.Host = p.listener.Addr().String()
	// Address and credentials belong together, wherever the test has them from.
	return p, []string{
		"AWS_ENDPOINT_URL=" + u.String(), "AWS_ENDPOINT_URL_S3=" + u.String(), "AWS_ACCESS_KEY_ID=" + s3.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s3.SecretKey.Reveal(), "AWS_SESSION_TOKEN=" + s3.SessionToken.Reveal(), "AWS_REGION=" + s3.Region,
	}
}
