package notify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// office is an SMTP server on loopback that keeps what it is given.
type office struct {
	mu      sync.Mutex
	letters [][]byte
	to      []string
	plain   bool // a session without TLS tried to log in or send
}

type session struct {
	o    *office
	conn *smtp.Conn
}

func (o *office) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{o, c}, nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	if _, encrypted := s.conn.TLSConnectionState(); !encrypted {
		s.o.plain = true
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "robot" || password != "hunter2" {
			return errors.New("no")
		}
		return nil
	}), nil
}
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "nobody@example.com" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.o.to = append(s.o.to, to)
	return nil
}
func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.o.letters = append(s.o.letters, b)
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// open starts an office; atOnce says whether it speaks TLS from the first byte.
func open(t *testing.T, encrypted, atOnce bool) (o *office, address string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	o = &office{}
	server := smtp.NewServer(o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address = listener.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	if atOnce {
		listener = tls.NewListener(listener, config)
	} else if encrypted {
		server.TLSConfig = config
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return o, address, roots
}

func letter(to string) pipeline.Channel {
	return pipeline.Channel{Email: &pipeline.Email{SMTP: "env:NOTIFY_TEST_SMTP", From: "esteira@example.com", To: []string{"ana@example.com", to}}, Severity: "info"}
}

func TestAMailArrivesOverTLS(t *testing.T) {
	for scheme, atOnce := range map[string]bool{"smtp": false, "smtps": true} {
		o, address, roots := open(t, true, atOnce)
		t.Setenv("NOTIFY_TEST_SMTP", scheme+"://robot:hunter2@"+address)
		require.NoError(t, Deliver(t.Context(), letter("bob@example.com"), message(alert.Opened, alert.Critical), Options{AllowPrivate: true, roots: roots}), scheme)
		require.Len(t, o.letters, 1)
		require.Equal(t, []string{"ana@example.com", "bob@example.com"}, o.to)
		require.False(t, o.plain)
		for _, word := range []string{"Subject: [esteira] Critical: data drift of distance on flights", "Esteira-Event-Id: flights/", "esteira monitor show flights"} {
			require.True(t, bytes.Contains(o.letters[0], []byte(word)), "%s\n%s", word, o.letters[0])
		}
	}
}

// Without TLS there is no password on the wire, and no mail.
func TestAPasswordGoesOverTLSAlone(t *testing.T) {
	o, address, _ := open(t, false, false)
	t.Setenv("NOTIFY_TEST_SMTP", "smtp://robot:hunter2@"+address)
	err := Deliver(t.Context(), letter("bob@example.com"), message(alert.Opened, alert.Critical), Options{AllowPrivate: true})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.Empty(t, o.letters)
	require.False(t, o.plain)
	t.Setenv("NOTIFY_TEST_SMTP", "smtp://"+address)
	require.NoError(t, Deliver(t.Context(), letter("bob@example.com"), message(alert.Opened, alert.Critical), Options{AllowPrivate: true}), "a relay on the own network")
	require.Len(t, o.letters, 1)
}

func TestAMailboxThatIsNotThereIsNotTriedAgain(t *testing.T) {
	_, address, roots := open(t, true, false)
	t.Setenv("NOTIFY_TEST_SMTP", "smtp://robot:hunter2@"+address)
	err := Deliver(t.Context(), letter("nobody@example.com"), message(alert.Opened, alert.Critical), Options{AllowPrivate: true, roots: roots})
	require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), err)
	err = Deliver(t.Context(), letter("bob@example.com"), message(alert.Opened, alert.Critical), Options{roots: roots})
	require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), "loopback is not public")
	for _, wrong := range []string{"http://x", "hunter2", "smtp://"} {
		t.Setenv("NOTIFY_TEST_SMTP", wrong)
		err := Deliver(t.Context(), letter("bob@example.com"), message(alert.Opened, alert.Critical), Options{AllowPrivate: true})
		require.Equal(t, fault.ConfigInvalid, fault.KindOf(err))
		require.NotContains(t, err.Error(), "hunter2")
	}
	t.Setenv("NOTIFY_TEST_SMTP", "smtp://127.0.0.1:1")
	require.Equal(t, fault.NotificationFailed, fault.KindOf(Deliver(t.Context(), letter("bob@example.com"), message(alert.Opened, alert.Critical), Options{AllowPrivate: true})))
}
