package config

import "net"

// Edge is how the prediction server meets its clients, beside ESTEIRA_LISTEN.
type Edge struct {
	// AuthRequired (ESTEIRA_AUTH=required): only requests with a token are answered.
	AuthRequired  bool   `json:"auth_required"`
	GRPCListen    string `json:"grpc_listen,omitempty"`    // ESTEIRA_GRPC_LISTEN; empty: none
	MetricsListen string `json:"metrics_listen,omitempty"` // ESTEIRA_METRICS_LISTEN; empty: none
	TLSCert       string `json:"tls_cert,omitempty"`       // ESTEIRA_TLS_CERT: file of the chain, PEM
	TLSKey        string `json:"tls_key,omitempty"`        // ESTEIRA_TLS_KEY: file of its key, PEM
	// Exposed: it listens beyond loopback.
	Exposed bool `json:"exposed"`
	// Open: ESTEIRA_AUTH=off was said, so that it may be exposed without tokens.
	Open bool `json:"open"`
}

func (l *loader) edge(listen string) Edge {
	e := Edge{
		GRPCListen: l.listener("ESTEIRA_GRPC_LISTEN", "127.0.0.1:8091"), MetricsListen: l.listener("ESTEIRA_METRICS_LISTEN", "127.0.0.1:8092"),
		TLSCert: l.values["ESTEIRA_TLS_CERT"], TLSKey: l.values["ESTEIRA_TLS_KEY"],
	}
	switch l.values["ESTEIRA_AUTH"] {
	case "required":
		e.AuthRequired = true
	case "off":
		e.Open = true
	case "":
	default:
		l.refuse("ESTEIRA_AUTH", "is neither required nor off", "write required, and make tokens with esteira tokens create, or off")
	}
	if (e.TLSCert == "") != (e.TLSKey == "") {
		l.refuse("ESTEIRA_TLS_CERT", "and ESTEIRA_TLS_KEY must be set together", "set both, or neither")
	}
	e.Exposed = Exposed(listen) || Exposed(e.GRPCListen)
	return e
}

// listener is the address of an additional listener; "off" and nothing are none.
func (l *loader) listener(name, example string) string {
	switch value := l.values[name]; value {
	case "", "off":
		return ""
	default:
		return l.hostPort(name, example)
	}
}

// Exposed reports whether a listener on the address can be reached from elsewhere.
func Exposed(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return false
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}
