package parity

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
	"github.com/esteira-ml/esteira/internal/tree"
)

// operator names the step and the operators that make the first value of the
// disagreeing row that differs between the two, or says nothing, as feature does.
func (c *checker) operator() string {
	stages, rest, err := onnx.Stages(c.graph)
	if err != nil {
		return ""
	}
	if c.chain >= 0 {
		return c.step(stages, &c.predictor.Features().Chains[c.chain])
	}
	x, err := c.predictor.Features().Apply(c.at)
	if err != nil {
		return ""
	}
	for _, s := range stages {
		if s.Feature != "" {
			continue
		}
		m, what := stageOf(c.predictor.Model(), s)
		if m == nil {
			continue
		}
		native := make([]float64, m.Outputs())
		if m.Predict(x, native); !c.agrees(s, native) {
			return fmt.Sprintf("%s of %s part (%s)", what, m.Kind(), strings.Join(s.Operators, ", "))
		}
	}
	if len(rest) == 0 {
		return ""
	}
	return fmt.Sprintf("what comes after the scores parts (%s)", strings.Join(rest, ", "))
}

// stageOf is the model that answers natively what a stage holds: nil if there is none.
// The members of an ensemble are known by their answers.
func stageOf(m model.Model, s onnx.Stage) (model.Model, string) {
	if e, ok := m.(*model.Ensemble); ok {
		if s.Member < 1 || s.Member > len(e.Members) {
			return nil, ""
		}
		return e.Members[s.Member-1].Model, fmt.Sprintf("the answers of member %d", s.Member)
	}
	switch m := m.(type) {
	case *model.Linear:
		raw := *m
		raw.Link = model.Identity
		return &raw, "the raw scores"
	case *model.Boosted:
		raw := *m.Trees
		raw.Loss = tree.Squared // which has no link
		return &model.Boosted{Trees: &raw}, "the raw scores"
	}
	return nil, ""
}

// step names the first step of a chain that differs, or that of a factor of its.
func (c *checker) step(stages []onnx.Stage, chain *feature.Chain) string {
	fitted := c.predictor.Features()
	for _, factor := range chain.Factors {
		for i := range fitted.Chains {
			if of := &fitted.Chains[i]; of.Name == factor {
				if why := c.step(stages, of); why != "" {
					return why
				}
			}
		}
	}
	if chain.Factors != nil {
		return "the product parts (Mul)"
	}
	for _, s := range stages {
		if s.Feature != chain.Name || s.Step < 0 || s.Step >= len(chain.Steps) {
			continue
		}
		cut := *chain
		cut.Steps = chain.Steps[:s.Step+1]
		until := &feature.Fitted{Version: fitted.Version, Inputs: fitted.Inputs, Chains: []feature.Chain{cut}}
		x, err := until.Apply(c.at)
		if err != nil {
			return ""
		}
		if !c.agrees(s, spread(&x.Features[0])) {
			return fmt.Sprintf("step %d of %q, %s, parts (%s)", s.Step+1, chain.Name, nameOf(&chain.Steps[s.Step]), strings.Join(s.Operators, ", "))
		}
	}
	return ""
}

// nameOf is the name of a step in the fitted state's JSON.
func nameOf(s *feature.Step) string {
	var keys map[string]json.RawMessage
	data, err := json.Marshal(s)
	if err == nil && json.Unmarshal(data, &keys) == nil {
		for name := range keys { // it has one
			return name
		}
	}
	return "it"
}

// agrees reports whether the graph has the native values at a stage, or cannot say.
func (c *checker) agrees(s onnx.Stage, native []float64) bool {
	got, err := exposed(c.graph, s.Value, c.at)
	if err != nil || len(got) != len(native) {
		return true
	}
	for k, v := range native {
		if !bundle.Close(v, got[k], c.tolerance) {
			return false
		}
	}
	return true
}

func exposed(graph []byte, value string, f *frame.Frame) ([]float64, error) {
	cut, err := onnx.Expose(graph, value)
	if err != nil {
		return nil, err
	}
	session, err := onnxruntime.Load(cut)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	out, err := session.Run(f)
	return out.Predictions, err
}
