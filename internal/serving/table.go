package serving

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// deployment is a revision in memory: the model versions that answer, and for
// which share of the requests.
type deployment struct {
	revision metadata.Revision
	live     *served
	canary   *served // nil: none
	shadow   *served // nil: none
}

// served is one model version of a revision. It is immutable but for its pool.
type served struct {
	endpoint string
	revision int64
	role     metadata.Role
	name     string // of the model
	number   int    // of the version
	version  string // the same, as the protocol writes it
	digest   string // of its bundle
	share    float64
	model    *Model
	classes  []string
	pool     sync.Pool // of *rows
}

func newServed(r *metadata.Revision, role metadata.Role, v metadata.Variant, m *Model) (*served, error) {
	if err := checkModel(m); err != nil {
		return nil, err
	}
	s := &served{
		endpoint: r.Endpoint, revision: r.Revision, role: role, name: v.ModelName, number: v.ModelVersion, version: strconv.Itoa(v.ModelVersion),
		digest: v.Bundle.Digest, share: v.Share, model: m, classes: classes(&m.Signature),
	}
	s.pool.New = func() any { return newRows(&s.model.Signature) }
	return s, nil
}

// choose returns what answers a request: the canary for its share of the keys, and
// always for the same ones, else the live version. A request without a key is one
// of its own.
func (d *deployment) choose(key string) *served {
	if d.canary == nil {
		return d.live
	}
	if key == "" {
		key = newID().String()
	}
	if fraction(d.revision.Endpoint, key) < d.canary.share {
		return d.canary
	}
	return d.live
}

// version returns what of the revision answers requests for a version by name: the
// live one, or the canary.
func (d *deployment) version(v string) (*served, error) {
	for _, s := range []*served{d.live, d.canary} {
		if s != nil && s.version == v {
			return s, nil
		}
	}
	return nil, fault.New(fault.NotFound, "version %q is not live on endpoint %s, version %s is", clip(v), d.revision.Endpoint, d.live.version).
		WithRemedy("leave the version out, or deploy that version")
}

// versions lists those, the live one first.
func (d *deployment) versions() []string {
	out := []string{d.live.version}
	if d.canary != nil && d.canary.version != d.live.version {
		out = append(out, d.canary.version)
	}
	return out
}

// loaded returns the model of a bundle that this deployment holds, or nil.
func (d *deployment) loaded(digest string) *Model {
	for _, s := range []*served{d.live, d.canary, d.shadow} {
		if s != nil && s.digest == digest {
			return s.model
		}
	}
	return nil
}

// fraction spreads the keys of an endpoint evenly over [0, 1): the same key is at
// the same place on every server and in every revision, so that a share that grows
// keeps those it had.
func fraction(endpoint, key string) float64 {
	h := sha256.New()
	h.Write([]byte(endpoint))
	h.Write([]byte{0})
	h.Write([]byte(key))
	var sum [sha256.Size]byte
	return float64(binary.BigEndian.Uint64(h.Sum(sum[:0]))>>11) / (1 << 53)
}

// warmUp answers the golden rows by the way of every request, decoding included,
// and compares.
func (s *served) warmUp() error {
	for i, g := range s.model.Golden {
		r := s.pool.Get().(*rows)
		r.reset(asked{})
		body := slices.Concat([]byte(`{"records":[`), g.Record, []byte(`]}`))
		if err := r.decodeRecords(&exchange{body: body}, 1); err != nil {
			return fault.Wrap(err, fault.BundleInvalid, "golden row %d is not a request", i)
		}
		if err := s.predict(r); err != nil {
			return fault.Wrap(err, fault.BundleInvalid, "golden row %d cannot be answered", i)
		}
		for k, x := range r.out {
			if k >= len(g.Answers) || !bundle.Close(g.Answers[k], x, goldenTolerance) {
				return fault.New(fault.BundleInvalid, "golden row %d: output %d is %v, the bundle says %v", i, k, x, g.Answers).
					WithRemedy("package the model again with this build")
			}
		}
		s.pool.Put(r)
	}
	return nil
}

// goldenTolerance is bundle's: what another processor may round otherwise.
const goldenTolerance = 1e-9

// predict fills r.out.
func (s *served) predict(r *rows) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "the model of endpoint %s failed: %v", s.endpoint, p)
		}
	}()
	n := r.frame.Rows * s.model.Predictor.Outputs()
	r.out = slices.Grow(r.out[:0], n)[:n]
	if err := s.model.Predictor.Predict(&r.frame, r.out); err != nil || !r.ask.explain {
		return err
	}
	return s.explain(r)
}

// explain fills r.explained.
func (s *served) explain(r *rows) error {
	explainer, ok := s.model.Predictor.(Explainer)
	if !ok {
		return fault.New(fault.RequestInvalid, "the model of endpoint %s does not explain its answers", s.endpoint).WithRemedy("ask without explain")
	}
	n := r.frame.Rows * s.model.Predictor.Outputs() * (len(r.sig.Inputs) + 1)
	r.explained = slices.Grow(r.explained[:0], n)[:n]
	return explainer.Explain(&r.frame, r.explained)
}

// Table is what the server answers with now. It is safe for concurrent use.
type Table struct {
	mu    sync.Mutex // of writers
	slots atomic.Pointer[map[string]*slot]

	policies atomic.Pointer[policies]
}

// slot is one endpoint.
type slot struct {
	live    atomic.Pointer[deployment]
	failure atomic.Pointer[string] // why the wanted revision is not the live one
	wanted  atomic.Int64
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{}
	t.slots.Store(&map[string]*slot{})
	return t
}

func (t *Table) slot(name string) *slot {
	if s := (*t.slots.Load())[name]; s != nil {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.slots.Load()
	if s := old[name]; s != nil {
		return s
	}
	next := maps.Clone(old)
	next[name] = &slot{}
	t.slots.Store(&next)
	return next[name]
}

// find returns what answers for an endpoint now.
func (t *Table) find(name string) (*deployment, error) {
	if s := (*t.slots.Load())[name]; s != nil {
		if live := s.live.Load(); live != nil {
			return live, nil
		}
		if why := s.failure.Load(); why != nil {
			return nil, fault.New(fault.EndpointNotFound, "nothing is live on endpoint %q: %s", name, *why).
				WithRemedy("deploy a model version that loads")
		}
	}
	if name == "" {
		return nil, fault.New(fault.EndpointNotFound, "the request does not say which endpoint it asks, and not exactly one is live").
			WithRemedy("name it in the header %s, or ask /v1/endpoints/{endpoint}/invocations", headerEndpoint)
	}
	remedy := "deploy to it first; there are no endpoints yet"
	if names := t.Names(); len(names) > 0 {
		remedy = "ask one of: " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return nil, fault.New(fault.EndpointNotFound, "there is no endpoint %q", clip(name)).WithRemedy("%s", remedy)
}

// Names lists the endpoints that answer, sorted.
func (t *Table) Names() []string {
	var names []string
	for name, s := range *t.slots.Load() {
		if s.live.Load() != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// swap makes d answer for its endpoint, unless something newer already does.
func (t *Table) swap(d *deployment) bool {
	slot := t.slot(d.revision.Endpoint)
	for {
		old := slot.live.Load()
		if old != nil && old.revision.Revision >= d.revision.Revision {
			return false
		}
		if slot.live.CompareAndSwap(old, d) {
			slot.failure.Store(nil)
			return true
		}
	}
}

// withdraw makes the endpoint answer nothing from a revision on, and reports
// whether something older did.
func (t *Table) withdraw(endpoint string, revision int64) bool {
	s := (*t.slots.Load())[endpoint]
	if s == nil {
		return false
	}
	s.wanted.Store(revision)
	live := s.live.Load()
	return live != nil && live.revision.Revision < revision && s.live.CompareAndSwap(live, nil)
}

// EndpointStatus describes one endpoint of a server.
type EndpointStatus struct {
	Endpoint     string `json:"endpoint"`
	Revision     int64  `json:"revision"` // 0: nothing live
	Wanted       int64  `json:"wanted"`   // what the metadata store says; 0: not asked yet
	ModelName    string `json:"model_name,omitempty"`
	ModelVersion int    `json:"model_version,omitempty"`
	Failure      string `json:"failure,omitempty"` // why wanted is not live

	Canary *metadata.Variant `json:"canary,omitempty"`
	Shadow *metadata.Variant `json:"shadow,omitempty"`
}

// Status lists the endpoints, sorted by name.
func (t *Table) Status() []EndpointStatus {
	slots := *t.slots.Load()
	out := make([]EndpointStatus, 0, len(slots))
	for _, name := range slices.Sorted(maps.Keys(slots)) {
		s := EndpointStatus{Endpoint: name, Wanted: slots[name].wanted.Load()}
		if live := slots[name].live.Load(); live != nil {
			s.Revision, s.ModelName, s.ModelVersion = live.revision.Revision, live.revision.ModelName, live.revision.ModelVersion
			s.Canary, s.Shadow = live.revision.Canary, live.revision.Shadow
		}
		if why := slots[name].failure.Load(); why != nil {
			s.Failure = *why
		}
		out = append(out, s)
	}
	return out
}
