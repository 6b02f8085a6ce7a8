package onnx_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// tolerance is for float64 sums taken in another order, relative to max(1, |a|).
const tolerance = 1e-9

var (
	regression = &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
	binary     = &feature.Target{Column: "y", Kind: "text", Task: pipeline.Binary, Classes: []string{"no", "sim, é"}}
	multiclass = &feature.Target{Column: "y", Kind: "text", Task: pipeline.Multiclass, Classes: []string{"a", "b", "", "c"}}
	impute     = pipeline.Transform{Impute: &pipeline.Impute{}}
	log1p      = pipeline.Transform{Log1p: &struct{}{}}
	scale      = pipeline.Transform{Standardize: &struct{}{}}
)

// table makes a random table with every kind of column and every kind of trouble:
// missing values of both spellings, tiny and huge numbers, times before 1970 and
// far away, texts the encoders will not know.
func table(seed uint64, rows int) *frame.Frame {
	r := rand.New(rand.NewPCG(seed, 1))
	dict := []string{"SFO", "JFK", "", "São Paulo", "other", "✈", "gru", "a b", "7"}
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "distance", Numbers: make([]float64, rows)},
		{Name: "small \"x\"/1", Numbers: make([]float64, rows)},
		{Name: "origin", Kind: frame.Text, Codes: make([]int32, rows), Dict: dict},
		{Name: "label", Kind: frame.Text, Codes: make([]int32, rows), Dict: dict},
		{Name: "départ", Kind: frame.Time, Times: make([]int64, rows)},
		{Name: "other", Numbers: make([]float64, rows)},
	}}
	for i := range rows {
		f.Columns[5].Numbers[i] = r.NormFloat64()
		f.Columns[0].Numbers[i] = math.Round(r.NormFloat64() * 1000)
		f.Columns[1].Numbers[i] = r.NormFloat64() * math.Pow(10, -float64(r.IntN(14)))
		f.Columns[2].Codes[i] = int32(r.IntN(len(dict)+1)) - 1
		f.Columns[3].Codes[i] = int32(math.Sqrt(float64(r.IntN((len(dict)+1)*(len(dict)+1))))) - 1
		f.Columns[4].Times[i] = r.Int64N(8e17) - 4e17 // 12,700 years either side of 1970
		if r.IntN(3) > 0 {
			f.Columns[4].Times[i] /= 200
		}
		for j := range f.Columns {
			if r.IntN(10) > 0 {
				continue
			}
			switch c := &f.Columns[j]; c.Kind {
			case frame.Number:
				c.Numbers[i] = math.NaN()
			case frame.Text:
				c.Codes[i] = frame.MissingCode
			default:
				c.Times[i] = frame.MissingTime
			}
		}
	}
	return f
}

// indicated fills with a constant, which fits texts and numbers, and says so.
var indicated = pipeline.Transform{Impute: &pipeline.Impute{Strategy: "most_frequent", Indicator: true}}

// everything is a formula with every operation.
const everything = `if(distance > 10 and not other >= 0 or distance <= -900, min(distance, 5, -distance) * 2, max(abs(distance) / 3, sqrt(distance) - 1)) +
 if(distance == 0 or distance != distance + 1 and distance < 1e3, exp(distance / 500), log(distance))`

// transforms is every transform, alone and in chains.
var transforms = map[string][]pipeline.Feature{
	"impute":       {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{impute}}},
	"standardize":  {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{impute, scale}}},
	"scale first":  {{Columns: []string{"distance"}, Apply: []pipeline.Transform{scale, impute}}},
	"log1p":        {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{log1p, impute, scale}}},
	"constant":     {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Impute: &pipeline.Impute{Strategy: "constant", Value: proto.Float64(-7.25)}}}}},
	"one_hot":      {{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{}}}}},
	"shared":       {{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 3}}}}},
	"most common":  {{Columns: []string{"label", "origin"}, Apply: []pipeline.Transform{impute, {OneHot: &pipeline.OneHot{MaxCategories: 4}}}}},
	"other text":   {{Columns: []string{"label"}, Apply: []pipeline.Transform{{Impute: &pipeline.Impute{Strategy: "constant", Text: proto.String("never seen")}}, {OneHot: &pipeline.OneHot{}}}}},
	"date numbers": {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: feature.PartNames}}, impute, scale}}},
	"date blocks":  {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{AsCategories: []string{"month", "day", "day_of_week", "hour", "minute"}}}}}},
	"indicator":    {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{log1p, indicated}}, {Columns: []string{"origin"}, Apply: []pipeline.Transform{indicated, {OneHot: &pipeline.OneHot{}}}}, {Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"hour"}}}, indicated}}},
	"min_max":      {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{MinMax: &pipeline.MinMax{Min: -2}}}}, {Columns: []string{"small \"x\"/1"}, Apply: []pipeline.Transform{{MinMax: &pipeline.MinMax{Clip: true}}, impute}}},
	"robust":       {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{{Robust: &pipeline.Robust{}}}}},
	"power":        {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{{Power: &pipeline.Power{}}}}},
	"box_cox":      {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"day", "month"}}}, {Power: &pipeline.Power{Method: "box_cox"}}}}},
	"clip":         {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Clip: &pipeline.Clip{Min: new(-500.0), Upper: new(0.9)}}}}, {Columns: []string{"small \"x\"/1"}, Apply: []pipeline.Transform{impute, {Clip: &pipeline.Clip{Lower: new(0.2)}}}}},
	"bins":         {{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Bin: &pipeline.Bin{}}}}, {Columns: []string{"small \"x\"/1"}, Apply: []pipeline.Transform{impute, {Bin: &pipeline.Bin{Strategy: "uniform", Bins: 40}}}}},
	"bin numbers":  {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{{Bin: &pipeline.Bin{Encode: "ordinal", Bins: 9}}, scale}}},
	"ignored":      {{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 3, Unknown: "ignore"}}}}},
	"ordinal":      {{Columns: []string{"origin"}, Apply: []pipeline.Transform{{Ordinal: &pipeline.Ordinal{}}, scale}}, {Columns: []string{"label"}, Apply: []pipeline.Transform{impute, {Ordinal: &pipeline.Ordinal{}}}}},
	"frequency":    {{Columns: []string{"origin"}, Apply: []pipeline.Transform{{Frequency: &pipeline.Frequency{}}}}, {Columns: []string{"label"}, Apply: []pipeline.Transform{impute, {Frequency: &pipeline.Frequency{}}, log1p}}},
	"target":       {{Columns: []string{"origin"}, Apply: []pipeline.Transform{{TargetEncode: &pipeline.TargetEncode{}}, scale}}, {Columns: []string{"label"}, Apply: []pipeline.Transform{impute, {TargetEncode: &pipeline.TargetEncode{Smoothing: new(3.0)}}}}},
	"date circles": {{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Cyclical: []string{"month", "day", "day_of_week", "hour", "minute"}}}, scale}}},
	"polynomial":   {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{impute, scale, {Polynomial: &pipeline.Polynomial{}}}}},
	"hidden":       {{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{impute, scale, {Polynomial: &pipeline.Polynomial{}}}}, {Select: &pipeline.Select{Drop: []string{"distance"}}}},
	"expr":         {{Columns: []string{"distance", "other"}, Apply: []pipeline.Transform{{Expr: &pipeline.Expr{Name: "e", Formula: everything}}, indicated, scale}}},
	"all": {
		{Columns: []string{"distance", "small \"x\"/1"}, Apply: []pipeline.Transform{log1p, impute, scale}},
		{Columns: []string{"origin", "label"}, Apply: []pipeline.Transform{impute, {OneHot: &pipeline.OneHot{MaxCategories: 5}}}},
		{Columns: []string{"départ"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"year", "hour"}, AsCategories: []string{"month", "day_of_week"}}}, impute, scale}},
	},
}

func fit(t *testing.T, list []pipeline.Feature, seed uint64) *feature.Fitted {
	t.Helper()
	f := table(seed, 400)
	y := make([]float64, f.Rows)
	for i := range y {
		y[i] = float64(i % 7)
	}
	fitted, err := feature.Fit(list, f, feature.Supervised(regression, y))
	if err != nil {
		t.Fatal(err)
	}
	return fitted
}

// linear makes a model with random coefficients over the columns of fitted.
func linear(t *testing.T, fitted *feature.Fitted, link model.Link, rows int, seed uint64) *model.Linear {
	t.Helper()
	x, err := fitted.Apply(table(seed, 1))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 2))
	m := &model.Linear{Learner: "logistic", Link: link, Names: x.Names()}
	switch link {
	case model.Identity:
		m.Learner = "ols"
	case model.Log:
		m.Learner = "poisson"
	}
	for range rows {
		w := make([]float64, x.Width())
		for i := range w {
			w[i] = r.NormFloat64()
		}
		m.Intercepts, m.Coefficients = append(m.Intercepts, r.NormFloat64()), append(m.Coefficients, w)
	}
	return m
}

func export(t *testing.T, f *feature.Fitted, target *feature.Target, m model.Model) []byte {
	t.Helper()
	data, err := onnx.Export(f, target, m, "test")
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("ESTEIRA_TEST_ONNX_DIR"); dir != "" { // to look at, or check with another tool
		name := strings.NewReplacer("/", "_", " ", "_", "=", "_").Replace(t.Name()) + ".onnx"
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// run answers f in ONNX Runtime, and fails without it.
func run(t *testing.T, graph []byte, f *frame.Frame) onnxruntime.Outputs {
	t.Helper()
	s, err := onnxruntime.Load(graph)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same fails if ONNX Runtime answers other than Go over f.
func same(t *testing.T, fitted *feature.Fitted, target *feature.Target, m model.Model, f *frame.Frame) {
	t.Helper()
	x, err := fitted.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	native := make([]float64, f.Rows*m.Outputs())
	m.Predict(x, native)
	got := run(t, export(t, fitted, target, m), f)
	if len(got.Predictions) != len(native) {
		t.Fatalf("%d numbers instead of %d", len(got.Predictions), len(native))
	}
	for i, a := range native {
		if b := got.Predictions[i]; !(math.Abs(a-b) <= tolerance*max(1, math.Abs(a))) {
			t.Fatalf("row %d: %v natively, %v in ONNX Runtime", i/m.Outputs(), a, b)
		}
	}
	if target.Task == pipeline.Regression {
		if got.Labels != nil {
			t.Fatal("a regression has labels")
		}
		return
	}
	for i, label := range got.Labels {
		p := native[i*m.Outputs() : (i+1)*m.Outputs()]
		if want := target.Classes[slices.Index(p, slices.Max(p))]; label != want {
			t.Fatalf("row %d: label %q, natively %q of %v", i, label, want, p)
		}
	}
	if len(got.Labels) != f.Rows {
		t.Fatalf("%d labels for %d rows", len(got.Labels), f.Rows)
	}
}

func TestEveryTransformAnswersAsInGo(t *testing.T) {
	for name, list := range transforms {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				fitted := fit(t, list, seed)
				same(t, fitted, regression, linear(t, fitted, model.Identity, 1, seed), table(seed+100, 500))
			}
		})
	}
}

func TestEveryLinkAnswersAsInGo(t *testing.T) {
	fitted := fit(t, transforms["all"], 9)
	for _, c := range []struct {
		name   string
		target *feature.Target
		model  model.Model
	}{
		{"identity", regression, linear(t, fitted, model.Identity, 1, 5)},
		{"log", regression, linear(t, fitted, model.Log, 1, 8)},
		{"logistic", binary, linear(t, fitted, model.Logistic, 1, 6)},
		{"softmax", multiclass, linear(t, fitted, model.Softmax, 4, 7)},
		{"constant regression", regression, &model.Constant{Values: []float64{-3.5}}},
		{"constant binary", binary, &model.Constant{Values: []float64{0.25, 0.75}}},
		{"constant multiclass", multiclass, &model.Constant{Values: []float64{0.1, 0.2, 0.4, 0.3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, fitted, c.target, c.model, table(11, 5000)) // more than one batch of the session
			same(t, fitted, c.target, c.model, table(12, 1))
		})
	}
}

func TestFeaturesAreEqualOneByOne(t *testing.T) {
	fitted := fit(t, transforms["all"], 3)
	f := table(4, 300)
	x, err := fitted.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := onnx.ExposeFeatures(export(t, fitted, regression, linear(t, fitted, model.Identity, 1, 3)))
	if err != nil {
		t.Fatal(err)
	}
	got, names := run(t, graph, f).Predictions, x.Names()
	for row := range f.Rows {
		j := 0
		for i := range x.Features {
			c := &x.Features[i]
			for k := range c.Width() {
				want := 0.0
				if !c.Block() {
					want = c.Numbers[row]
				} else if c.Codes[row] == int32(k) {
					want = 1
				}
				if v := got[row*x.Width()+j]; !(math.Abs(v-want) <= 1e-12*max(1, math.Abs(want))) {
					t.Fatalf("row %d, %s: %v instead of %v", row, names[j], v, want)
				}
				j++
			}
		}
	}
	if _, err := onnx.ExposeFeatures([]byte("no graph")); fault.KindOf(err) != fault.ParityFailed {
		t.Fatalf("got %v", err)
	}
}

// TestDatesAreTheCalendars compares date parts with package time over awkward
// days, which random times would miss.
func TestDatesAreTheCalendars(t *testing.T) {
	var times []int64
	for _, year := range []int{-1, 1, 4, 1582, 1599, 1600, 1900, 1969, 1970, 2000, 2023, 2024, 2100, 9999} {
		for _, d := range []time.Duration{0, -time.Microsecond, 59*24*time.Hour - 1000, 59 * 24 * time.Hour, 60 * 24 * time.Hour} {
			times = append(times, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Add(d).UnixMicro())
		}
	}
	f := &frame.Frame{Rows: len(times), Columns: []frame.Column{{Name: "t", Kind: frame.Time, Times: times}}}
	list := []pipeline.Feature{{Columns: []string{"t"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: feature.PartNames}}, impute}}}
	fitted, err := feature.Fit(list, f)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := onnx.ExposeFeatures(export(t, fitted, regression, &model.Linear{Link: model.Identity, Intercepts: []float64{0}, Coefficients: [][]float64{make([]float64, 6)}}))
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, graph, f).Predictions
	for i, micros := range times {
		u := time.UnixMicro(micros).UTC()
		want := []float64{float64(u.Year()), float64(u.Month()), float64(u.Day()), float64((u.Weekday() + 6) % 7), float64(u.Hour()), float64(u.Minute())}
		if !slices.Equal(got[i*6:(i+1)*6], want) {
			t.Fatalf("%s: %v instead of %v", u, got[i*6:(i+1)*6], want)
		}
	}
}

func TestSameStateSameBytes(t *testing.T) {
	fitted := fit(t, transforms["all"], 1)
	m := linear(t, fitted, model.Softmax, 4, 1)
	first := export(t, fitted, multiclass, m)
	for range 20 {
		if !bytes.Equal(first, export(t, fitted, multiclass, m)) {
			t.Fatal("bytes differ")
		}
	}
}

func TestDeclaredContract(t *testing.T) {
	fitted := fit(t, transforms["all"], 1)
	var m pb.ModelProto
	if err := proto.Unmarshal(export(t, fitted, multiclass, linear(t, fitted, model.Softmax, 4, 1)), &m); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range slices.Concat(m.Graph.Input, m.Graph.Output) {
		tensor := v.Type.GetTensorType()
		got = append(got, fmt.Sprintf("%s %s %s×%d", v.GetName(), pb.TensorProto_DataType(tensor.GetElemType()), tensor.Shape.Dim[0].GetDimParam(), tensor.Shape.Dim[1].GetDimValue()))
	}
	want := []string{
		"distance DOUBLE N×1", "small \"x\"/1 DOUBLE N×1", "origin STRING N×1", "label STRING N×1", "départ INT64 N×1",
		"label_ STRING N×1", "probabilities DOUBLE N×4", // a column has the name of an output
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
	if m.GetIrVersion() != 8 || m.OpsetImport[0].GetVersion() != 17 || m.GetProducerName() != "esteira" {
		t.Fatalf("header %v", m.OpsetImport)
	}
	if p := m.MetadataProps[0]; p.GetKey() != "classes" || p.GetValue() != `["a","b","","c"]` {
		t.Fatalf("metadata %v", p)
	}
}

type foreign struct{ model.Model }

func (foreign) Kind() string { return "forest" }

func TestWhatHasNoFormIsRefusedByName(t *testing.T) {
	numbers := []feature.Input{{Name: "x", Kind: "number"}}
	chain := func(kind string, steps ...feature.Step) *feature.Fitted {
		return &feature.Fitted{Version: 1, Inputs: []feature.Input{{Name: "x", Kind: kind}}, Chains: []feature.Chain{{Name: "x_out", Column: "x", Steps: steps}}}
	}
	one := &model.Constant{Values: []float64{1}}
	for name, c := range map[string]struct {
		fitted *feature.Fitted
		target *feature.Target
		model  model.Model
		kind   fault.Kind
		says   string
	}{
		"no inputs":        {&feature.Fitted{Version: 1}, regression, one, fault.FeatureInvalid, "no columns"},
		"text to number":   {chain("number", feature.Step{OneHot: &feature.OneHotState{}}), regression, one, fault.FeatureInvalid, `feature "x_out" of column "x": step 1`},
		"bare text":        {chain("text"), regression, one, fault.FeatureInvalid, "encoder"},
		"bare time":        {chain("time"), regression, one, fault.FeatureInvalid, "date_parts"},
		"unknown part":     {chain("time", feature.Step{DatePart: &feature.DatePartState{Part: "week"}}), regression, one, fault.FeatureInvalid, `"week"`},
		"years as block":   {chain("time", feature.Step{DatePart: &feature.DatePartState{Part: "year", AsCategories: true}}), regression, one, fault.FeatureInvalid, `"year"`},
		"hash":             {chain("text", feature.Step{Hash: &feature.HashState{Bits: 3}}), regression, one, fault.FeatureInvalid, "hash"},
		"ngrams":           {chain("text", feature.Step{NGrams: &feature.NGramsState{Min: 1, Max: 2, Bits: 3}}), regression, one, fault.FeatureInvalid, "hash"},
		"text_length":      {chain("text", feature.Step{TextLength: &struct{}{}}), regression, one, fault.FeatureInvalid, "length"},
		"refuse one_hot":   {chain("text", feature.Step{OneHot: &feature.OneHotState{Categories: []string{"a"}, Unknown: "error"}}), regression, one, fault.FeatureInvalid, "unknown: error"},
		"refuse ordinal":   {chain("text", feature.Step{Ordinal: &feature.OrdinalState{Unknown: "error"}}), regression, one, fault.FeatureInvalid, "unknown: error"},
		"refuse values":    {chain("text", feature.Step{Values: &feature.ValuesState{Unknown: "error"}}), regression, one, fault.FeatureInvalid, "unknown: error"},
		"unknown kind":     {chain("image"), regression, one, fault.FeatureInvalid, `"image"`},
		"NUL in a name":    {&feature.Fitted{Inputs: []feature.Input{{Name: "a\x00", Kind: "number"}}}, regression, one, fault.FeatureInvalid, "a\\x00"},
		"foreign column":   {&feature.Fitted{Inputs: numbers, Chains: []feature.Chain{{Name: "z", Column: "z"}}}, regression, one, fault.FeatureInvalid, `"z"`},
		"foreign model":    {&feature.Fitted{Inputs: numbers}, regression, foreign{}, fault.ParityFailed, `"forest"`},
		"width":            {&feature.Fitted{Inputs: numbers}, regression, &model.Linear{Link: model.Identity, Intercepts: []float64{0}, Coefficients: [][]float64{{1, 2}}}, fault.ParityFailed, "2 coefficients"},
		"classes":          {&feature.Fitted{Inputs: numbers}, multiclass, one, fault.ParityFailed, "4"},
		"unknown link":     {&feature.Fitted{Inputs: numbers}, regression, &model.Linear{Link: "probit", Intercepts: []float64{0}, Coefficients: [][]float64{{}}}, fault.ParityFailed, `"probit"`},
		"repeated outputs": {&feature.Fitted{Inputs: numbers}, regression, &model.Constant{Values: []float64{1, 2}}, fault.ParityFailed, "2 outputs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onnx.Export(c.fitted, c.target, c.model, "test")
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// TestNoColumnsOfFeatures: an encoder without categories and a model without
// coefficients still know how many rows to answer.
func TestNoColumnsOfFeatures(t *testing.T) {
	fitted := &feature.Fitted{Version: 1, Inputs: []feature.Input{{Name: "origin", Kind: "text"}}, Chains: []feature.Chain{
		{Name: "origin", Column: "origin", Steps: []feature.Step{{OneHot: &feature.OneHotState{Categories: []string{}}}}},
	}}
	same(t, fitted, multiclass, &model.Linear{Link: model.Softmax, Intercepts: []float64{0.5, 0, 1, 2}, Coefficients: [][]float64{{}, {}, {}, {}}}, table(1, 7))
}
