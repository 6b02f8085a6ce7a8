package serving_test

import (
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/serving"
)

// What each column added to an answer is told on request, adds up to the raw score,
// and is recorded with the answer.
func TestAnswersAreExplainedOnRequest(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	status, got, _ := s.ask(t, predictPath+"?explain=true", goodBody)
	if status != 200 {
		t.Fatal(status, got)
	}
	row := got["predictions"].([]any)[0]
	if want := `{"base":1,"contributions":{"departs":0,"distance":10,"origin":0.5}}`; asJSON(t, row.(map[string]any)["explanation"]) != want {
		t.Fatal(asJSON(t, row))
	}
	if r := s.audited(t); !strings.Contains(string(r[0].Outputs), `"explanation":{"base":1,`) {
		t.Fatalf("%s", r[0].Outputs)
	}
	if _, got, _ := s.ask(t, predictPath, goodBody); strings.Contains(sprint(got), "explanation") {
		t.Fatal("nobody asked")
	}
	_, got, _ = s.ask(t, "/v1/endpoints/species/predict?explain=true", `{"records":[{"distance":100}]}`)
	row = got["predictions"].([]any)[0]
	if want := `{"a":{"base":0,"contributions":{"distance":0}},"b \"q\"":{"base":1,"contributions":{"distance":0}},"c\u003cé\u003e":{"base":0,"contributions":{"distance":1}}}`; asJSON(t, row.(map[string]any)["explanation"]) != want {
		t.Fatal(asJSON(t, row))
	}
	_, got, _ = s.ask(t, "/v2/models/species/infer", `{"parameters":{"explain":true},"inputs":[{"name":"distance","shape":[2],"datatype":"FP64","data":[100,0]}],"outputs":[{"name":"probabilities"}]}`)
	outputs := got["outputs"].([]any)
	last := outputs[1].(map[string]any)
	if len(outputs) != 2 || asJSON(t, last["shape"]) != "[2,3,2]" || asJSON(t, last["data"]) != "[0,0,0,1,1,0,0,0,0,1,0,0]" || asJSON(t, last["parameters"]) != `{"columns":"distance"}` {
		t.Fatal(asJSON(t, outputs))
	}
	// The logits are those of the probabilities.
	p := outputs[0].(map[string]any)["data"].([]any)
	if math.Abs(number(t, p[1])-math.E/(1+2*math.E)) > 1e-12 {
		t.Fatal(p)
	}
}
