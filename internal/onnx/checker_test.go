package onnx_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/model"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// The checker of the ONNX project, with its inference of types and shapes, has nothing
// against an export of any transform or learner, and something against a broken one.
func TestTheOfficialCheckerPasses(t *testing.T) {
	graphs := map[string][]byte{}
	for name, list := range transforms {
		fitted := fit(t, list, 3)
		train, err := fitted.Apply(table(4, 1000))
		if err != nil {
			t.Fatal(name, err)
		}
		few := model.Settings{Params: model.Params{"max_iter": 3, "min_samples_leaf": 5}}
		line, trees := linear(t, fitted, model.Softmax, 4, 1), boosted(t, train, 4, few)
		mean := &model.Ensemble{Members: []model.Member{{Weight: 0.5, Model: line}, {Weight: 0.5, Model: trees}}}
		graphs[name+" linear"] = export(t, fitted, multiclass, line)
		graphs[name+" mean"] = export(t, fitted, multiclass, mean)
		graphs[name+" trees"] = export(t, fitted, regression, boosted(t, train, 0, few))
	}
	fitted := fit(t, transforms["all"], 3)
	train, err := fitted.Apply(table(4, 1000))
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]struct {
		target *feature.Target
		model  model.Model
	}{
		"ols":             {regression, linear(t, fitted, model.Identity, 1, 1)},
		"poisson":         {regression, linear(t, fitted, model.Log, 1, 1)},
		"logistic":        {binary, linear(t, fitted, model.Logistic, 1, 1)},
		"constant":        {multiclass, &model.Constant{Values: []float64{0.1, 0.2, 0.3, 0.4}}},
		"trees of counts": {regression, boosted(t, train, 0, model.Settings{Options: model.Options{Loss: "poisson"}, Params: model.Params{"max_iter": 3}})},
		"trees of two":    {binary, boosted(t, train, 2, model.Settings{Params: model.Params{"max_iter": 3}})},
	} {
		graphs[fmt.Sprintf("learner %s", name)] = export(t, fitted, m.target, m.model)
	}
	var broken pb.ModelProto
	if err := proto.Unmarshal(graphs["learner ols"], &broken); err != nil {
		t.Fatal(err)
	}
	broken.Graph.Node[0].Input[0] = "nothing has this name"
	data, err := proto.Marshal(&broken)
	if err != nil {
		t.Fatal(err)
	}
	graphs["broken"] = data
	said := testenv.StartCheckers(t).ONNX(t, graphs)
	if said["broken"] == "" {
		t.Error("the checker passes a graph that reads a value nobody makes")
	}
	delete(said, "broken")
	for name, why := range said {
		t.Errorf("%s: %s", name, why)
	}
}
