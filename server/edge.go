package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/token"
)

// checkExposure refuses to be reached from elsewhere by whoever asks, unless that is
// what was said, and warns of what is left open.
func checkExposure(e config.Edge, log zerolog.Logger) error {
	switch {
	case !e.Exposed:
		return nil
	case !e.AuthRequired && !e.Open:
		return fault.New(fault.ConfigInvalid, "the server would listen beyond loopback and answer whoever asks").
			WithRemedy("set ESTEIRA_AUTH=required and make tokens with esteira tokens create; or set ESTEIRA_AUTH=off if a network in front of it decides who may ask")
	case !e.AuthRequired:
		log.Warn().Msg("ESTEIRA_AUTH=off: whoever reaches this server is answered")
	}
	if e.TLSCert == "" {
		log.Warn().Msg("there is no TLS: requests, answers and tokens can be read on their way; set ESTEIRA_TLS_CERT and ESTEIRA_TLS_KEY, or end TLS in front of the server")
	}
	return nil
}

// certificate is a pair of files, read again when one changes.
type certificate struct {
	cert, key string
	log       zerolog.Logger

	mu     sync.Mutex
	read   time.Time // when the files were last looked at
	stamp  [2]time.Time
	loaded *tls.Certificate
}

// openCertificate reads the files for the first time.
func openCertificate(e config.Edge, log zerolog.Logger) (*certificate, error) {
	c := &certificate{cert: e.TLSCert, key: e.TLSKey, log: log}
	if err := c.load(); err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "read the certificate of ESTEIRA_TLS_CERT and ESTEIRA_TLS_KEY").WithRemedy("name files of a chain and its key in PEM that the server can read")
	}
	return c, nil
}

func (c *certificate) load() error {
	var stamp [2]time.Time
	for i, path := range []string{c.cert, c.key} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		stamp[i] = info.ModTime()
	}
	if stamp == c.stamp {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.stamp, c.loaded = stamp, &pair
	return nil
}

// get is the certificate of a handshake: what is in the files, or the last that was
// whole. They are looked at once a second at most.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.read) > time.Second {
		c.read = time.Now()
		if err := c.load(); err != nil {
			c.log.Warn().Err(err).Msg("the new certificate cannot be read; the old one stays")
		}
	}
	return c.loaded, nil
}

// listen opens a listener that a variable names.
func listen(address, variable string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "listen on %s", address).
			WithRemedy("stop what listens there, or set %s to another host:port", variable)
	}
	return l, nil
}

// edge is what the server listens with.
type edge struct {
	http   *http.Server
	plain  net.Listener
	grpc   *grpc.Server
	stream net.Listener // nil: no gRPC
}

// openEdge opens the listeners.
func (p *program) openEdge() (*edge, *tls.Config, error) {
	if err := checkExposure(p.cfg.Edge, p.log); err != nil {
		return nil, nil, err
	}
	e := &edge{}
	var secure *tls.Config
	if p.cfg.Edge.TLSCert != "" {
		c, err := openCertificate(p.cfg.Edge, p.log)
		if err != nil {
			return nil, nil, err
		}
		secure = &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
	}
	var err error
	if e.plain, err = listen(p.cfg.Listen, "ESTEIRA_LISTEN"); err != nil {
		return nil, nil, err
	}
	if p.cfg.Edge.GRPCListen != "" {
		if e.stream, err = listen(p.cfg.Edge.GRPCListen, "ESTEIRA_GRPC_LISTEN"); err != nil {
			_ = e.plain.Close()
			return nil, nil, err
		}
	}
	return e, secure, nil
}

// serve begins to answer; what ends it is sent to failed.
func (e *edge) serve(handler *serving.Server, secure *tls.Config, failed chan<- error) {
	e.http = handler.HTTP()
	if secure != nil {
		e.http.TLSConfig = secure
		go func() { failed <- e.http.ServeTLS(e.plain, "", "") }()
	} else {
		go func() { failed <- e.http.Serve(e.plain) }()
	}
	if e.stream == nil {
		return
	}
	var options []grpc.ServerOption
	if secure != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(secure)))
	}
	e.grpc = handler.GRPC(options...)
	go func() {
		if err := e.grpc.Serve(e.stream); err != nil {
			failed <- err
		}
	}()
}

// shut lets requests in flight finish until ctx ends, and cuts off the rest.
func (e *edge) shut(ctx context.Context) error {
	done := make(chan struct{})
	if e.grpc == nil {
		close(done)
	} else {
		go func() { e.grpc.GracefulStop(); close(done) }()
	}
	err := e.http.Shutdown(ctx)
	if err != nil {
		_ = e.http.Close()
	}
	select {
	case <-done:
	case <-ctx.Done():
		e.grpc.Stop()
		err = errors.Join(err, ctx.Err())
	}
	return err
}

// tokens opens what is known of tokens, if they are required.
func (p *program) openTokens() (err error) {
	if p.cfg.Edge.AuthRequired {
		p.tokens, err = token.Open(filepath.Join(p.cfg.CacheDir, "server", "tokens.json"))
	}
	return err
}

func (p *program) admit() func(secret, scope, endpoint string) (string, error) {
	if p.tokens == nil {
		return nil
	}
	return p.tokens.Admit
}
