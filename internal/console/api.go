package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
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
	facts, err := c.DB.RunFacts(ctx, metadata.Clean(id))
	if err != nil {
		return nil, err
	}
	if _, err := c.mayPipeline(ctx, secret, facts.Run.Pipeline, reads); err != nil {
		return nil, err
	}
	return runShown{facts, c.UI(id, facts.Run.TemporalRunID), link("runs", id)}, nil
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
