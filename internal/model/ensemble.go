package model

import (
	"sync"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Ensemble answers with the weighted mean of its members' answers. All read the
// same matrix and have the same outputs; the weights add up to 1.
type Ensemble struct {
	Members []Member

	buffers sync.Pool // of *[]float64: a request allocates nothing
}

// Member is a model of an ensemble.
type Member struct {
	Weight float64
	Model  Model
}

var _ Model = (*Ensemble)(nil)

// Kind returns "ensemble".
func (*Ensemble) Kind() string { return "ensemble" }

// Outputs returns that of the members.
func (e *Ensemble) Outputs() int { return e.Members[0].Model.Outputs() }

// Predict writes m.Rows × Outputs values into out. Members are added in their
// order, so that a row's answer is the same alone or among others.
func (e *Ensemble) Predict(m *frame.Matrix, out []float64) {
	buffer, ok := e.buffers.Get().(*[]float64)
	if !ok || cap(*buffer) < len(out) {
		fresh := make([]float64, len(out))
		buffer = &fresh
	}
	defer e.buffers.Put(buffer)
	one := (*buffer)[:len(out)]
	for i, member := range e.Members {
		if i == 0 {
			member.Model.Predict(m, out)
			for k := range out {
				out[k] *= member.Weight
			}
			continue
		}
		member.Model.Predict(m, one)
		for k, v := range one {
			out[k] += float64(member.Weight * v) // no fused rounding
		}
	}
}
