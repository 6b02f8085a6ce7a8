package serving

import (
	"context"
	"net/http"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/jsontext"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/token"
)

// Labels keeps what became known to be true; *metadata.DB does.
type Labels interface {
	AddLabels(ctx context.Context, in metadata.AddLabels) ([]metadata.LabelOutcome, error)
}

// labelOutcome is what a client is told of one label.
type labelOutcome struct {
	Outcome     metadata.LabelState `json:"outcome"`
	Unknown     bool                `json:"unknown,omitempty"`      // no such answer yet; it is joined when there is one
	Ambiguous   bool                `json:"ambiguous,omitempty"`    // the request had several rows
	UnseenClass bool                `json:"unseen_class,omitempty"` // the live model does not know the class
}

// labels keeps the labels of a body, all or none. Unlike answers they do not go
// through the spool: who sends the truth can send it again, and does once the
// answer is 503.
func (s *Server) labels(w http.ResponseWriter, req *http.Request) {
	s.inflight.Add(1)
	defer s.inflight.Add(-1)
	x := &exchange{}
	if _, err := s.admit(req.Header.Get("Authorization"), token.Label, req.PathValue("endpoint")); err != nil {
		replyRefusal(w, err)
		return
	}
	release, err := s.read(req.Context(), w, req, x)
	defer release()
	var answer any
	if err == nil {
		answer, err = s.keepLabels(req.Context(), req.PathValue("endpoint"), x.body)
	}
	if err != nil {
		status, _, _ := errorAnswer(nil, err)
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		replyError(w, status, err)
		return
	}
	reply(w, http.StatusOK, answer)
}

func (s *Server) keepLabels(ctx context.Context, endpoint string, body []byte) (any, error) {
	given, err := decodeLabels(body, s.opts.Limits.LabelRows)
	if err != nil {
		return nil, err
	}
	var target label.Target
	if live, err := s.opts.Table.find(endpoint); err == nil {
		target = label.Target{Known: true, Classes: live.live.classes}
	}
	in := metadata.AddLabels{Endpoint: endpoint, Source: "http", Labels: make([]metadata.Label, len(given))}
	told := make([]labelOutcome, len(given))
	for i, row := range given {
		if in.Labels[i], told[i].UnseenClass, err = target.Read(i, row, time.Now()); err != nil {
			return nil, err
		}
	}
	if s.opts.Labels == nil {
		return nil, fault.New(fault.DatabaseUnavailable, "this server has no database to keep labels in").WithRemedy("ask another server")
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Limits.WriteTimeout)
	defer cancel()
	db, err := s.opts.Labels(ctx)
	if err != nil {
		return nil, err
	}
	outcomes, err := db.AddLabels(ctx, in)
	if err != nil {
		return nil, err
	}
	var counts label.Counts
	for i, o := range outcomes {
		told[i].Outcome, told[i].Unknown, told[i].Ambiguous = o.State, o.Unknown, o.Ambiguous
		counts.Add(o, told[i].UnseenClass)
	}
	return map[string]any{"endpoint": endpoint, "labels": told, "counts": counts}, nil
}

// decodeLabels reads one label, {"prediction_id" or "request_id": "…", "label":
// value, "observed_at": "…"}, an array of them, or {"labels": […]}.
func decodeLabels(body []byte, most int) (list []label.Row, err error) {
	r, c := &rows{}, &jsontext.Cursor{B: body}
	many := func() error {
		return r.array(c, "an array of labels", func(n int) error {
			if n >= most {
				return fault.New(fault.ResourceExhausted, "the request has more than %d labels, the bound of one request", most).
					WithRemedy("split it, or use esteira labels add")
			}
			if c.Peek() != '{' {
				return c.Unexpected(`a label, {"prediction_id": "…", "label": …}`)
			}
			row, err := labelRow(r, c, n, nil)
			list = append(list, row)
			return err
		})
	}
	if c.Peek() == '[' {
		err = many()
	} else {
		one, wrapped := label.Row{}, false
		one, err = labelRow(r, c, 0, func() error { wrapped = true; return many() })
		if !wrapped {
			list = []label.Row{one}
		} else if err == nil && one != (label.Row{}) {
			err = fault.New(fault.RequestInvalid, `the body has "labels" and a label beside it`).WithRemedy("put all of them into labels")
		}
	}
	if err == nil {
		err = c.End()
	}
	if err == nil && len(list) == 0 {
		err = fault.New(fault.RequestInvalid, "there are no labels").WithRemedy("send at least one")
	}
	return list, err
}

// labelRow reads one object. many, if given, reads the member "labels".
func labelRow(r *rows, c *jsontext.Cursor, n int, many func() error) (row label.Row, err error) {
	err = r.members(c, func(name string) error {
		switch name {
		case "prediction_id":
			return labelText(c, &row.PredictionID)
		case "request_id":
			return labelText(c, &row.RequestID)
		case "observed_at":
			return labelText(c, &row.ObservedAt)
		case "label":
			row.Label, err = labelValue(c)
			return err
		case "labels":
			if many != nil {
				return many()
			}
		}
		return fault.New(fault.RequestInvalid, "labels[%d] has the unknown member %q", n, clip(name)).
			WithRemedy("send prediction_id or request_id, label and, optionally, observed_at").WithDetails(label.Problem{Row: n, Field: clip(name), Reason: "is unknown"})
	})
	return row, err
}

func labelText(c *jsontext.Cursor, into *string) error {
	switch c.Peek() {
	case 'n':
		return c.Literal("null")
	case '"':
		s, err := c.Text()
		*into = string(s)
		return err
	}
	return c.Unexpected("a text, or null")
}

func labelValue(c *jsontext.Cursor) (any, error) {
	switch c.Peek() {
	case 'n':
		return nil, c.Literal("null")
	case 't':
		return true, c.Literal("true")
	case 'f':
		return false, c.Literal("false")
	case '"':
		s, err := c.Text()
		return string(s), err
	}
	return c.Float()
}
