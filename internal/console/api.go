package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of a request, in bytes.
const (
	maxBody   = 16 << 10
	maxReason = 1000
	maxKey    = 150
)

// reply writes v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		replyError(w, fault.Wrap(err, fault.Internal, "encode the answer"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// replyError answers as the prediction server does: {"error", "kind", "details"}.
func replyError(w http.ResponseWriter, err error) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.Wrap(err, fault.Internal, "the request could not be answered")
	}
	status := fault.Status(f.Kind)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="esteira"`)
	}
	reply(w, status, struct {
		Error   string     `json:"error"`
		Kind    fault.Kind `json:"kind"`
		Details any        `json:"details,omitempty"`
	}{f.Error(), f.Kind, f.Details})
}

// api answers a question in JSON.
func (c *Console) api(answer func(context.Context, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		v, err := answer(req.Context(), req)
		if err != nil {
			replyError(w, err)
			return
		}
		reply(w, http.StatusOK, v)
	}
}

// mayPipeline lets in who may do one of scopes everywhere, or on the endpoint that the
// applied pipeline deploys to.
func (c *Console) mayPipeline(ctx context.Context, secret, pipeline string, scopes []string) (string, error) {
	name, err := c.may(secret, everything, scopes)
	if fault.KindOf(err) != fault.PermissionDenied {
		return name, err
	}
	if _, any := c.may(secret, "", scopes); any != nil {
		return name, err
	}
	r, unknown := c.Flows.Retraining(ctx, pipeline)
	if unknown != nil {
		if fault.KindOf(unknown) == fault.NotFound {
			return name, err
		}
		return name, unknown
	}
	return c.may(secret, r.Endpoint, scopes)
}

// listed is a page of the runs of a pipeline.
type listed struct {
	Runs []metadata.Run `json:"runs"`
	Next string         `json:"next,omitempty"` // where the older ones are
}

func (c *Console) listRuns(ctx context.Context, req *http.Request) (any, error) {
	name := req.PathValue("name")
	secret, _ := c.secretOf(req)
	if _, err := c.mayPipeline(ctx, secret, name, reads); err != nil {
		return nil, err
	}
	query, limit := req.URL.Query(), 20
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			return nil, fault.New(fault.RequestInvalid, "limit is %.40q", text).WithRemedy("give 1 to 100")
		}
		limit = n
	}
	before, err := momentIn(query, "before")
	if err != nil {
		return nil, err
	}
	if known, err := c.DB.HasPipeline(ctx, name); err != nil || !known {
		return nil, orUnknown(err, name)
	}
	runs, err := c.DB.Runs(ctx, metadata.RunFilter{Pipeline: name, State: metadata.RunState(query.Get("state")), Before: before}, limit)
	if err != nil {
		return nil, err
	}
	out := listed{Runs: runs}
	if out.Runs == nil {
		out.Runs = []metadata.Run{}
	}
	if len(runs) == limit {
		query.Set("before", runs[limit-1].Started.Format(time.RFC3339Nano))
		out.Next = req.URL.EscapedPath() + "?" + query.Encode()
	}
	return out, nil
}

// orUnknown is err, or that there is no such pipeline.
func orUnknown(err error, pipeline string) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "there is no pipeline %.80q", pipeline).WithRemedy("run it, or apply it: esteira apply FILE")
}

// momentIn is a moment in a query; zero: none is.
func momentIn(query url.Values, name string) (time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return at, fault.New(fault.RequestInvalid, "%s is %.40q", name, text).WithRemedy("write a moment as 2026-11-23T12:00:00Z")
	}
	return at, nil
}

// runShown is a run with all that is known of it, and where it can be looked at.
type runShown struct {
	metadata.RunFacts
	UI   string `json:"ui"`
	Page string `json:"page"`
}

func (c *Console) runJSON(ctx context.Context, req *http.Request) (any, error) {
	secret, _ := c.secretOf(req)
	id := req.PathValue("id")
	if _, err := c.may(secret, "", reads); err != nil {
		return nil, err
	}
	facts, err := c.DB.RunFacts(ctx, clean(id))
	if err != nil {
		return nil, err
	}
	if _, err := c.mayPipeline(ctx, secret, facts.Run.Pipeline, reads); err != nil {
		return nil, err
	}
	return runShown{facts, c.UI(id, facts.Run.TemporalRunID), link("runs", id)}, nil
}

// clean is a text that Postgres takes.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// asked is the body of a request for a run.
type asked struct {
	Reason string `json:"reason"`
}

// askedAnswer is what became of it.
type askedAnswer struct {
	Pipeline string `json:"pipeline"`
	Key      string `json:"key"`
	Outcome
	UI   string `json:"ui,omitempty"`   // the run in Temporal's web interface
	Page string `json:"page,omitempty"` // and here
}

// askForRun hands a trigger to the pipeline's retraining and tells what became of it.
// It hears tokens in the header alone: what a browser holds starts nothing.
func (c *Console) askForRun(w http.ResponseWriter, req *http.Request) {
	answer, repeated, err := c.trigger(w, req)
	if err != nil {
		replyError(w, err)
		return
	}
	if repeated {
		w.Header().Set("Esteira-Idempotency", "repeated")
	}
	var a askedAnswer
	if json.Unmarshal(answer, &a) == nil && a.Run != "" {
		w.Header().Set("Location", strings.TrimPrefix(link("runs", a.Run), "/ui"))
	}
	reply(w, http.StatusAccepted, answer)
}

func (c *Console) trigger(w http.ResponseWriter, req *http.Request) (answer json.RawMessage, repeated bool, err error) {
	pipeline := clean(req.PathValue("name"))
	var name string
	secret := ""
	if header := req.Header.Get("Authorization"); header != "" {
		secret, _ = c.secretOf(req)
	}
	if name, err = c.mayPipeline(req.Context(), secret, pipeline, starts); err != nil {
		return nil, false, err
	}
	body, a, err := readAsked(w, req)
	if err != nil {
		return nil, false, err
	}
	key := req.Header.Get("Idempotency-Key")
	given := key != ""
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	if !given {
		key = rand.Text()
	}
	hash := sha256.Sum256(body)
	r := metadata.RunRequest{Pipeline: pipeline, Key: key, RequestHash: hash[:], Token: name}
	if given {
		if answer, err = c.DB.BeginRunRequest(req.Context(), r); err != nil || answer != nil {
			return answer, answer != nil, err
		}
	}
	outcome, err := c.Flows.Trigger(req.Context(), pipeline, Trigger{Key: "http/" + key, Reason: reasonOf(a.Reason, name)})
	if err != nil {
		if given && !fault.Retryable(fault.KindOf(err)) { // nothing came of it
			err = errors.Join(err, c.DB.ForgetRunRequest(req.Context(), r))
		}
		return nil, false, err
	}
	said := askedAnswer{Pipeline: pipeline, Key: key, Outcome: outcome}
	if outcome.Run != "" {
		said.UI, said.Page = c.UI(outcome.Run, ""), link("runs", outcome.Run)
	}
	if answer, err = json.Marshal(said); err != nil {
		return nil, false, fault.Wrap(err, fault.Internal, "encode the answer")
	}
	if given {
		// The trigger is heard whatever becomes of this; asked again, it is the same.
		if err := c.DB.AnswerRunRequest(context.WithoutCancel(req.Context()), r, answer); err != nil {
			c.Log.Warn().Err(err).Str("pipeline", pipeline).Msg("the answer to a request for a run is not kept")
		}
	}
	return answer, false, nil
}

// reasonOf is why a run was asked for, with the name of the token that asked.
func reasonOf(reason, token string) string {
	by := "asked for over HTTP"
	if token != "" {
		by += " with token " + token
	}
	if reason == "" {
		return by
	}
	return reason + " (" + by + ")"
}

// checkKey lets pass no key, and one that is visible ASCII.
func checkKey(key string) error {
	for _, r := range key {
		if r < ' ' || r > '~' {
			return fault.New(fault.RequestInvalid, "the Idempotency-Key has a character that is not visible ASCII").WithRemedy("send letters, digits and signs")
		}
	}
	if len(key) > maxKey {
		return fault.New(fault.RequestInvalid, "the Idempotency-Key has %d bytes, more than %d", len(key), maxKey).WithRemedy("send a shorter one, or its digest")
	}
	return nil
}

// readAsked reads the body, which may be empty.
func readAsked(w http.ResponseWriter, req *http.Request) (body []byte, a asked, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, a, fault.New(fault.ResourceExhausted, "the body is larger than %d bytes, the bound of one request", maxBody).WithRemedy("give a shorter reason")
	case err != nil:
		return nil, a, fault.Wrap(err, fault.RequestInvalid, "read the body")
	}
	if kind := req.Header.Get("Content-Type"); len(body) > 0 || kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return nil, a, fault.New(fault.RequestInvalid, "the body is %.60q", kind).WithRemedy("send JSON, with Content-Type: application/json")
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return body, a, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return nil, a, fault.Wrap(err, fault.RequestInvalid, "the body is no request for a run").WithRemedy(`send {"reason": "…"}, or nothing; what a run does is in the applied pipeline file`)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, a, fault.New(fault.RequestInvalid, "the body goes on after its object").WithRemedy("send one JSON object")
	}
	if len(a.Reason) > maxReason || !utf8.ValidString(a.Reason) || strings.ContainsRune(a.Reason, 0) {
		return nil, a, fault.New(fault.RequestInvalid, "reason is longer than %d bytes, or no text", maxReason).WithRemedy("say it shorter")
	}
	return body, a, nil
}

// link is a page of the console: a kind and its names, which may hold slashes.
func link(kind string, names ...string) string {
	out := "/ui/" + kind
	for _, name := range names {
		for part := range strings.SplitSeq(name, "/") {
			out += "/" + url.PathEscape(part)
		}
	}
	return out
}

// figure writes a number of rows or the like.
func figure(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
