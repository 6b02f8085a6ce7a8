package serving

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/token"
)

// Asked is what became of asking for a run.
type Asked struct {
	Outcome string `json:"outcome"` // started, remembered, dropped, repeated
	Run     string `json:"run,omitempty"`
	Why     string `json:"why"`
}

// Retrain asks the retraining of a pipeline for a run. The same key is the same run.
type Retrain func(ctx context.Context, pipeline, key, reason string) (Asked, error)

// maxReason bounds why a run is asked for, in bytes.
const maxReason = 500

// runs asks for a run of a pipeline, for schedulers that speak HTTP: the header
// Idempotency-Key says which run, so that asking twice is asking once.
func (s *Server) runs(w http.ResponseWriter, req *http.Request) {
	s.inflight.Add(1)
	defer s.inflight.Add(-1)
	if _, err := s.admit(req.Header.Get("Authorization"), token.Deploy, ""); err != nil {
		replyRefusal(w, err)
		return
	}
	asked, err := s.askForRun(w, req)
	if err != nil {
		status, _, _ := errorAnswer(nil, err)
		replyError(w, status, err)
		return
	}
	status := http.StatusAccepted
	if asked.Outcome == "repeated" {
		status = http.StatusOK
	}
	reply(w, status, asked)
}

func (s *Server) askForRun(w http.ResponseWriter, req *http.Request) (Asked, error) {
	if s.opts.Retrain == nil {
		return Asked{}, fault.New(fault.NotFound, "this server starts no runs").WithRemedy("ask another server, or esteira retrain start")
	}
	key := req.Header.Get(headerIdempotency)
	if key == "" || key != cleaned(key, maxID) {
		return Asked{}, fault.New(fault.RequestInvalid, "the header %s, which says which run is meant, is missing or cannot be used", headerIdempotency).
			WithRemedy("send the moment the run is for, or the id of the job that asks, in at most %d bytes", maxID)
	}
	var body struct {
		Reason string `json:"reason"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, req.Body, 4<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil && req.ContentLength != 0 {
		return Asked{}, fault.New(fault.RequestInvalid, "the body is not a JSON object with a reason").WithRemedy(`send {"reason": "why"}, or nothing`)
	}
	reason := cleaned(body.Reason, maxReason)
	if strings.TrimSpace(reason) == "" {
		reason = "asked for over HTTP"
	}
	ctx, cancel := context.WithTimeout(req.Context(), s.opts.Limits.WriteTimeout/2)
	defer cancel()
	return s.opts.Retrain(ctx, req.PathValue("pipeline"), key, reason)
}
