package logging

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/config"
)

// TimeFormat is RFC 3339 to the millisecond.
const TimeFormat = "2006-01-02T15:04:05.000Z07:00"

func init() {
	zerolog.TimeFieldFormat = TimeFormat
	zerolog.TimestampFunc = func() time.Time { return time.Now().UTC() }
	zerolog.DurationFieldUnit = time.Millisecond
}

// New returns the logger of a component ("worker", "server") on standard error.
func New(c config.Log, component string) zerolog.Logger {
	console := c.Format == "console" || (c.Format != "json" && isatty.IsTerminal(os.Stderr.Fd()))
	return newLogger(os.Stderr, console, c, component)
}

// NewTo is New on w; format auto means JSON.
func NewTo(w io.Writer, c config.Log, component string) zerolog.Logger {
	return newLogger(w, c.Format == "console", c, component)
}

func newLogger(w io.Writer, console bool, c config.Log, component string) zerolog.Logger {
	if console {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000"}
	}
	if secrets := c.Secrets(); len(secrets) > 0 {
		w = newRedactor(w, secrets)
	}
	return zerolog.New(w).Level(c.Level).With().Timestamp().Str("component", component).Logger()
}

// redactor replaces secrets in the lines that pass. zerolog writes a line at a
// time, so a secret is never cut in two.
type redactor struct {
	to      io.Writer
	secrets [][]byte
}

func newRedactor(w io.Writer, secrets []string) *redactor {
	r := &redactor{to: w}
	for _, secret := range secrets {
		r.secrets = append(r.secrets, []byte(secret))
		// As it looks inside a JSON string, if that is different.
		if quoted, err := json.Marshal(secret); err == nil && string(quoted[1:len(quoted)-1]) != secret {
			r.secrets = append(r.secrets, quoted[1:len(quoted)-1])
		}
	}
	return r
}

func (r *redactor) Write(line []byte) (int, error) {
	out := line
	for _, secret := range r.secrets {
		if bytes.Contains(out, secret) {
			out = bytes.ReplaceAll(out, secret, []byte("***"))
		}
	}
	if _, err := r.to.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}
