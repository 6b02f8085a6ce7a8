package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
)

// Message is what people are told: what, how much, since when, compared with what,
// and the command to look closer.
type Message struct {
	ID       string         `json:"id"` // the same for the same event, in every attempt
	Change   alert.Change   `json:"change"`
	Severity alert.Severity `json:"severity"`
	Pipeline string         `json:"pipeline"`
	Endpoint string         `json:"endpoint,omitempty"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`
	Since    time.Time      `json:"since"`
	Window   time.Time      `json:"window"` // end of the window that told
	Finding  *alert.Finding `json:"finding,omitempty"`
	Command  string         `json:"command,omitempty"`
	Links    []Link         `json:"links,omitempty"`
}

// Link is a page to look at.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// FromEvent words an event of an endpoint; command shows more.
func FromEvent(pipeline, endpoint string, e alert.Event, command string, links []Link) Message {
	f := e.Finding
	m := Message{
		ID:     fmt.Sprintf("%s/%s/%d/%s", endpoint, plainKey(f.Key), e.Window.Unix(), e.Change),
		Change: e.Change, Severity: f.Severity, Pipeline: pipeline, Endpoint: endpoint,
		Since: e.Since, Window: e.Window, Finding: &f, Command: command, Links: links,
	}
	subject := strings.ReplaceAll(f.Kind, "_", " ")
	if f.Subject != "" {
		subject += " of " + f.Subject
	}
	switch e.Change {
	case alert.Grouped:
		m.Finding = nil // nothing that was measured
		m.Title = fmt.Sprintf("%s: more alerts on %s", capital(string(f.Severity)), endpoint)
	case alert.Resolved:
		m.Title = fmt.Sprintf("Resolved: %s on %s", subject, endpoint)
	case alert.Lasting:
		m.Title = fmt.Sprintf("Still %s: %s on %s", f.Severity, subject, endpoint)
	default:
		m.Title = fmt.Sprintf("%s: %s on %s", capital(string(f.Severity)), subject, endpoint)
	}
	m.Text = f.Message
	if e.Of > 1 {
		m.Text += fmt.Sprintf(" (%d of the last %d windows)", e.Count, e.Of)
	}
	return m
}

// plainKey is a key as any header and any index can hold it: one that is long, or has
// more than one line, as a rule of SQL may, is its beginning and its digest.
func plainKey(key string) string {
	const most = 100
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, key)
	if plain == key && len(key) <= most {
		return key
	}
	digest := sha256.Sum256([]byte(key))
	return plain[:min(len(plain), most-17)] + "#" + hex.EncodeToString(digest[:8])
}

func capital(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] }

// measured says how much, and compared with what; "": nothing was measured.
func (m Message) measured() string {
	f := m.Finding
	if f == nil {
		return ""
	}
	text := fmt.Sprintf("%s %.4g, bound %.4g", f.Measure, float64(f.Value), float64(f.Bound))
	if f.Against != "" {
		text += ", against " + f.Against
	}
	return text
}

// since says from when on; "": nobody knows.
func (m Message) since() string {
	if m.Since.IsZero() {
		return ""
	}
	return fmt.Sprintf("Since %s; window until %s.", m.Since.UTC().Format(time.RFC3339), m.Window.UTC().Format(time.RFC3339))
}

// lines are the message for people who read text alone.
func (m Message) lines() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", m.Title, m.Text)
	for _, line := range []string{m.measured(), m.since()} {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	if m.Command != "" {
		fmt.Fprintf(&b, "\nLook closer:\n  %s\n", m.Command)
	}
	for _, l := range m.Links {
		fmt.Fprintf(&b, "%s: %s\n", l.Title, l.URL)
	}
	return b.String()
}
