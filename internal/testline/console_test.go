package testline_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/internal/token"
)

// door asks the console for runs.
type door struct {
	*testline.Line
	t    *testing.T
	base string
	name string // of the pipeline
}

// answered is what the console says in JSON.
type answered struct {
	status  int
	header  http.Header
	text    string
	Outcome string
	Run     json.RawMessage
	Why     string
	Error   string
	Kind    fault.Kind
	Runs    []metadata.Run
	Next    string
	Page    string
}

func (a answered) run() (id string) { _ = json.Unmarshal(a.Run, &id); return id }

func (d door) ask(method, path, secret, key, body string) (a answered) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.base+path, strings.NewReader(body))
	require.NoError(d.t, err)
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(d.t, err)
	require.NoError(d.t, json.Unmarshal(text, &a), "%s", text)
	a.status, a.header, a.text = res.StatusCode, res.Header, string(text)
	return a
}

func (d door) trigger(secret, key, body string) answered {
	d.t.Helper()
	return d.ask(http.MethodPost, "/pipelines/"+d.name+"/runs", secret, key, body)
}

// tokenFor makes a token and returns its secret.
func (d door) tokenFor(name, endpoint string, scopes ...string) string {
	d.t.Helper()
	secret, hash := token.New()
	require.NoError(d.t, d.DB.CreateToken(d.t.Context(), metadata.Token{Name: name, Hash: hash, Scopes: scopes, Endpoint: endpoint}))
	return secret
}

// until waits for the console to know of a token what the database says.
func (d door) until(secret string, status int) {
	d.t.Helper()
	d.Await(20*time.Second, fmt.Sprint("the token answers ", status), func() bool {
		return d.ask(http.MethodGet, "/pipelines/"+d.name+"/runs", secret, "", "").status == status
	})
}

// Another scheduler asks over HTTP: once is one run, whoever may not does not, and the
// bounds of retraining hold.
func TestARunIsAskedForOverHTTP(t *testing.T) {
	l := testline.New(t)
	l.StartWorker()
	d := door{Line: l, t: t, name: testenv.Name(t)}
	deployer, reader, own, other := d.tokenFor("cron", "", token.Deploy), d.tokenFor("auditor", "", token.Audit), d.tokenFor("own", d.name, token.Deploy), d.tokenFor("other", "elsewhere", token.Deploy)
	d.base = l.StartConsole("ESTEIRA_AUTH=required")

	body := `{"reason": "the first of the month"}`
	require.Equal(t, fault.NotFound, d.trigger(deployer, "a", body).Kind, "it is not applied")
	dir := t.TempDir()
	l.File(dir, "goods.csv", goods(nil))
	file := l.File(dir, "a.yaml", "name: "+d.name+regression+"retrain: {cooldown: 24h}\n")
	var applied any
	l.JSON(testline.ExitDone, &applied, "apply", file)

	for secret, want := range map[string]int{"": 401, "est_guessed": 401, reader: 403, other: 403} {
		a := d.trigger(secret, "a", body)
		require.Equal(t, want, a.status, a.text)
		require.NotEmpty(t, a.Error)
	}
	for body, status := range map[string]int{
		`{"reason": 1}`: 400, `{"parameters": {}}`: 400, `[]`: 400, `{} {}`: 400, `{"reason": "` + strings.Repeat("x", 1001) + `"}`: 400, `{"reason": "` + strings.Repeat("x", 20<<10) + `"}`: 413,
	} {
		a := d.trigger(deployer, "", body)
		require.Equal(t, status, a.status, a.text)
	}
	require.Equal(t, fault.RequestInvalid, d.trigger(deployer, strings.Repeat("k", 151), "").Kind)

	first := d.trigger(deployer, "a", `{"reason": "the first of the month", "reason": "again"}`)
	require.Equal(t, 202, first.status, first.text)
	require.Equal(t, "started", first.Outcome, "the key was refused before, and is free")
	require.Equal(t, "/runs/"+first.run(), first.header.Get("Location"))
	again := d.trigger(deployer, "a", `{"reason": "the first of the month", "reason": "again"}`)
	require.Equal(t, first.text, again.text, "byte for byte")
	require.Equal(t, "repeated", again.header.Get("Esteira-Idempotency"))
	conflict := d.trigger(deployer, "a", body)
	require.Equal(t, 422, conflict.status)
	require.Equal(t, fault.IdempotencyConflict, conflict.Kind)
	later := d.trigger(own, "b", "")
	require.Equal(t, "remembered", later.Outcome, "a token of the endpoint may; the run goes, or its cool-down: "+later.text)
	require.Equal(t, later.run(), d.trigger(own, "c", "").run(), "a storm is one run")

	var shown answered
	d.Await(2*time.Minute, "the run has its decision", func() bool {
		shown = d.ask(http.MethodGet, first.header.Get("Location"), own, "", "")
		var run metadata.Run
		return shown.status == 200 && json.Unmarshal(shown.Run, &run) == nil && run.State == metadata.RunCompleted && run.Trigger == "http"
	})
	require.Equal(t, "/ui/runs/"+first.run(), shown.Page)
	require.Equal(t, 403, d.ask(http.MethodGet, first.header.Get("Location"), other, "", "").status)
	list := d.ask(http.MethodGet, "/pipelines/"+d.name+"/runs?limit=1", reader, "", "")
	require.Len(t, list.Runs, 1)
	require.Equal(t, first.run(), list.Runs[0].ID)
	require.Empty(t, d.ask(http.MethodGet, list.Next, reader, "", "").Runs)
	require.Equal(t, fault.RequestInvalid, d.ask(http.MethodGet, "/pipelines/"+d.name+"/runs?limit=0", reader, "", "").Kind)
	require.Equal(t, fault.NotFound, d.ask(http.MethodGet, "/pipelines/nobody/runs", reader, "", "").Kind)
	require.Equal(t, fault.NotFound, d.ask(http.MethodGet, "/runs/nobody/run/%00'\"", reader, "", "").Kind)

	n := 0
	d.Await(20*time.Second, "the cool-down holds whoever asks over HTTP", func() bool {
		n++
		cooling := d.trigger(deployer, fmt.Sprint("d", n), "")
		require.Equal(t, "remembered", cooling.Outcome)
		return strings.Contains(cooling.Why, "cool-down of 24h0m0s")
	})
	require.NoError(t, l.DB.RevokeToken(t.Context(), "cron"))
	d.until(deployer, 401)
	l.KillWorker()
	unheard := d.trigger(own, "e", "")
	require.Equal(t, fault.TemporalUnavailable, unheard.Kind, unheard.text)
	require.Equal(t, 503, unheard.status)
}

// A browser gets in by the form alone, and no other site asks in its name.
func TestABrowserSignsIn(t *testing.T) {
	l := testline.New(t)
	d := door{Line: l, t: t, name: "goods"}
	reader, seller := d.tokenFor("auditor", "", token.Audit), d.tokenFor("shop", "", token.Predict)
	d.base = l.StartConsole("ESTEIRA_AUTH=required", "TEMPORAL_ADDRESS=127.0.0.1:1")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	get := func(path string) (string, string) {
		res, err := browser.Get(d.base + path)
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.Request.URL.Path, string(text)
	}
	signIn := func(secret, from string) (int, http.Header) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.base+"/ui/sign-in", strings.NewReader(url.Values{"token": {secret}, "next": {"/ui/models"}}.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", from)
		quiet := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := quiet.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode, res.Header
	}
	at, _ := get("/ui/models?x=1")
	require.Equal(t, "/ui/sign-in", at)
	for secret, want := range map[string]int{"": 401, "est_guessed": 401, seller: 403} {
		status, header := signIn(secret, d.base)
		require.Equal(t, want, status)
		require.Empty(t, header.Get("Set-Cookie"))
	}
	status, _ := signIn(reader, "https://evil.example")
	require.Equal(t, 403, status, "another site's form")
	status, header := signIn(reader, d.base)
	require.Equal(t, 303, status)
	require.Equal(t, "/ui/models", header.Get("Location"))
	held := header.Get("Set-Cookie")
	for _, word := range []string{"HttpOnly", "SameSite=Strict", "Max-Age=43200", "Path=/"} {
		require.Contains(t, held, word)
	}
	require.NotContains(t, held, reader)
	at, page := get("/ui/models")
	require.Equal(t, "/ui/models", at)
	require.Contains(t, page, "No model was registered yet")
	at, page = get("/ui/")
	require.Equal(t, "/ui/", at, "without Temporal, too")
	require.Contains(t, page, "What is paused cannot be told now.")
	require.Contains(t, page, "No pipeline has run yet")
	require.Equal(t, 401, func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.base+"/pipelines/goods/runs", nil)
		require.NoError(t, err)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := browser.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}(), "a session starts nothing")
	require.NoError(t, l.DB.RevokeToken(t.Context(), "auditor"))
	d.until(reader, 401)
	at, _ = get("/ui/models")
	require.Equal(t, "/ui/sign-in", at, "a revoked token ends its sessions")
}

// The console speaks TLS with the server's files, binds its cookie to the host, and is
// not open beyond loopback by oversight.
func TestTheConsoleMeetsTheNetwork(t *testing.T) {
	l := testline.New(t)
	d := door{Line: l, t: t}
	secret := d.tokenFor("auditor", "", token.Audit)
	dir := t.TempDir()
	cert, key := l.File(dir, "cert.pem", ""), l.File(dir, "key.pem", "")
	certify(t, cert, key)
	base := strings.Replace(l.StartConsole("ESTEIRA_AUTH=required", "ESTEIRA_TLS_CERT="+cert, "ESTEIRA_TLS_KEY="+key), "http:", "https:", 1)
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // the certificate is its own authority
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.PostForm(base+"/ui/sign-in", url.Values{"token": {secret}})
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, 303, res.StatusCode)
	require.Regexp(t, `^__Host-esteira-console=.*; HttpOnly; Secure; SameSite=Strict$`, res.Header.Get("Set-Cookie"))

	_, errs, code := l.CLI("console", "--listen", "0.0.0.0:0")
	require.Equal(t, testline.ExitUsage, code)
	require.Contains(t, errs, "the console would listen beyond loopback")
}

// certify writes a certificate of 127.0.0.1 and its key.
func certify(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
}
