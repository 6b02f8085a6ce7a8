package pipeline

import (
	"fmt"
	"net/mail"
	"regexp"

	"github.com/invopop/jsonschema"
)

// Channel is one way to tell people, and from which severity on.
type Channel struct {
	Webhook  *Webhook `json:"webhook,omitempty" yaml:"webhook,omitempty" jsonschema_description:"A JSON document by POST, signed."`
	Slack    *Slack   `json:"slack,omitempty" yaml:"slack,omitempty" jsonschema_description:"An incoming webhook of Slack, or of what speaks its form (Mattermost, Rocket.Chat, Discord's /slack)."`
	Email    *Email   `json:"email,omitempty" yaml:"email,omitempty" jsonschema_description:"A mail through an SMTP server."`
	Log      bool     `json:"log,omitempty" yaml:"log,omitempty" jsonschema_description:"true: a line in the worker's log."`
	Severity string   `json:"severity" yaml:"severity,omitempty" jsonschema:"enum=info,enum=warning,enum=critical" jsonschema_description:"Least severity that is told here; default warning."`
}

// Webhook is an address that takes events.
type Webhook struct {
	URL    string `json:"url" yaml:"url" jsonschema:"required" jsonschema_description:"env:NAME or file:PATH on the worker, of an https address."`
	Secret string `json:"secret,omitempty" yaml:"secret,omitempty" jsonschema_description:"env:NAME or file:PATH of the key of the HMAC-SHA256 in Esteira-Signature."`
}

// Slack is an incoming webhook: its address is the secret.
type Slack struct {
	URL string `json:"url" yaml:"url" jsonschema:"required" jsonschema_description:"env:NAME or file:PATH on the worker, of the incoming webhook."`
}

// Email is a mailbox, and the server that brings mail there.
type Email struct {
	SMTP string   `json:"smtp" yaml:"smtp" jsonschema:"required" jsonschema_description:"env:NAME or file:PATH on the worker, of smtp://USER:PASSWORD@HOST:PORT (STARTTLS is required with a password) or smtps://…."`
	From string   `json:"from" yaml:"from" jsonschema:"required" jsonschema_description:"Address of the sender."`
	To   []string `json:"to" yaml:"to" jsonschema:"required,minItems=1" jsonschema_description:"Addresses it is sent to."`
}

// maxChannels bounds notify.
const maxChannels = 20

// Kind is the name of the one way the channel is: "webhook", "slack", "email" or
// "log"; "" if it is not exactly one.
func (c Channel) Kind() string {
	kind, n := "", 0
	for _, way := range []struct {
		name string
		is   bool
	}{{"webhook", c.Webhook != nil}, {"slack", c.Slack != nil}, {"email", c.Email != nil}, {"log", c.Log}} {
		if way.is {
			kind, n = way.name, n+1
		}
	}
	if n != 1 {
		return ""
	}
	return kind
}

func notifyDefaults(p *Pipeline) {
	for i := range p.Notify {
		if p.Notify[i].Severity == "" {
			p.Notify[i].Severity = "warning"
		}
	}
}

func (d *decoder) checkNotify(p *Pipeline) {
	if len(p.Notify) > maxChannels {
		d.add("notify", "tell one channel, and let it tell the others", "has %d channels, more than %d", len(p.Notify), maxChannels)
	}
	for i, c := range p.Notify {
		path := fmt.Sprintf("notify[%d]", i)
		if c.Kind() == "" {
			if !d.inside(path) {
				d.add(path, "write one of webhook: {url: env:NAME}, slack: {url: env:NAME}, email: {smtp: env:NAME, from: …, to: […]}, log: true; a channel each", "is not one way to tell people")
			}
			continue
		}
		switch {
		case c.Webhook != nil:
			d.checkReference(path+".webhook.url", c.Webhook.URL)
			d.checkReference(path+".webhook.secret", c.Webhook.Secret)
		case c.Slack != nil:
			d.checkReference(path+".slack.url", c.Slack.URL)
		case c.Email != nil:
			d.checkReference(path+".email.smtp", c.Email.SMTP)
			d.checkMailbox(path+".email.from", c.Email.From)
			for k, to := range c.Email.To {
				d.checkMailbox(fmt.Sprintf("%s.email.to[%d]", path, k), to)
			}
			if d.given(path+".email.to") && len(c.Email.To) == 0 {
				d.add(path+".email.to", "write at least one address", "is empty")
			}
		}
	}
}

// inside reports whether a mistake beneath path was noted.
func (d *decoder) inside(path string) bool {
	for at := range d.faulty {
		if len(at) >= len(path) && at[:len(path)] == path {
			return true
		}
	}
	return false
}

func (d *decoder) checkReference(path, text string) {
	if text == "" || secretReference.MatchString(text) || d.faulty[path] {
		return
	}
	d.add(path, "write env:NAME or file:PATH, and give the worker the value there", "must be a reference, not the value itself")
	if n := len(d.mistakes); n > 0 && d.mistakes[n-1].Path == path {
		d.mistakes[n-1].Source = "" // the line holds what may be the secret
	}
}

// plainMailbox is what an address has here: no name, no comment, no quotes.
var plainMailbox = regexp.MustCompile(`^[^\s<>"(),:;\\]+@[^\s<>"(),:;\\@]+$`)

func (d *decoder) checkMailbox(path, text string) {
	if text == "" {
		return
	}
	if _, err := mail.ParseAddress(text); err != nil || !plainMailbox.MatchString(text) {
		d.add(path, "write name@host", "%q is no address", clip(text))
	}
}

// JSONSchemaExtend tells that a channel is one way.
func (Channel) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "log").Const = true
	property(s, "severity").Default = "warning"
	for _, way := range []string{"webhook", "slack", "email", "log"} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{way}})
	}
}

// JSONSchemaExtend tells what the references are.
func (Webhook) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "url").Pattern, property(s, "secret").Pattern = secretReference.String(), secretReference.String()
}

// JSONSchemaExtend tells what the reference is.
func (Slack) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "url").Pattern = secretReference.String()
}

// JSONSchemaExtend tells what the reference is.
func (Email) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "smtp").Pattern = secretReference.String()
	property(s, "from").Pattern = plainMailbox.String()
	property(s, "to").Items.Pattern = plainMailbox.String()
}
