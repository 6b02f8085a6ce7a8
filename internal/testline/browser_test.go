package testline_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// browser is headless Chromium with one page, and what it complained of.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	asked      []string // addresses
}

// browserWithin bounds a test in a browser.
const browserWithin = 3 * time.Minute

// openBrowser starts the browser that deploy/test.sh sets up.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("Chromium is missing; run the tests with `make test`, or type apt-get install -y chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(t.Context(), browserWithin)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	b := &browser{t: t}
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(b.ctx) // and wait until it has gone
		cancel()
	})
	chromedp.ListenTarget(b.ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			b.complaints = append(b.complaints, fmt.Sprint("console: ", e.Type))
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		case *network.EventRequestWillBeSent:
			b.asked = append(b.asked, e.Request.URL)
		}
	})
	b.do(network.Enable(), log.Enable())
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Run(b.ctx, actions...))
}

// open goes to a page and waits until it is there.
func (b *browser) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address), chromedp.WaitReady("body"))
}

func (b *browser) text(selector string) (text string) {
	b.t.Helper()
	b.do(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// eval is the value of an expression in the page, whatever its policy.
func (b *browser) eval(expression string, into any) {
	b.t.Helper()
	var text string
	b.do(chromedp.Evaluate("JSON.stringify("+expression+")", &text))
	require.NoError(b.t, json.Unmarshal([]byte(text), into), text)
}

// screen is how large the window is, and what its owner prefers.
func (b *browser) screen(width, height int64, scheme string) {
	b.t.Helper()
	b.do(emulation.SetDeviceMetricsOverride(width, height, 1, width < 600), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// audit.js returns what is wrong with a page for who reads it aloud, by keyboard, on a
// phone or with weak eyes.
//
//go:embed testdata/audit.js
var audit string

func (b *browser) audit() (wrong []string) {
	b.t.Helper()
	b.eval("("+audit+")()", &wrong)
	return wrong
}

// focused is what has the focus.
type focused struct {
	Name   string `json:"name"`
	Place  int    `json:"place"` // among all elements; -1: the page itself
	Ringed bool   `json:"ringed"`
}

const focus = `(() => { const e = document.activeElement, s = getComputedStyle(e)
	return {name: (e.getAttribute('aria-label') || e.textContent || e.name || '').trim().slice(0, 60), place: e === document.body ? -1 : [...document.querySelectorAll('*')].indexOf(e),
		ringed: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2} })()`

// tabStops are what Tab reaches from the top of the page, in order; each must show it.
func (b *browser) tabStops(most int) (reached []focused) {
	b.t.Helper()
	b.eval("(window.scrollTo(0, 0), document.activeElement.blur(), true)", new(bool))
	seen := map[int]bool{}
	for range most {
		b.do(chromedp.KeyEvent(kb.Tab))
		var at focused
		b.eval(focus, &at)
		if at.Place < 0 || seen[at.Place] {
			return reached
		}
		require.True(b.t, at.Ringed, "the focus on %q is not to be seen", at.Name)
		seen[at.Place] = true
		reached = append(reached, at)
	}
	return reached
}

// stops counts what Tab must reach.
const stops = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), [tabindex="0"]')].filter(e => e.getClientRects().length).length`

// quiet fails if the browser complained, or asked anybody but base.
func (b *browser) quiet(base string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.complaints)
	require.NotEmpty(b.t, b.asked)
	for _, address := range b.asked {
		require.True(b.t, strings.HasPrefix(address, base+"/") || strings.HasPrefix(address, "data:") || address == "about:blank", "the page asked %s", address)
	}
}
