package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

// How long a browser stays signed in, and how many are.
const (
	sessionTime = 12 * time.Hour
	maxSessions = 1000
)

// sessionKey is the SHA-256 of what a browser holds.
type sessionKey [sha256.Size]byte

type session struct {
	secret string // the token
	until  time.Time
}

// sessions are the browsers that are signed in. They end with the process.
type sessions struct {
	mu   sync.Mutex
	open map[sessionKey]session
}

// begin opens a session and returns what the browser is to hold. Of too many the one
// that would end first makes room.
func (s *sessions) begin(secret string, now time.Time) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // which never fails
	name := base64.RawURLEncoding.EncodeToString(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		var first sessionKey
		least := now.Add(2 * sessionTime)
		for key, open := range s.open {
			if open.until.Before(least) {
				first, least = key, open.until
			}
		}
		delete(s.open, first)
	}
	s.open[sha256.Sum256([]byte(name))] = session{secret, now.Add(sessionTime)}
	return name
}

// secret is the token of a session; empty: there is none, or it is over.
func (s *sessions) secret(name string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sessionKey(sha256.Sum256([]byte(name)))
	open, ok := s.open[key]
	if ok && now.Before(open.until) {
		return open.secret
	}
	delete(s.open, key)
	return ""
}

func (s *sessions) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(name)))
}

// cookieName has the prefix that binds a cookie to this host where TLS allows it.
func cookieName(req *http.Request) string {
	if req.TLS != nil {
		return "__Host-esteira-console"
	}
	return "esteira-console"
}

// cookie is what a browser holds of a session; empty ends it.
func cookie(req *http.Request, name string) *http.Cookie {
	c := &http.Cookie{Name: cookieName(req), Value: name, Path: "/", HttpOnly: true, Secure: req.TLS != nil, SameSite: http.SameSiteStrictMode, MaxAge: int(sessionTime / time.Second)}
	if name == "" {
		c.MaxAge = -1
	}
	return c
}
