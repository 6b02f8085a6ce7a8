package serving

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc"

	"github.com/esteira-ml/esteira/internal/serving/oip"
	"github.com/esteira-ml/esteira/internal/token"
)

// admit decides whether the request may go on.
func (s *Server) admit(authorization, scope, endpoint string) (name string, err error) {
	if s.opts.Admit == nil {
		return "", nil
	}
	return s.opts.Admit(token.Secret(authorization), scope, endpoint)
}

// admitted is admit for a request for predictions, whose record names the token. From
// then on it waits in the queue of the token, wherever it comes from.
func (s *Server) admitted(x *exchange, authorization string) error {
	name, err := s.admit(authorization, token.Predict, x.endpoint)
	x.token = name
	if name != "" {
		x.client = "token " + name
	}
	return err
}

// guard asks for a token before what shows something of the models; whether the
// server lives and is ready is for everyone.
func (s *Server) guard(pattern string, h http.HandlerFunc) http.HandlerFunc {
	path := strings.TrimPrefix(pattern, "GET ")
	scope := token.Predict
	switch path {
	case "/v2/health/live", "/v2/health/ready", "/ping", "/health":
		return h
	case "/artifacts/{digest}":
		scope = token.Audit
	}
	return func(w http.ResponseWriter, req *http.Request) {
		if _, err := s.admit(req.Header.Get("Authorization"), scope, req.PathValue("endpoint")); err != nil {
			replyRefusal(w, err)
			return
		}
		h(w, req)
	}
}

// replyRefusal answers with the status of err.
func replyRefusal(w http.ResponseWriter, err error) {
	status, _, _ := errorAnswer(nil, err)
	challenge(w.Header(), status)
	replyError(w, status, err)
}

// challenge says how to send a token.
func challenge(h http.Header, status int) {
	if status == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{`Bearer realm="esteira"`, `Basic realm="esteira: the token is the password", charset="UTF-8"`}
	}
}

// guardGRPC is guard over gRPC.
func (s *Server) guardGRPC(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	endpoint := ""
	switch r := req.(type) {
	case *oip.ModelReadyRequest:
		endpoint = r.GetName()
	case *oip.ModelMetadataRequest:
		endpoint = r.GetName()
	case *oip.ServerMetadataRequest:
	default:
		return h(ctx, req)
	}
	if _, err := s.admit(header(ctx, "authorization"), token.Predict, endpoint); err != nil {
		return nil, refusal(err)
	}
	return h(ctx, req)
}
