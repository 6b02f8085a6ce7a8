package serving

import (
	"encoding/json"
	"net/http"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
)

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded","kind":"Internal"}`)
	}
	w.Header()["Content-Type"] = contentJSON
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

func replyError(w http.ResponseWriter, status int, err error) {
	_, _, b := errorAnswer(nil, err)
	w.Header()["Content-Type"] = contentJSON
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// notReady says why the server should not be asked now, or nil.
func (s *Server) notReady() error {
	if s.draining.Load() {
		return fault.New(fault.ResourceExhausted, "the server is shutting down").WithRemedy("ask another server")
	}
	if !s.opts.Synced() {
		return fault.New(fault.DatabaseUnavailable, "the server does not know yet what to serve").WithRemedy("check that Postgres runs and is migrated: esteira doctor")
	}
	return s.opts.Audit.Err()
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.notReady(); err != nil {
		replyError(w, http.StatusServiceUnavailable, err)
		return
	}
	reply(w, http.StatusOK, map[string]bool{"ready": true})
}

// find returns what is live on the path's endpoint, and answers if nothing is.
func (s *Server) find(w http.ResponseWriter, req *http.Request) *served {
	var live *served
	deployed, err := s.opts.Table.find(req.PathValue("endpoint"))
	if err == nil {
		live = deployed.live
		if v := req.PathValue("version"); v != "" && v != live.version {
			err = fault.New(fault.NotFound, "version %q is not live on endpoint %s, version %s is", clip(v), live.endpoint, live.version).
				WithRemedy("leave the version out of the path")
		}
	}
	if err != nil {
		replyError(w, http.StatusNotFound, err)
		return nil
	}
	return live
}

func (s *Server) modelReady(w http.ResponseWriter, req *http.Request) {
	live := s.find(w, req)
	if live == nil {
		return
	}
	if err := s.notReady(); err != nil {
		replyError(w, http.StatusServiceUnavailable, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"name": live.endpoint, "ready": true})
}

func (s *Server) serverMetadata(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"name": "esteira", "version": s.opts.Version, "extensions": []string{}})
}

type tensorMetadata struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"` // -1: as many as the request has rows
}

func (s *Server) modelMetadata(w http.ResponseWriter, req *http.Request) {
	live := s.find(w, req)
	if live == nil {
		return
	}
	answer := struct {
		Name     string           `json:"name"`
		Versions []string         `json:"versions"`
		Platform string           `json:"platform"`
		Inputs   []tensorMetadata `json:"inputs"`
		Outputs  []tensorMetadata `json:"outputs"`
	}{Name: live.endpoint, Versions: []string{live.version}, Platform: "esteira_bundle_v1"}
	for _, in := range live.model.Signature.Inputs {
		answer.Inputs = append(answer.Inputs, tensorMetadata{in.Name, datatypeOf(in.Kind), []int{-1}})
	}
	for _, o := range live.model.Signature.Outputs {
		shape := []int{-1}
		if o.Name == "probabilities" {
			shape = append(shape, len(live.classes))
		}
		answer.Outputs = append(answer.Outputs, tensorMetadata{o.Name, datatypeOf(o.Kind), shape})
	}
	reply(w, http.StatusOK, answer)
}

// Health is the whole truth about a server, for people and for esteira doctor.
type Health struct {
	Ready     bool             `json:"ready"`
	Reason    string           `json:"reason,omitempty"`
	InFlight  int64            `json:"in_flight"`
	Audit     audit.Health     `json:"audit"`
	Shadows   MirrorStats      `json:"shadows"`
	Endpoints []EndpointStatus `json:"endpoints"`
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	h := Health{Ready: true, InFlight: s.inflight.Load(), Audit: s.opts.Audit.Health(), Shadows: s.Mirrored(), Endpoints: s.opts.Table.Status()}
	if err := s.notReady(); err != nil {
		h.Ready, h.Reason = false, err.Error()
	}
	reply(w, http.StatusOK, h)
}

func (s *Server) endpoints(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"endpoints": s.opts.Table.Status()})
}

// endpoint shows what an endpoint serves and what a request to it looks like.
func (s *Server) endpoint(w http.ResponseWriter, req *http.Request) {
	live := s.find(w, req)
	if live == nil {
		return
	}
	example := map[string]any{}
	for _, in := range live.model.Signature.Inputs {
		example[in.Name] = in.Example
	}
	reply(w, http.StatusOK, map[string]any{
		"endpoint": live.endpoint, "revision": live.revision,
		"model_name": live.name, "model_version": live.number,
		"signature": live.model.Signature, "example": map[string]any{"records": []any{example}},
	})
}
