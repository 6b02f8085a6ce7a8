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

// find returns what answers on the path's endpoint, and answers if nothing does.
func (s *Server) find(w http.ResponseWriter, req *http.Request) *served {
	served, _, err := s.look(req.PathValue("endpoint"), req.PathValue("version"))
	if err != nil {
		replyError(w, http.StatusNotFound, err)
		return nil
	}
	return served
}

// look returns what answers for a version of an endpoint, the live one by default,
// and the versions that do.
func (s *Server) look(endpoint, version string) (*served, []string, error) {
	deployed, err := s.opts.Table.find(endpoint)
	if err != nil {
		return nil, nil, err
	}
	found := deployed.live
	if version != "" {
		if found, err = deployed.version(version); err != nil {
			return nil, nil, err
		}
	}
	return found, deployed.versions(), nil
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
	reply(w, http.StatusOK, map[string]any{"name": "esteira", "version": s.opts.Version, "extensions": extensions})
}

// extensions of the protocol that are spoken.
var extensions = []string{"binary_tensor_data"}

// platform is what the protocol calls the kind of a model.
const platform = "esteira_bundle_v1"

type tensorMetadata struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"` // -1: as many as the request has rows
}

func (s *Server) modelMetadata(w http.ResponseWriter, req *http.Request) {
	served, versions, err := s.look(req.PathValue("endpoint"), req.PathValue("version"))
	if err != nil {
		replyError(w, http.StatusNotFound, err)
		return
	}
	inputs, outputs := served.tensors()
	reply(w, http.StatusOK, struct {
		Name     string           `json:"name"`
		Versions []string         `json:"versions"`
		Platform string           `json:"platform"`
		Inputs   []tensorMetadata `json:"inputs"`
		Outputs  []tensorMetadata `json:"outputs"`
	}{served.endpoint, versions, platform, inputs, outputs})
}

// tensors describes the inputs and outputs of a model.
func (s *served) tensors() (inputs, outputs []tensorMetadata) {
	for _, in := range s.model.Signature.Inputs {
		inputs = append(inputs, tensorMetadata{in.Name, datatypeOf(in.Kind), []int{-1}})
	}
	for _, o := range s.model.Signature.Outputs {
		shape := []int{-1}
		if o.Name == "probabilities" {
			shape = append(shape, len(s.classes))
		}
		outputs = append(outputs, tensorMetadata{o.Name, datatypeOf(o.Kind), shape})
	}
	return inputs, outputs
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
	reply(w, http.StatusOK, map[string]any{
		"endpoint": live.endpoint, "revision": live.revision,
		"model_name": live.name, "model_version": live.number,
		"signature": live.model.Signature, "example": map[string]any{"records": []any{live.example()}},
	})
}
