package pmml_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/pmml"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// everything is a formula with every operation.
const everything = `if(distance > 10 and not other >= 0 or distance <= -900, min(distance, 5, -distance) * 2, max(abs(distance) / 3, sqrt(distance) - 1)) +
 if(distance == 0 or distance != distance + 1 and distance < 1e3, exp(distance / 500), log(distance))`

// transforms is every transform that PMML can express, alone and in chains.
var transforms = map[string][]pipeline.Feature{
	"impute":       {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{impute}}},
	"scale first":  {{Columns: []string{"distance"}, Apply: []pipeline.Transform{scale, impute}}},
	"log1p":        {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{log1p, impute, scale}}},
	"implicit":     {{Columns: []string{"distance", "other"}, Apply: []pipeline.Transform{log1p}}},
	"one_hot":      {{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{}}}}},
	"shared":       {{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 3}}}}},
	"most common":  {{Columns: []string{"label", "origin"}, Apply: []pipeline.Transform{impute, {OneHot: &pipeline.OneHot{MaxCategories: 4}}}}},
	"other text":   {{Columns: []string{"label"}, Apply: []pipeline.Transform{{Impute: &pipeline.Impute{Strategy: "constant", Text: new("never seen")}}, {OneHot: &pipeline.OneHot{}}}}},
	"ignored":      {{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 3, Unknown: "ignore"}}}}},
	"date numbers": {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: feature.PartNames}}, impute, scale}}},
	"date blocks":  {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{AsCategories: []string{"month", "day", "day_of_week", "hour", "minute"}}}}}},
	"date circles": {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Cyclical: []string{"month", "day", "day_of_week", "hour", "minute"}}}, scale}}},
	"indicator":    {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{log1p, indicated}}, {Columns: []string{"origin"}, Apply: []pipeline.Transform{indicated, {OneHot: &pipeline.OneHot{}}}}, {Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"hour"}}}, indicated}}},
	"min_max":      {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{MinMax: &pipeline.MinMax{Min: -2}}}}, {Columns: []string{"small \"x\"/1"}, Apply: []pipeline.Transform{{MinMax: &pipeline.MinMax{Clip: true}}, impute}}},
	"robust":       {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{{Robust: &pipeline.Robust{}}}}},
	"power":        {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{{Power: &pipeline.Power{}}}}},
	"box_cox":      {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"day", "month"}}}, {Power: &pipeline.Power{Method: "box_cox"}}}}},
	"clip":         {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Clip: &pipeline.Clip{Min: new(-500.0), Upper: new(0.9)}}}}, {Columns: []string{"small \"x\"/1"}, Apply: []pipeline.Transform{impute, {Clip: &pipeline.Clip{Lower: new(0.2)}}}}},
	"bins":         {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Bin: &pipeline.Bin{}}}}, {Columns: []string{"small \"x\"/1"}, Apply: []pipeline.Transform{impute, {Bin: &pipeline.Bin{Strategy: "uniform", Bins: 40}}}}},
	"bin numbers":  {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{{Bin: &pipeline.Bin{Encode: "ordinal", Bins: 9}}, scale}}},
	"ordinal":      {{Columns: []string{"origin"}, Apply: []pipeline.Transform{{Ordinal: &pipeline.Ordinal{}}, scale}}, {Columns: []string{"label"}, Apply: []pipeline.Transform{impute, {Ordinal: &pipeline.Ordinal{}}}}},
	"frequency":    {{Columns: []string{"origin"}, Apply: []pipeline.Transform{{Frequency: &pipeline.Frequency{}}}}, {Columns: []string{"label"}, Apply: []pipeline.Transform{impute, {Frequency: &pipeline.Frequency{}}, log1p}}},
	"target":       {{Columns: []string{"origin"}, Apply: []pipeline.Transform{{TargetEncode: &pipeline.TargetEncode{}}, scale}}, {Columns: []string{"label"}, Apply: []pipeline.Transform{impute, {TargetEncode: &pipeline.TargetEncode{Smoothing: new(3.0)}}}}},
	"polynomial":   {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{impute, scale, {Polynomial: &pipeline.Polynomial{}}}}},
	"hidden":       {{Columns: []string{"distance", "other"}, Apply: []pipeline.Transform{{Polynomial: &pipeline.Polynomial{}}}}, {Select: &pipeline.Select{Drop: []string{"distance"}}}},
	"expr":         {{Columns: []string{"distance", "other"}, Apply: []pipeline.Transform{{Expr: &pipeline.Expr{Name: "e", Formula: everything}}, indicated, scale}}},
	"all": {
		{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{log1p, impute, scale}},
		{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{impute, {OneHot: &pipeline.OneHot{MaxCategories: 5}}}},
		{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"year", "hour"}, AsCategories: []string{"month", "day_of_week"}}}, impute, scale}},
		{Columns: []string{"other"}},
	},
}

func export(t *testing.T, f *feature.Fitted, target *feature.Target, m model.Model) []byte {
	t.Helper()
	document, err := pmml.Export(f, target, m, "test")
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// tolerance is relative to the value itself; tiny is how near to 0 sums taken in
// another order may differ by all their digits.
const tolerance, tiny = 1e-6, 1e-9

// same fails if JPMML answers other than Go over the rows Go can answer, of those held
// out and of those made to break it.
func same(t *testing.T, c *testenv.Checkers, fitted *feature.Fitted, target *feature.Target, m model.Model, what string) {
	t.Helper()
	held, made := table(5, 40), adversaries(6)
	answers := c.PMML(t, export(t, fitted, target, m), append(records(held), records(made)...))
	compared := 0
	for i, got := range answers {
		of, at := held, i
		if i >= held.Rows {
			of, at = made, i-held.Rows
		}
		one := of.Take([]int32{int32(at)})
		x, err := fitted.Apply(one)
		if err != nil {
			continue // an overflow, which the server refuses
		}
		want := make([]float64, m.Outputs())
		if m.Predict(x, want); slices.ContainsFunc(want, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			continue
		}
		compared++
		why := differs(target, want, got)
		if why != "" {
			t.Errorf("%s: row %d: %s\n%v", what, i, why, records(one)[0])
			break
		}
	}
	if !t.Failed() && compared < len(answers)*9/10 {
		t.Errorf("%s: only %d of %d rows are compared", what, compared, len(answers))
	}
}

func differs(target *feature.Target, want []float64, got map[string]any) string {
	if target.Task == pipeline.Regression {
		v, ok := got["prediction"].(float64)
		if !ok || !(math.Abs(v-want[0]) <= tolerance*max(tiny, math.Abs(want[0]))) {
			return fmt.Sprintf("%v natively and %v in JPMML", want, got)
		}
		return ""
	}
	best := 0
	for k, class := range target.Classes {
		v, ok := got["probability("+class+")"].(float64)
		if !ok || !(math.Abs(v-want[k]) <= tolerance*math.Abs(want[k])) {
			return fmt.Sprintf("%q is %v natively and %v in JPMML", class, want[k], got)
		}
		if want[k] > want[best] {
			best = k
		}
	}
	label, ok := got["label"].(string)
	if !ok {
		label, _ = got["label_"].(string) // a column has its name
	}
	if label != target.Classes[best] && !tied(want, best) {
		return fmt.Sprintf("%q natively and %q in JPMML", target.Classes[best], label)
	}
	return ""
}

func tied(values []float64, best int) bool {
	for k, v := range values {
		if k != best && v >= values[best]*(1-1e-12) {
			return true
		}
	}
	return false
}

// Every transform, read by a linear model, by trees and by the mean of both, on rows that
// were held out and on those made to break it.
func TestJPMMLAnswersAsGoOverEveryTransform(t *testing.T) {
	c := testenv.StartCheckers(t)
	for name, list := range transforms {
		fitted := fit(t, list, 3)
		train, err := fitted.Apply(table(4, 3000))
		if err != nil {
			t.Fatal(name, err)
		}
		line, sorter := linear(fitted, "ols", model.Identity, 1), linear(fitted, "logistic", model.Softmax, 4)
		few := model.Settings{Params: model.Params{"max_iter": 8, "min_samples_leaf": 5}}
		mean := &model.Ensemble{Members: []model.Member{{Weight: 0.3, Model: sorter}, {Weight: 0.7, Model: learn(t, "boosted_trees", train, 4, few)}}}
		same(t, c, fitted, regression, line, name+", linear")
		same(t, c, fitted, regression, learn(t, "boosted_trees", train, 0, few), name+", trees")
		same(t, c, fitted, multiclass, mean, name+", mean of both")
	}
}

// Every learner, as it fits.
func TestJPMMLAnswersAsEveryLearner(t *testing.T) {
	c := testenv.StartCheckers(t)
	fitted := fit(t, transforms["all"], 3)
	train, err := fitted.Apply(table(4, 3000))
	if err != nil {
		t.Fatal(err)
	}
	deep := model.Params{"max_iter": 30, "max_leaves": 40, "cat_smooth": 1}
	for name, l := range map[string]struct {
		kind    string
		target  *feature.Target
		classes int
		s       model.Settings
	}{
		"ols":                 {kind: "ols", target: regression},
		"ridge":               {kind: "ridge", target: regression},
		"lasso":               {kind: "lasso", target: regression},
		"elastic_net":         {kind: "elastic_net", target: regression},
		"poisson":             {kind: "poisson", target: regression},
		"logistic":            {kind: "logistic", target: binary, classes: 2},
		"softmax":             {kind: "logistic", target: multiclass, classes: 4},
		"trees":               {"boosted_trees", regression, 0, model.Settings{Params: deep, Options: model.Options{Growth: "leaf"}}},
		"trees of counts":     {"boosted_trees", regression, 0, model.Settings{Params: deep, Options: model.Options{Loss: "poisson"}}},
		"trees of a quantile": {"boosted_trees", regression, 0, model.Settings{Params: model.Params{"quantile": 0.9}, Options: model.Options{Loss: "quantile"}}},
		"trees of two":        {"boosted_trees", binary, 2, model.Settings{Params: deep}},
		"trees of four":       {"boosted_trees", multiclass, 4, model.Settings{Params: deep}},
		"stumps of nothing":   {"boosted_trees", regression, 0, model.Settings{Params: model.Params{"min_samples_leaf": 1e6}}},
	} {
		m := learn(t, l.kind, train, l.classes, l.s)
		same(t, c, fitted, l.target, m, name)
	}
	two := &model.Ensemble{Members: []model.Member{
		{Weight: 0.25, Model: learn(t, "logistic", train, 2, model.Settings{})}, {Weight: 0.75, Model: &model.Constant{Values: []float64{0.9, 0.1}}},
	}}
	same(t, c, fitted, binary, two, "mean of two classes")
	same(t, c, fitted, regression, &model.Constant{Values: []float64{2.5}}, "constant")
	same(t, c, fitted, multiclass, &model.Constant{Values: []float64{0.2, 0, 0.5, 0.3}}, "shares")
}

func TestWhatHasNoFormIsRefusedWithTheReason(t *testing.T) {
	fitted := fit(t, transforms["impute"], 3)
	m := linear(fitted, "ols", model.Identity, 1)
	hashed := fit(t, []pipeline.Feature{{Columns: []string{"origin"}, Apply: pipeline.WithDefaults([]pipeline.Transform{{Hash: &pipeline.Hash{}}})}}, 3)
	length := fit(t, []pipeline.Feature{{Columns: []string{"origin"}, Apply: []pipeline.Transform{{TextLength: &struct{}{}}}}}, 3)
	bell := *fitted
	bell.Inputs = []feature.Input{{Name: "a\ab", Kind: "number"}}
	category := fit(t, transforms["one_hot"], 3)
	category.Chains[0].Steps = []feature.Step{{OneHot: &feature.OneHotState{Categories: []string{"\x01"}}}}
	for want, c := range map[string]struct {
		f *feature.Fitted
		m model.Model
	}{
		"hash":            {hashed, linear(hashed, "ols", model.Identity, 1)},
		"length":          {length, linear(length, "ols", model.Identity, 1)},
		"XML can hold":    {&bell, m},
		"XML cannot hold": {category, m},
		"no form in PMML": {fitted, &model.Foreign{Name: "theirs", Values: 1}},
		"no columns":      {&feature.Fitted{}, m},
	} {
		_, err := pmml.Export(c.f, regression, c.m, "test")
		if fault.KindOf(err) != fault.FeatureInvalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "package.pmml: false") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A text that is to be refused is, and so is an infinite number.
func TestJPMMLRefusesWhatGoRefuses(t *testing.T) {
	fitted := fit(t, []pipeline.Feature{
		{Columns: []string{"origin"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 3, Unknown: "error"}}}},
		{Columns: []string{"label"}, Apply: []pipeline.Transform{{Frequency: &pipeline.Frequency{Unknown: "error"}}}},
		{Columns: []string{"other"}},
	}, 3)
	m := linear(fitted, "ols", model.Identity, 1)
	c := testenv.StartCheckers(t)
	held := table(5, 100)
	rows := records(held)
	for _, change := range []map[string]any{{"origin": "nowhere"}, {"label": "nowhere"}, {"other": "Infinity"}} {
		row := maps.Clone(rows[0])
		maps.Copy(row, change)
		rows = append(rows, row)
	}
	answers := c.PMML(t, export(t, fitted, regression, m), rows)
	x, err := fitted.Apply(held)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, held.Rows)
	m.Predict(x, want)
	for i, got := range answers {
		if i >= held.Rows {
			if why, _ := got["error"].(string); !strings.Contains(why, "cannot accept invalid value") {
				t.Errorf("row %d is answered: %v", i, got)
			}
		} else if why := differs(regression, want[i:i+1], got); why != "" {
			t.Errorf("row %d: %s", i, why)
		}
	}
}

func TestSameStateSameBytes(t *testing.T) {
	for name, list := range transforms {
		a := fit(t, list, 3)
		m := linear(a, "ols", model.Identity, 1)
		if !bytes.Equal(export(t, a, regression, m), export(t, fit(t, list, 3), regression, m)) {
			t.Errorf("%s: two exports differ", name)
		}
	}
}
