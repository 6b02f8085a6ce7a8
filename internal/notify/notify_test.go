package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

var at = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func message(change alert.Change, severity alert.Severity) Message {
	return FromEvent("flights", "flights", alert.Event{
		Change: change, Since: at.Add(-2 * time.Hour), Window: at, Of: 3, Count: 2,
		Finding: alert.Finding{Key: "data_drift/psi/distance", Kind: "data_drift", Subject: "distance", Severity: severity,
			Measure: "psi", Value: 0.31, Bound: 0.2, Against: "baseline", Message: "psi of distance is 0.31 <beyond> 0.2"},
	}, "esteira monitor show flights", []Link{{"report", "https://example.com/r?a=1&b=2"}})
}

// serve answers with status and keeps what came.
func serve(t *testing.T, status int) (got *[]*http.Request, bodies *[][]byte) {
	t.Helper()
	got, bodies = &[]*http.Request{}, &[][]byte{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got, *bodies = append(*got, r), append(*bodies, body)
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	t.Setenv("NOTIFY_TEST_URL", s.URL+"/hidden-path")
	return got, bodies
}

var hook = pipeline.Channel{Webhook: &pipeline.Webhook{URL: "env:NOTIFY_TEST_URL", Secret: "env:NOTIFY_TEST_KEY"}, Severity: "warning"}

func TestAWebhookIsSignedAndSaysAll(t *testing.T) {
	got, bodies := serve(t, http.StatusAccepted)
	t.Setenv("NOTIFY_TEST_KEY", "hunter2")
	m := message(alert.Opened, alert.Critical)
	for range 2 {
		require.NoError(t, Deliver(t.Context(), hook, m, Options{AllowPrivate: true}))
	}
	first := (*got)[0]
	require.Equal(t, first.Header.Get("Esteira-Event-Id"), (*got)[1].Header.Get("Esteira-Event-Id"), "an attempt more is the same event")
	stamp, sum, ok := strings.Cut(strings.TrimPrefix(first.Header.Get("Esteira-Signature"), "t="), ",v1=")
	require.True(t, ok)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	require.NoError(t, err)
	require.Equal(t, first.Header.Get("Esteira-Signature"), Sign([]byte("hunter2"), time.Unix(seconds, 0), (*bodies)[0]))
	require.False(t, hmac.Equal([]byte(sum), []byte(Sign([]byte("other"), time.Unix(seconds, 0), (*bodies)[0])[len("t=,v1=")+len(stamp):])))
	var back Message
	require.NoError(t, json.Unmarshal((*bodies)[0], &back))
	require.Equal(t, m, back)
	for _, word := range []string{"Critical: data drift of distance on flights", "2 of the last 3 windows", "psi 0.31, bound 0.2, against baseline", "esteira monitor show flights", "Since 2026-03-02T08:00:00Z"} {
		require.Contains(t, m.lines(), word)
	}
}

// The signature in the package's documentation, computed by hand.
func TestTheSignatureIsAsDocumented(t *testing.T) {
	// printf '1772445600.{}' | openssl dgst -sha256 -hmac key
	require.Equal(t, "t=1772445600,v1=37459f28060a9cd0017e4054e7c9b94733e96d03057986dbca29a576f1dff06c", Sign([]byte("key"), at, []byte("{}")))
}

func TestWhatMattersLessThanAskedIsNotSent(t *testing.T) {
	got, _ := serve(t, http.StatusOK)
	t.Setenv("NOTIFY_TEST_KEY", "k")
	require.NoError(t, Deliver(t.Context(), hook, message(alert.Opened, alert.Info), Options{AllowPrivate: true}))
	require.Empty(t, *got)
	require.NoError(t, Deliver(t.Context(), hook, message(alert.Resolved, alert.Warning), Options{AllowPrivate: true}))
	require.Len(t, *got, 1)
}

func TestAnErrorSaysWhetherToTryAgainAndNoSecret(t *testing.T) {
	t.Setenv("NOTIFY_TEST_KEY", "hunter2")
	for status, kind := range map[int]fault.Kind{
		500: fault.NotificationFailed, 503: fault.NotificationFailed, 429: fault.NotificationFailed, 408: fault.NotificationFailed,
		400: fault.ConfigInvalid, 404: fault.ConfigInvalid, 302: fault.ConfigInvalid,
	} {
		serve(t, status)
		err := Deliver(t.Context(), hook, message(alert.Opened, alert.Critical), Options{AllowPrivate: true})
		require.Equal(t, kind, fault.KindOf(err), "%d: %v", status, err)
		require.NotContains(t, err.Error(), "hidden-path")
	}
	serve(t, 200)
	err := Deliver(t.Context(), hook, message(alert.Opened, alert.Critical), Options{})
	require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), "loopback is not public")
	require.ErrorContains(t, err, "not a public address")
	for _, address := range []string{"http://127.0.0.1:1/hidden-path", "ftp://x/hidden-path", "hidden-path", ""} {
		t.Setenv("NOTIFY_TEST_URL", address)
		err := Deliver(t.Context(), hook, message(alert.Opened, alert.Critical), Options{AllowPrivate: true})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hidden-path")
	}
}

// A receiver that hangs costs one attempt's time, and is tried again.
func TestAHangingWebhookIsCutOff(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	t.Setenv("NOTIFY_TEST_URL", s.URL)
	t.Setenv("NOTIFY_TEST_KEY", "k")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := Deliver(ctx, hook, message(alert.Opened, alert.Critical), Options{AllowPrivate: true})
	require.Equal(t, fault.NotificationFailed, fault.KindOf(err))
	require.True(t, fault.Retryable(fault.KindOf(err)))
	require.ErrorContains(t, err, "no answer within")
}

func TestSlackIsToldInItsForm(t *testing.T) {
	_, bodies := serve(t, http.StatusOK)
	c := pipeline.Channel{Slack: &pipeline.Slack{URL: "env:NOTIFY_TEST_URL"}, Severity: "info"}
	require.NoError(t, Deliver(t.Context(), c, message(alert.Opened, alert.Critical), Options{AllowPrivate: true}))
	var form struct {
		Text   string
		Blocks []struct {
			Type string
			Text struct{ Type, Text string }
		}
	}
	require.NoError(t, json.Unmarshal((*bodies)[0], &form))
	require.Contains(t, form.Text, "data drift of distance")
	require.Equal(t, "section", form.Blocks[0].Type)
	require.Equal(t, "mrkdwn", form.Blocks[0].Text.Type)
	for _, word := range []string{":red_circle:", "&lt;beyond&gt;", "psi 0.31, bound 0.2, against baseline", "Since 2026-03-02T08:00:00Z; window until 2026-03-02T10:00:00Z.", "`esteira monitor show flights`", "<https://example.com/r?a=1&b=2|report>"} {
		require.Contains(t, form.Blocks[0].Text.Text, word)
	}
}

func TestTheLogSaysItAtItsLevel(t *testing.T) {
	var out bytes.Buffer
	c := pipeline.Channel{Log: true, Severity: "info"}
	for _, m := range []Message{message(alert.Opened, alert.Critical), message(alert.Lasting, alert.Warning), message(alert.Resolved, alert.Critical)} {
		require.NoError(t, Deliver(t.Context(), c, m, Options{Log: zerolog.New(&out)}))
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, level := range []string{"error", "warn", "info"} {
		require.Contains(t, lines[i], `"level":"`+level+`"`)
		for _, field := range []string{
			`"since":"2026-03-02T08:00:00Z","window":"2026-03-02T10:00:00Z"`, `"measure":"psi","value":0.31,"bound":0.2,"against":"baseline"`,
			`"links":[{"title":"report","url":"https://example.com/r?a=1&b=2"}]`, `"command":"esteira monitor show flights"`,
		} {
			require.Contains(t, lines[i], field)
		}
	}
}

func TestAGroupedMessageCountsAndMeasuresNothing(t *testing.T) {
	e := alert.Event{Change: alert.Grouped, Window: time.Unix(7200, 0), Finding: alert.Finding{Key: "grouped/ab", Kind: "grouped", Severity: alert.Warning, Message: "11 more alerts of this window: 11 warning"}}
	m := FromEvent("p", "e", e, "esteira monitor show e", nil)
	require.Equal(t, "Warning: more alerts on e", m.Title)
	require.Equal(t, e.Finding.Message, m.Text)
	require.Nil(t, m.Finding)
	require.Contains(t, m.lines(), "esteira monitor show e")
}

// A rule of SQL may be long, of several lines and in any language: the id goes into a
// header, and two rules that begin alike are two.
func TestTheIDOfALongKeyIsShortPlainAndItsOwn(t *testing.T) {
	id := func(key string) string {
		return FromEvent("p", "e", alert.Event{Change: alert.Opened, Window: time.Unix(7200, 0), Finding: alert.Finding{Key: key, Severity: alert.Warning}}, "", nil).ID
	}
	require.Equal(t, "e/quality/0/rule x < 1000/7200/opened", id("quality/0/rule x < 1000"))
	long := "quality/0/rule " + strings.Repeat("x < 1000 and ", 300)
	ids := map[string]bool{}
	for _, key := range []string{long, long + "y", "quality/0/rule x <\n1000", "quality/0/rule x <\t1000", "quality/0/rule ação", "quality/0/rule acao"} {
		got := id(key)
		require.LessOrEqual(t, len(got), 150)
		for _, r := range got {
			require.True(t, r >= ' ' && r <= '~', "%q", got)
		}
		ids[got] = true
	}
	require.Len(t, ids, 6)
}
