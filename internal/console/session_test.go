package console

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASessionEnds(t *testing.T) {
	s := sessions{open: map[sessionKey]session{}}
	now := time.Now()
	name := s.begin("est_a", now)
	require.Equal(t, "est_a", s.secret(name, now.Add(sessionTime-time.Second)))
	require.Empty(t, s.secret(name, now.Add(sessionTime)))
	require.Empty(t, s.open, "what is over is forgotten")
	require.Empty(t, s.secret("guessed", now))
	name = s.begin("est_b", now)
	s.end(name)
	require.Empty(t, s.secret(name, now))
}

func TestSessionsAreBounded(t *testing.T) {
	s := sessions{open: map[sessionKey]session{}}
	now := time.Now()
	var names []string
	for i := range maxSessions + 5 {
		names = append(names, s.begin(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second)))
	}
	require.Len(t, s.open, maxSessions)
	require.Empty(t, s.secret(names[4], now), "the oldest made room")
	require.Equal(t, "5", s.secret(names[5], now))
}

// A form leads to our own pages alone.
func TestWhereAFormMayLead(t *testing.T) {
	for next, want := range map[string]string{
		"/ui/models?x=1": "/ui/models?x=1", "/ui/runs/a/run/b#steps": "/ui/runs/a/run/b#steps", "": "/ui/", "/": "/ui/", "//evil.example/ui/": "/ui/", "https://evil.example/ui/": "/ui/",
		"/ui/\\evil": "/ui/", "/ui/sign-out": "/ui/", "/ui/sign-in?next=/ui/": "/ui/", "/ui/a\r\nSet-Cookie: x=y": "/ui/", "javascript:alert(1)": "/ui/", "/ui/%zz": "/ui/",
	} {
		require.Equal(t, want, local(next), next)
	}
}

func TestThisMachineIsKnownByItsAddresses(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:7080": true, "127.0.0.1:7080": true, "[::1]:7080": true, "[::1]": true, "::1": true, "192.168.1.4:7080": true,
		"evil.example": false, "evil.example:7080": false, "localhost.evil.example": false, "127.0.0.1.evil.example:7080": false, "": false, "[": false,
	} {
		require.Equal(t, want, thisMachine(host), host)
	}
}

func TestLinksEscapeNames(t *testing.T) {
	require.Equal(t, "/ui/runs/flights/run/2026-11-23T03-00Z", link("runs", "flights/run/2026-11-23T03-00Z"))
	require.Equal(t, "/ui/models/a%20b%3F%23%22%3C/3", link("models", `a b?#"<`, "3"))
}

func TestTimesForPeople(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "0 seconds ago", time.Second: "1 second ago", 90 * time.Second: "1 minute ago", 119 * time.Minute: "119 minutes ago", 2 * time.Hour: "2 hours ago", 47 * time.Hour: "47 hours ago", 72 * time.Hour: "3 days ago", -3 * time.Hour: "in 3 hours",
	} {
		require.Equal(t, want, ago(now, now.Add(-d)))
	}
	require.Empty(t, ago(now, (*time.Time)(nil)))
	require.Equal(t, "–", string(when(time.Time{})))
	require.Equal(t, `<time datetime="2026-11-23T12:00:00Z">2026-11-23 12:00:00Z</time>`, string(when(&now)))
}
