package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of a request for a run, in bytes.
const (
	maxBody   = 16 << 10
	maxReason = 1000
	maxKey    = 150
)

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
	pipeline := metadata.Clean(req.PathValue("name"))
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
