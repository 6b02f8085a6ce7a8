package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/esteira-ml/esteira/internal/edge"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/token"
)

// listeners is what the server listens with.
type listeners struct {
	http   *http.Server
	plain  net.Listener
	grpc   *grpc.Server
	stream net.Listener // nil: no gRPC
}

// openEdge opens the listeners.
func (p *program) openEdge() (*listeners, *tls.Config, error) {
	if err := edge.CheckExposure(p.cfg.Edge, "server", p.log); err != nil {
		return nil, nil, err
	}
	e := &listeners{}
	secure, err := edge.TLS(p.cfg.Edge, p.log)
	if err != nil {
		return nil, nil, err
	}
	if e.plain, err = edge.Listen(p.cfg.Listen, "ESTEIRA_LISTEN"); err != nil {
		return nil, nil, err
	}
	if p.cfg.Edge.GRPCListen != "" {
		if e.stream, err = edge.Listen(p.cfg.Edge.GRPCListen, "ESTEIRA_GRPC_LISTEN"); err != nil {
			_ = e.plain.Close()
			return nil, nil, err
		}
	}
	return e, secure, nil
}

// serve begins to answer; what ends it is sent to failed.
func (e *listeners) serve(handler *serving.Server, secure *tls.Config, failed chan<- error) {
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
func (e *listeners) shut(ctx context.Context) error {
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
