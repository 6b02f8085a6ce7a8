package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/token"
)

// What opens the pages, what shows what people sent, what starts runs: one of the
// scopes is enough.
var (
	reads  = []string{token.Audit, token.Deploy}
	audits = []string{token.Audit}
	starts = []string{token.Deploy}
)

// everything stands for all endpoints: a token for one is not admitted to it.
const everything = "*"

// visit is one request of somebody who was let in.
type visit struct {
	*http.Request
	name   string // of the token; empty: none is required
	secret string
	begun  bool // by signing in
}

// secretOf is the token of a request: its header's, or that of its session.
func (c *Console) secretOf(req *http.Request) (secret string, session bool) {
	if header := req.Header.Get("Authorization"); header != "" {
		return token.Secret(header), false
	}
	held, err := req.Cookie(cookieName(req))
	if err != nil {
		return "", false
	}
	return c.sessions.secret(held.Value, c.now()), true
}

// may decides whether a token may do one of scopes on the endpoint.
func (c *Console) may(secret, endpoint string, scopes []string) (name string, err error) {
	if c.Admit == nil {
		return "", nil
	}
	for _, scope := range scopes {
		if name, err = c.Admit(secret, scope, endpoint); err == nil || fault.KindOf(err) == fault.Unauthenticated {
			break
		}
	}
	if err != nil && len(scopes) > 1 && fault.KindOf(err) == fault.PermissionDenied {
		err = fault.New(fault.PermissionDenied, "the token %s has none of the scopes %s here", name, strings.Join(scopes, ", ")).WithRemedy("use one that has it; a token for one endpoint opens that endpoint's page alone")
	}
	return name, err
}

// visitor lets a request in, or says why not.
func (c *Console) visitor(req *http.Request, endpoint string, scopes []string) (*visit, error) {
	secret, session := c.secretOf(req)
	name, err := c.may(secret, endpoint, scopes)
	return &visit{req, name, secret, session && secret != ""}, err
}

// page draws a page for who may see it; others are asked to sign in.
func (c *Console) page(scopes []string, draw func(context.Context, *visit) (*view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		endpoint := req.PathValue("endpoint")
		if endpoint == "" {
			endpoint = everything
		}
		if req.URL.Path == "/ui/trace" && c.Admit != nil {
			endpoint = "" // of which the prediction is, is seen when it is found
		}
		v, err := c.visitor(req, endpoint, scopes)
		if fault.KindOf(err) == fault.Unauthenticated {
			c.askToSignIn(w, req)
			return
		}
		var shown *view
		if err == nil {
			shown, err = draw(req.Context(), v)
		}
		if err != nil {
			c.drawError(w, v, err)
			return
		}
		c.draw(w, v, http.StatusOK, shown)
	}
}

// askToSignIn sends a browser to the form, and tells others how to send a token.
func (c *Console) askToSignIn(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Authorization") != "" {
		replyError(w, fault.New(fault.Unauthenticated, "the token is unknown, has expired or was revoked").WithRemedy("make a new one: esteira tokens create"))
		return
	}
	to := "/ui/sign-in"
	if next := req.URL.RequestURI(); next != "/ui/" {
		to += "?next=" + url.QueryEscape(next)
	}
	if held, err := req.Cookie(cookieName(req)); err == nil {
		c.sessions.end(held.Value)
		http.SetCookie(w, cookie(req, ""))
	}
	http.Redirect(w, req, to, http.StatusSeeOther)
}

// local is a page of ours that a form may lead on to.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/ui/") || strings.ContainsAny(next, "\\\r\n") || strings.HasPrefix(u.Path, "/ui/sign-") {
		return "/ui/"
	}
	return next
}

func (c *Console) signInPage(w http.ResponseWriter, req *http.Request) {
	next := local(req.URL.Query().Get("next"))
	if c.Admit == nil {
		http.Redirect(w, req, next, http.StatusSeeOther)
		return
	}
	c.drawSignIn(w, req, http.StatusOK, next, "")
}

func (c *Console) drawSignIn(w http.ResponseWriter, req *http.Request, status int, next, refused string) {
	c.draw(w, &visit{Request: req}, status, &view{Title: "Sign in", page: "signin", Body: map[string]string{"Next": next, "Refused": refused}})
}

// maxForm bounds the form, in bytes.
const maxForm = 8 << 10

func (c *Console) signIn(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxForm)
	if err := req.ParseForm(); err != nil {
		c.drawSignIn(w, req, http.StatusBadRequest, "/ui/", "The form could not be read. Send it again.")
		return
	}
	next, secret := local(req.PostForm.Get("next")), strings.TrimSpace(req.PostForm.Get("token"))
	if c.Admit == nil {
		http.Redirect(w, req, next, http.StatusSeeOther)
		return
	}
	if _, err := c.may(secret, "", reads); err != nil {
		refused := "The token is unknown, has expired or was revoked."
		if fault.KindOf(err) == fault.PermissionDenied {
			refused = "The token is good, but has neither the scope audit nor deploy."
		}
		if secret == "" {
			refused = "There is no token in the form."
		}
		c.drawSignIn(w, req, fault.Status(fault.KindOf(err)), next, refused)
		return
	}
	if held, err := req.Cookie(cookieName(req)); err == nil {
		c.sessions.end(held.Value)
	}
	http.SetCookie(w, cookie(req, c.sessions.begin(secret, c.now())))
	http.Redirect(w, req, next, http.StatusSeeOther)
}

func (c *Console) signOut(w http.ResponseWriter, req *http.Request) {
	if held, err := req.Cookie(cookieName(req)); err == nil {
		c.sessions.end(held.Value)
	}
	http.SetCookie(w, cookie(req, ""))
	http.Redirect(w, req, "/ui/sign-in", http.StatusSeeOther)
}
