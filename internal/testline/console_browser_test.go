package testline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/internal/token"
	"github.com/esteira-ml/esteira/internal/window"
	"github.com/esteira-ml/esteira/workflows"
)

// hostile is what somebody may write where a reason or a name is asked for.
const hostile = `<script>window.hacked=1</script><img src=x onerror="window.hacked=2">"'&{{.}}`

// shownThings are the names of what the pages are about.
type shownThings struct{ endpoint, run, prediction, report string }

// inhabit leaves a deployed model, one that waits for approval, answers, labels, windows
// and alerts behind, as the line makes them.
func inhabit(t *testing.T, l *testline.Line) (s shownThings) {
	t.Helper()
	dir := t.TempDir()
	s.endpoint = testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	text := "name: " + s.endpoint + strings.Replace(regression, "problem: {", "problem: {statement: 'What is it worth, <b>roughly</b>?', ", 1)
	first := l.Run(testline.ExitDone, l.File(dir, "a.yaml", text))
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)
	s.run = first.Run
	second := l.Run(testline.ExitDone, l.File(dir, "b.yaml", text+"deploy: {approval: {deadline: 1h}}\ntrain: {candidates: [{kind: ridge}]}\nevaluate: {gates: []}\n"))
	require.Equal(t, workflows.DecisionAwaiting, second.Decision, second.Reason)
	var applied any
	l.JSON(testline.ExitDone, &applied, "apply", l.File(dir, "c.yaml", text+"retrain: {schedule: {every: 24h}}\n"))
	l.JSON(testline.ExitDone, &applied, "retrain", "pause", s.endpoint, "--reason", hostile)
	for i := range 3 {
		var got struct{ Predictions []struct{ ID string } }
		require.Equal(t, 200, l.Post("/v1/endpoints/"+s.endpoint+"/predict", fmt.Sprintf(`{"id":"sale-%d","records":[{"size":%d,"weight":3,"colour":"red"}]}`, i, i+1), &got))
		s.prediction = got.Predictions[0].ID
	}
	require.Equal(t, 400, l.Post("/v1/endpoints/"+s.endpoint+"/predict", `{"records":[{"`+strings.ReplaceAll(hostile, `"`, `\"`)+`":1}]}`, nil))
	l.Await(time.Minute, "the answers are in the table", func() bool {
		_, err := l.DB.Trace(t.Context(), s.prediction)
		return err == nil
	})
	id, err := uuid.Parse(s.prediction)
	require.NoError(t, err)
	_, err = l.DB.AddLabels(t.Context(), metadata.AddLabels{Endpoint: s.endpoint, Source: hostile, Labels: []metadata.Label{{PredictionID: &id, Value: []byte(`"` + "<b>dear</b>" + `"`)}}})
	require.NoError(t, err)
	require.NoError(t, l.DB.SetAlias(t.Context(), metadata.Alias{Model: s.endpoint, Alias: "audited", Version: 1, Actor: hostile, Reason: hostile}))
	s.report = watchedTwice(t, l, s.endpoint)
	return s
}

// watchedTwice keeps two windows of an endpoint, in the second of which a column has
// drifted, with the alert that came of it; it returns the digest of the last page.
func watchedTwice(t *testing.T, l *testline.Line, endpoint string) (report string) {
	t.Helper()
	store, begins := l.Store(), time.Now().UTC().Truncate(time.Hour).Add(-2*time.Hour)
	page, err := store.PutBytes(t.Context(), []byte(`<!doctype html><html lang="en"><title>Window</title><body><p id="who">the report</p><script>document.body.id = 'hacked'</script></body></html>`), "text/html; charset=utf-8")
	require.NoError(t, err)
	for i := range 2 {
		score := 1.5 + float64(i)
		m := window.Measures{Endpoint: endpoint, Begins: begins, Ends: begins.Add(time.Hour), State: window.Measured, Requests: 900, Answered: 899, Models: []window.ModelMeasure{{
			Model: endpoint + "@1", Rows: 899,
			Baseline: &drift.Comparison{Features: []drift.Result{{Name: "colour", Kind: "text", Outcome: []drift.Outcome{drift.Stable, drift.Drifted}[i], Effect: []float64{.02, .45}[i], Q: 1e-9}, {Name: hostile, Kind: "number", Outcome: drift.Insufficient}},
				Outputs: []drift.Result{{Name: "prediction", Kind: "number", Outcome: drift.Stable, Effect: .12}}},
			Performance: []drift.Performance{{Metric: "rmse", Reference: &score, Measured: &drift.Estimate{Value: score, Low: score - 1, High: score + 1}}},
		}}}
		ref, err := store.PutJSON(t.Context(), m)
		require.NoError(t, err)
		_, _, err = l.DB.SaveWindow(t.Context(), metadata.Window{Endpoint: endpoint, Begins: begins, Ends: m.Ends, Computed: 1, State: m.State, Requests: 900, Answered: 899, Result: ref, Report: page, LabelsSeen: begins, Note: hostile}, nil)
		require.NoError(t, err)
		_, err = l.DB.StepBoard(t.Context(), endpoint, alertOf(begins.Add(time.Hour), i == 1))
		require.NoError(t, err)
		begins = begins.Add(time.Hour)
	}
	return page.Digest
}

// pagesOf are the pages of the console with what must stand on each.
func pagesOf(s shownThings) map[string][]string {
	return map[string][]string{
		"/ui/":                                       {s.endpoint, "esteira retrain resume " + s.endpoint, "data_drift of colour", "1 beyond bounds", hostile},
		"/ui/pipelines/" + s.endpoint:                {"What is it worth, <b>roughly</b>?", "paused", hostile, "every 24h", "awaiting approval", "Where the time goes"},
		"/ui/runs/" + s.run:                          {"deployed", "evaluate", "goods.csv", "rmse", "exploration"},
		"/ui/models":                                 {s.endpoint},
		"/ui/models/" + s.endpoint:                   {"champion", "audited", hostile, "challenger"},
		"/ui/models/" + s.endpoint + "/1":            {"audited, champion", "goods.csv"},
		"/ui/endpoints/" + s.endpoint:                {"esteira approve " + s.endpoint, "data_drift of colour", "0.45", hostile, "Last day", "insufficient data"},
		"/ui/endpoints/" + s.endpoint + "?span=hour": {"per minute"},
		"/ui/trace":                                  {"Id of the prediction"},
		"/ui/trace?id=" + s.prediction:               {"label \"<b>dear</b>\"", "from " + hostile, "goods.csv"},
	}
}

// Whoever looks finds every fact on its page, by mouse, keyboard, screen reader or phone,
// by day and by night, and nothing that somebody wrote runs.
func TestTheConsoleInABrowser(t *testing.T) {
	l := testline.Start(t)
	s := inhabit(t, l)
	d := door{Line: l, t: t, name: s.endpoint}
	secret := d.tokenFor("auditor", "", token.Audit)
	base := l.StartConsole("ESTEIRA_AUTH=required")
	d.base = base
	b := openBrowser(t)
	b.screen(1280, 900, "light")

	// The form asks for a token, by keyboard alone.
	b.open(base + "/ui/models")
	require.Equal(t, "Sign in", b.text("h1"))
	require.Empty(t, b.audit())
	b.do(chromedp.SendKeys("#token", secret+kb.Enter, chromedp.ByQuery), chromedp.WaitVisible(".who", chromedp.ByQuery))
	require.Equal(t, "Models", b.text("h1"), "it leads on to the page that was asked for")

	for path, words := range pagesOf(s) {
		b.screen(1280, 900, "light")
		b.open(base + path)
		text, tips := b.text("main"), ""
		b.eval("[...document.querySelectorAll('[title]')].map(e => e.title).join(' | ')", &tips)
		for _, word := range words {
			require.Contains(t, text+tips, word, path)
		}
		require.Contains(t, text, "Open in the Temporal UI", path)
		require.Contains(t, text, "esteira ", path)
		require.Empty(t, b.audit(), path)
		var must int
		b.eval(stops, &must)
		reached := b.tabStops(must + 5)
		require.Equal(t, "Skip to the content", reached[0].Name)
		require.Len(t, reached, must, "%s: Tab does not reach everything", path)
		for _, scheme := range []string{"light", "dark"} {
			b.screen(390, 844, scheme)
			require.Empty(t, b.audit(), "%s on a phone, %s", path, scheme)
		}
		var hacked any
		b.eval("window.hacked ?? null", &hacked)
		require.Nil(t, hacked, path)
	}

	// The skip link leads past the navigation.
	b.screen(1280, 900, "light")
	b.open(base + "/ui/")
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	var at string
	b.eval("document.activeElement.id", &at)
	require.Equal(t, "main", at)

	// A report opens from its link, with no power of its own. That its script was
	// stopped is what the browser complains of.
	b.quiet(base)
	b.open(base + "/ui/artifacts/" + s.report)
	require.Equal(t, "the report", b.text("#who"))
	var origin, id string
	b.eval("self.origin", &origin)
	b.eval("document.body.id", &id)
	require.Equal(t, []string{"null", ""}, []string{origin, id})
	b.complaints = nil

	b.open(base + "/ui/")
	require.NoError(t, l.DB.RevokeToken(t.Context(), "auditor"))
	d.until(secret, 401)
	b.do(chromedp.Click(`a[href="/ui/models"]`, chromedp.ByQuery), chromedp.WaitVisible("#token", chromedp.ByQuery))
	require.Equal(t, "Sign in", b.text("h1"))
	b.quiet(base)
}

// alertOf steps a board for a window in which a column has drifted, or not.
func alertOf(end time.Time, drifted bool) func(json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
	return func(before json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
		var board alert.Board
		if before != nil {
			if err := json.Unmarshal(before, &board); err != nil {
				return nil, nil, err
			}
		}
		f := alert.Finding{Key: "data_drift/0/colour", Kind: "data_drift", Subject: "colour", Severity: alert.Warning, Verdict: alert.Within, Measure: "psi", Message: "colour psi is 0.45 from the training rows " + hostile}
		if drifted {
			f.Verdict = alert.Breached
		}
		var told []metadata.Alert
		for _, e := range board.Step(end, []alert.Finding{f}) {
			text, err := json.Marshal(e)
			if err != nil {
				return nil, nil, err
			}
			told = append(told, metadata.Alert{ID: uuid.NewString(), Window: end, Change: string(e.Change), Kind: f.Kind, Severity: string(f.Severity), Event: text})
		}
		after, err := json.Marshal(board)
		return after, told, err
	}
}
