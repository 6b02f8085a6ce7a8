package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/report"
)

// view is one page before it is drawn.
type view struct {
	Title    string
	Kicker   string // what sort of thing it is of
	Subtitle string
	Crumbs   []crumb
	Notices  []report.Notice
	UI       string   // page in Temporal's web interface
	Commands []string // that show more
	Body     any

	page   string // its template
	active string // entry of the navigation
}

type crumb struct{ Name, To string }

// drawn is a view with what every page has.
type drawn struct {
	*view
	Who    string
	Out    bool // there is a session to end
	Closed bool // who looks has not signed in
	Style  string
	Now    time.Time
	Active string
}

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed console.css
var css string

var stylesheet = report.Style() + css

const stylePath = "/ui/style.css"

// styleVersion lets browsers keep the style sheet until it changes.
var styleVersion = func() string {
	sum := sha256.Sum256([]byte(stylesheet))
	return stylePath + "?v=" + hex.EncodeToString(sum[:6])
}()

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write([]byte(stylesheet))
}

var pages = func() map[string]*template.Template {
	out := map[string]*template.Template{}
	base := template.Must(template.New("").Funcs(template.FuncMap{
		"link": link, "when": when, "ago": ago, "number": number, "count": report.Count, "percent": report.Percent, "seconds": seconds, "span": span, "took": took,
		"badge": badge, "short": func(digest string) string { return digest[:min(12, len(digest))] }, "plural": figure, "readable": readable, "after": strings.TrimPrefix,
		"join": strings.Join,
	}).ParseFS(pageFiles, "pages/layout.html"))
	for _, name := range []string{"signin", "error", "overview", "pipeline", "run", "models", "model", "endpoint", "trace"} {
		out[name] = template.Must(template.Must(base.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return out
}()

// draw writes a page. One that cannot be drawn is an error page, or a line.
func (c *Console) draw(w http.ResponseWriter, v *visit, status int, shown *view) {
	var b bytes.Buffer
	err := pages[shown.page].ExecuteTemplate(&b, "layout", drawn{
		view: shown, Who: v.name, Out: v.begun, Closed: shown.page == "signin", Style: styleVersion, Now: c.now().UTC(), Active: shown.active,
	})
	if err != nil {
		c.Log.Error().Err(err).Str("page", shown.page).Msg("a page cannot be drawn")
		http.Error(w, "The page cannot be drawn.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// drawError says what stands in the way of a page, and what to do.
func (c *Console) drawError(w http.ResponseWriter, v *visit, err error) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.Wrap(err, fault.Internal, "the page could not be made")
	}
	status := fault.Status(f.Kind)
	if status >= 500 {
		c.Log.Warn().Err(err).Str("path", v.URL.Path).Msg("a page could not be made")
	}
	title := map[int]string{http.StatusNotFound: "Not found", http.StatusForbidden: "Not allowed", http.StatusBadRequest: "Not understood", http.StatusServiceUnavailable: "Not reachable now"}[status]
	if title == "" {
		title = "Something went wrong"
	}
	remedy := f.Remedy
	f = &fault.Error{Kind: f.Kind, Message: f.Message, Cause: f.Cause}
	c.draw(w, v, status, &view{Title: title, page: "error", UI: c.UI("", ""), Commands: []string{"esteira doctor"}, Body: map[string]string{"Message": f.Error(), "Remedy": remedy, "Kind": string(f.Kind)}})
}

// trouble is a notice of what a page cannot tell.
func trouble(what string, err error) report.Notice {
	return report.Notice{Level: report.Warn, Title: what + " cannot be told now.", Text: err.Error()}
}

// momentOf is a moment or what one points to; zero: there is none.
func momentOf(t any) (at time.Time) {
	switch t := t.(type) {
	case time.Time:
		at = t
	case *time.Time:
		if t != nil {
			at = *t
		}
	}
	return at
}

// when writes a moment, or nothing.
func when(t any) template.HTML {
	at := momentOf(t)
	if at.IsZero() {
		return "–"
	}
	at = at.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, at.Format(time.RFC3339), at.Format("2006-01-02 15:04:05Z")))
}

// ago is how long before now a moment was.
func ago(now time.Time, t any) string {
	at := momentOf(t)
	if at.IsZero() {
		return ""
	}
	d := now.Sub(at)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span writes a duration in one unit.
func span(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= 2*unit.of || d == unit.of || d >= unit.of && unit.of == time.Minute {
			return figure(int(d/unit.of), unit.name)
		}
	}
	return figure(int(d/time.Second), "second")
}

func number(x any) string {
	switch x := x.(type) {
	case *float64:
		if x == nil {
			return "–"
		}
		return report.Number(*x)
	case float64:
		return report.Number(x)
	case metadata.Real:
		return report.Number(float64(x))
	}
	return fmt.Sprint(x)
}

func seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return "–"
	case s < 1:
		return fmt.Sprintf("%.2f s", s)
	case s < 90:
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

func took(from time.Time, to *time.Time) string {
	if to == nil || from.IsZero() {
		return "–"
	}
	return seconds(to.Sub(from).Seconds())
}

// levels are the words that say how well something stands.
var levels = map[string]string{
	"completed": "good", "deployed": "good", "live": "good", "passed": "good", "started": "good", "measured": "good", "packaged": "good", "active": "good", "stable": "good", "within": "good", "reproduced": "good", "resolved": "good", "unchanged": "good", "scored": "good",
	"failed": "bad", "rejected": "bad", "rolled_back": "bad", "critical": "bad", "differs": "bad", "breached": "bad", "drift": "bad", "error": "bad",
	"paused": "warn", "cancelled": "warn", "warning": "warn", "awaiting_approval": "warn", "approval": "warn", "superseded": "warn", "dropped": "warn", "remembered": "warn", "insufficient_data": "warn", "opened": "warn", "lasting": "warn", "conflicting": "warn",
	"running": "info", "canary": "info", "shadow": "info", "replay": "info", "promotion": "info", "info": "info",
}

// badge shows a state by its word, and by a colour.
func badge(word any) template.HTML {
	text := fmt.Sprint(word)
	if text == "" {
		return "–"
	}
	return template.HTML(`<span class="badge ` + levels[text] + `">` + template.HTMLEscapeString(strings.ReplaceAll(text, "_", " ")) + `</span>`)
}

// readable reports whether the console shows an artifact.
func readable(ref artifact.Ref) bool { return ref.IsPage() }
