package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/tree"
)

// Version is the version of the native form.
const Version = 1

const (
	maxEncoded = 256 << 20
	maxOutputs = 1000
)

// native is the native form: JSON with exactly one kind of model.
type native struct {
	Version  int            `json:"version"`
	Linear   *Linear        `json:"linear,omitempty"`
	Constant *Constant      `json:"constant,omitempty"`
	Trees    *tree.Ensemble `json:"trees,omitempty"`
	Ensemble []member       `json:"ensemble,omitempty"`
	Foreign  *Foreign       `json:"foreign,omitempty"`
}

// member is one model of an ensemble, which is none itself.
type member struct {
	Weight float64 `json:"weight"`
	Model  native  `json:"model"`
}

// Encode returns the canonical native form of a model: the same model has the
// same bytes, and every number reads back the same.
func Encode(m Model) ([]byte, error) {
	n, err := nativeOf(m)
	if err != nil {
		return nil, err
	}
	if err := n.validate(); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode model")
	}
	data, err := json.MarshalIndent(n, "", " ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode model")
	}
	return append(data, '\n'), nil
}

func nativeOf(m Model) (native, error) {
	n := native{Version: Version}
	switch m := m.(type) {
	case *Linear:
		n.Linear = m
	case *Constant:
		n.Constant = m
	case *Boosted:
		n.Trees = m.Trees
	case *Foreign:
		n.Foreign = m
	case *Ensemble:
		for _, one := range m.Members {
			of, err := nativeOf(one.Model)
			if err != nil {
				return n, err
			}
			n.Ensemble = append(n.Ensemble, member{one.Weight, of})
		}
	default:
		return n, fault.New(fault.Internal, "models of kind %q have no native form", m.Kind())
	}
	return n, nil
}

// Decode reads what Encode wrote. It trusts nothing: the model it returns can
// predict on any matrix of its width. Errors are BundleInvalid.
func Decode(data []byte) (Model, error) {
	var n native
	if err := n.decode(data); err != nil {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the model cannot be read")
	}
	return n.model(), nil
}

func (n *native) model() Model {
	switch {
	case n.Linear != nil:
		return n.Linear
	case n.Trees != nil:
		n.Trees.Seal()
		return &Boosted{n.Trees}
	case n.Foreign != nil:
		return n.Foreign
	case n.Ensemble != nil:
		e := &Ensemble{}
		for i := range n.Ensemble {
			e.Members = append(e.Members, Member{n.Ensemble[i].Weight, n.Ensemble[i].Model.model()})
		}
		return e
	}
	return n.Constant
}

// outputs is how many the model of n, which is no ensemble, has. It does not make
// that model: what is encoded may be answering meanwhile.
func (n *native) outputs() int {
	switch {
	case n.Linear != nil:
		return n.Linear.Outputs()
	case n.Trees != nil:
		return n.Trees.Outputs()
	}
	return len(n.Constant.Values)
}

func (n *native) decode(data []byte) error {
	if len(data) > maxEncoded {
		return fmt.Errorf("%d bytes are more than the bound of %d", len(data), maxEncoded)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(n); err != nil {
		return cmp.Or(newer(data), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("there are bytes after the value")
	}
	return n.validate()
}

// newer is the error of a form of a later version, whose other members mean nothing
// here, or nil.
func newer(data []byte) error {
	var form struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(data, &form) == nil && form.Version > Version {
		return fmt.Errorf("version %d is newer than %d, the one this build reads: upgrade to the build that made it", form.Version, Version)
	}
	return nil
}

func (n *native) validate() error {
	switch {
	case n.Version > Version:
		return fmt.Errorf("version %d is newer than %d, the one this build reads: upgrade to the build that made it", n.Version, Version)
	case n.Version != Version:
		return fmt.Errorf("version %d is not %d, the one this build reads", n.Version, Version)
	case n.kinds() != 1:
		return fmt.Errorf("it must hold one model: linear, constant, trees, foreign or an ensemble")
	case n.Ensemble != nil:
		return n.validateEnsemble()
	case n.Linear != nil:
		return n.Linear.validate()
	case n.Trees != nil:
		return n.Trees.Validate()
	case n.Foreign != nil:
		return n.Foreign.validate()
	}
	values := n.Constant.Values
	if len(values) == 0 || len(values) > maxOutputs || !finite(values) {
		return fmt.Errorf("%d values of a constant model", len(values))
	}
	if len(values) > 1 {
		return probabilities(values)
	}
	return nil
}

// kinds is how many kinds of model there are.
func (n *native) kinds() int {
	kinds := 0
	for _, is := range []bool{n.Linear != nil, n.Constant != nil, n.Trees != nil, n.Ensemble != nil, n.Foreign != nil} {
		if is {
			kinds++
		}
	}
	return kinds
}

const maxMembers = 100

func (n *native) validateEnsemble() error {
	if len(n.Ensemble) == 0 || len(n.Ensemble) > maxMembers {
		return fmt.Errorf("an ensemble of %d members", len(n.Ensemble))
	}
	sum := 0.0
	for i := range n.Ensemble {
		m := &n.Ensemble[i]
		if m.Model.Ensemble != nil || m.Model.Foreign != nil {
			return fmt.Errorf("member %d is an ensemble itself, or reads other features", i)
		}
		if err := m.Model.validate(); err != nil {
			return fmt.Errorf("member %d: %w", i, err)
		}
		if m.Model.outputs() != n.Ensemble[0].Model.outputs() {
			return fmt.Errorf("member %d has other outputs than the first", i)
		}
		if !(m.Weight > 0 && m.Weight <= 1) {
			return fmt.Errorf("member %d weighs %v", i, m.Weight)
		}
		sum += m.Weight
	}
	if math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("the weights add up to %v", sum)
	}
	return nil
}

func (l *Linear) validate() error {
	rows := len(l.Intercepts)
	var fits bool
	switch l.Link {
	case Identity:
		fits = (l.Learner == "ols" || l.Learner == "ridge" || l.Learner == "lasso" || l.Learner == "elastic_net") && rows == 1
	case Log:
		fits = l.Learner == "poisson" && rows == 1
	case Logistic:
		fits = l.Learner == "logistic" && rows == 1
	case Softmax:
		fits = l.Learner == "logistic" && rows >= 2 && rows <= maxOutputs
	}
	if !fits || len(l.Coefficients) != rows || !finite(l.Intercepts) {
		return fmt.Errorf("learner %q with link %q, %d intercepts and %d rows of coefficients", l.Learner, l.Link, rows, len(l.Coefficients))
	}
	for k, w := range l.Coefficients {
		if len(w) != len(l.Names) || !finite(w) {
			return fmt.Errorf("row %d has %d coefficients for %d columns", k, len(w), len(l.Names))
		}
	}
	if l.Means != nil && (len(l.Means) != len(l.Names) || !finite(l.Means)) {
		return fmt.Errorf("%d means for %d columns", len(l.Means), len(l.Names))
	}
	if l.Inference != nil {
		if l.Learner != "ols" {
			return fmt.Errorf("%s has no inference", l.Learner)
		}
		return l.Inference.validate(l.Names)
	}
	return nil
}

func probabilities(values []float64) error {
	sum := 0.0
	for _, v := range values {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("%v is not a probability", v)
		}
		sum += v
	}
	if math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("the probabilities add up to %v", sum)
	}
	return nil
}
