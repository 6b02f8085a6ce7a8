package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/outbound"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/secret"
)

// attempt bounds one attempt, whoever hangs.
const attempt = 15 * time.Second

// Options of a delivery.
type Options struct {
	// AllowPrivate lets webhooks and mail servers be on private addresses.
	AllowPrivate bool
	// Log takes the messages of channels of kind log.
	Log zerolog.Logger

	roots *x509.CertPool // of mail servers; nil: the system's
}

// Deliver makes one attempt to tell a channel, unless the message matters less than
// the channel asks. Errors: NotificationFailed, where another attempt may help;
// ConfigInvalid, where none does.
func Deliver(ctx context.Context, c pipeline.Channel, m Message, o Options) error {
	if !m.Severity.AtLeast(alert.Severity(c.Severity)) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	switch {
	case c.Webhook != nil:
		return webhook(ctx, c.Webhook, m, o)
	case c.Slack != nil:
		return post(ctx, c.Slack.URL, slackForm(m), nil, o)
	case c.Email != nil:
		return email(ctx, c.Email, m, o)
	default:
		record(o.Log.WithLevel(level(m)), m)
		return nil
	}
}

// record writes a message as fields that a log is searched by.
func record(e *zerolog.Event, m Message) {
	e.Str("pipeline", m.Pipeline).Str("endpoint", m.Endpoint).Str("change", string(m.Change)).Str("command", m.Command)
	if !m.Since.IsZero() {
		e.Time("since", m.Since.UTC()).Time("window", m.Window.UTC())
	}
	if f := m.Finding; f != nil {
		e.Str("measure", f.Measure).Float64("value", float64(f.Value)).Float64("bound", float64(f.Bound)).Str("against", f.Against)
	}
	if len(m.Links) > 0 {
		e.Interface("links", m.Links)
	}
	e.Msg(m.Title + ": " + m.Text)
}

func level(m Message) zerolog.Level {
	switch {
	case m.Change == alert.Resolved || m.Severity == alert.Info:
		return zerolog.InfoLevel
	case m.Severity == alert.Warning:
		return zerolog.WarnLevel
	default:
		return zerolog.ErrorLevel
	}
}

func webhook(ctx context.Context, w *pipeline.Webhook, m Message, o Options) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "encode a message")
	}
	headers := map[string]string{"Esteira-Event-Id": m.ID}
	if w.Secret != "" {
		key, err := secret.Resolve(w.Secret)
		if err != nil {
			return err
		}
		headers["Esteira-Signature"] = Sign([]byte(key), time.Now(), body)
	}
	return post(ctx, w.URL, body, headers, o)
}

// Sign is the value of Esteira-Signature for a body sent at a time.
func Sign(key []byte, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// slackForm is the message in the form of an incoming webhook: text for
// notifications, a block for the channel.
func slackForm(m Message) []byte {
	mark := map[alert.Severity]string{alert.Critical: ":red_circle:", alert.Warning: ":large_yellow_circle:"}[m.Severity]
	if m.Change == alert.Resolved {
		mark = ":white_check_mark:"
	}
	text := strings.TrimSpace(fmt.Sprintf("%s *%s*\n%s", mark, escape(m.Title), escape(m.Text)))
	if how := m.measured(); how != "" {
		text += "\n" + escape(how)
	}
	if since := m.since(); since != "" {
		text += "\n" + escape(since)
	}
	if m.Command != "" {
		text += "\n`" + escape(m.Command) + "`"
	}
	for _, l := range m.Links {
		text += fmt.Sprintf("\n<%s|%s>", l.URL, escape(l.Title))
	}
	const most = 3000 // of a block
	text = text[:min(len(text), most)]
	b, err := json.Marshal(map[string]any{
		"text":   m.Title + ": " + m.Text,
		"blocks": []any{map[string]any{"type": "section", "text": map[string]string{"type": "mrkdwn", "text": strings.ToValidUTF8(text, "")}}},
	})
	if err != nil { // cannot happen with strings
		return nil
	}
	return b
}

// escape is what Slack asks for in text.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// post sends a JSON body to the address that a reference stands for.
func post(ctx context.Context, reference string, body []byte, headers map[string]string, o Options) error {
	address, err := secret.Resolve(reference)
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return fault.New(fault.ConfigInvalid, "%s is not an http or https address", reference).WithRemedy("set it to the webhook's address")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.ConfigInvalid, "%s cannot be asked", reference)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "esteira")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	client := outbound.Client(o.AllowPrivate, attempt)
	defer client.CloseIdleConnections()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return failed(reference, err)
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 200))
	switch {
	case res.StatusCode/100 == 2:
		return nil
	case res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500:
		return fault.New(fault.NotificationFailed, "%s answered %d", reference, res.StatusCode).WithRemedy("it is tried again")
	default:
		return fault.New(fault.ConfigInvalid, "%s refused the message with %d: %.100q", reference, res.StatusCode, said).WithRemedy("look at the webhook's own page")
	}
}

// failed words an attempt that found nobody. The address is not repeated: a path
// may be the secret.
func failed(reference string, err error) error {
	if fault.KindOf(err) == fault.ConfigInvalid { // an address that is not to be dialled
		return fault.New(fault.ConfigInvalid, "%s is not a public address, and this worker reaches no other", reference).
			WithRemedy("set ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true for the worker if it should")
	}
	why := "the connection failed"
	if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
		why = "no answer within " + attempt.String()
	}
	return fault.New(fault.NotificationFailed, "%s could not be told: %s", reference, why).WithRemedy("it is tried again")
}
