package edge

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// certificate is a pair of files, read again when one changes.
type certificate struct {
	cert, key string
	log       zerolog.Logger

	mu     sync.Mutex
	read   time.Time // when the files were last looked at
	stamp  [2]time.Time
	loaded *tls.Certificate
}

// TLS is how a listener with the certificate of e speaks; nil: it has none. Errors are
// ConfigInvalid.
func TLS(e config.Edge, log zerolog.Logger) (*tls.Config, error) {
	if e.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{cert: e.TLSCert, key: e.TLSKey, log: log}
	if err := c.load(); err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "read the certificate of ESTEIRA_TLS_CERT and ESTEIRA_TLS_KEY").WithRemedy("name files of a chain and its key in PEM that this program can read")
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, nil
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
