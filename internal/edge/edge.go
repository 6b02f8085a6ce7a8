package edge

import (
	"net"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// CheckExposure refuses, with ConfigInvalid, that a program be reached from elsewhere
// by whoever asks, unless that is what was said, and warns of what is left open. what
// names the program: "server".
func CheckExposure(e config.Edge, what string, log zerolog.Logger) error {
	switch {
	case !e.Exposed:
		return nil
	case !e.AuthRequired && !e.Open:
		return fault.New(fault.ConfigInvalid, "the %s would listen beyond loopback and answer whoever asks", what).
			WithRemedy("set ESTEIRA_AUTH=required and make tokens with esteira tokens create; or set ESTEIRA_AUTH=off if a network in front of it decides who may ask")
	case !e.AuthRequired:
		log.Warn().Msgf("ESTEIRA_AUTH=off: whoever reaches this %s is answered", what)
	}
	if e.TLSCert == "" {
		log.Warn().Msgf("there is no TLS: requests, answers and tokens can be read on their way; set ESTEIRA_TLS_CERT and ESTEIRA_TLS_KEY, or end TLS in front of the %s", what)
	}
	return nil
}

// Listen opens a listener that a variable names. Errors are ConfigInvalid.
func Listen(address, variable string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "listen on %s", address).
			WithRemedy("stop what listens there, or set %s to another host:port", variable)
	}
	return l, nil
}
