package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strconv"

	"github.com/wneessen/go-mail"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/outbound"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/secret"
)

// email sends the message as plain text. A password goes over TLS alone.
func email(ctx context.Context, e *pipeline.Email, m Message, o Options) error {
	client, err := mailer(e.SMTP, o)
	if err != nil {
		return err
	}
	letter := mail.NewMsg()
	if err := letter.From(e.From); err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "notify.email.from")
	}
	if err := letter.To(e.To...); err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "notify.email.to")
	}
	letter.Subject("[esteira] " + m.Title)
	letter.SetGenHeader("Esteira-Event-Id", m.ID)
	letter.SetBodyString(mail.TypeTextPlain, m.lines())
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		if fault.KindOf(err) == fault.ConfigInvalid {
			return failed(e.SMTP, err)
		}
		if answer := (*mail.SendError)(nil); errors.As(err, &answer) && !answer.IsTemp() {
			return fault.New(fault.ConfigInvalid, "the mail server of %s refused the message: %s", e.SMTP, answer.Reason).WithRemedy("check the addresses, and user and password")
		}
		return fault.New(fault.NotificationFailed, "the mail server of %s did not take the message", e.SMTP).WithRemedy("it is tried again")
	}
	return nil
}

// mailer is a client of the server that a reference stands for.
func mailer(reference string, o Options) (*mail.Client, error) {
	wrong := func() error {
		return fault.New(fault.ConfigInvalid, "%s is not the address of a mail server", reference).WithRemedy("set it to smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465")
	}
	address, err := secret.Resolve(reference)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" {
		return nil, wrong()
	}
	dialer := outbound.Dialer(o.AllowPrivate)
	options := []mail.Option{mail.WithTimeout(attempt), mail.WithTLSPolicy(mail.TLSOpportunistic), mail.WithDialContextFunc(dialer.DialContext)}
	password, given := u.User.Password()
	if given {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory), mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	if u.Scheme == "smtps" {
		// The library speaks TLS at once only through a dialer of its own; this one looks
		// at addresses. It then does not know that the connection is encrypted.
		encrypted := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: o.roots}}
		options = append(options, mail.WithDialContextFunc(encrypted.DialContext), mail.WithTLSPolicy(mail.NoTLS), mail.WithPort(465))
		if given {
			options = append(options, mail.WithSMTPAuth(mail.SMTPAuthPlainNoEnc))
		}
	} else if o.roots != nil {
		options = append(options, mail.WithTLSConfig(&tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: o.roots}))
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		options = append(options, mail.WithPort(port))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, wrong()
	}
	return client, nil
}
