package parity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/bundle/parity"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func heldOut(rows int) *frame.Frame {
	r := rand.New(rand.NewPCG(4, 2))
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "delay", Numbers: make([]float64, rows)},
		{Name: "distance", Numbers: make([]float64, rows)},
		{Name: "origin", Kind: frame.Text, Codes: make([]int32, rows), Dict: []string{"Sfo", "JFK", "", "GRU", "rare"}},
		{Name: "departs", Kind: frame.Time, Times: make([]int64, rows)},
	}}
	for i := range rows {
		f.Columns[1].Numbers[i] = r.ExpFloat64() * 800
		f.Columns[2].Codes[i] = int32(r.IntN(6)) - 1
		f.Columns[3].Times[i] = 1_700_000_000_000_000 + r.Int64N(1e14)
	}
	return f
}

func fixture(t *testing.T, task pipeline.Task) (*feature.Fitted, *feature.Target, model.Model) {
	t.Helper()
	fitted, err := feature.Fit([]pipeline.Feature{
		{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Log1p: &struct{}{}}, {Impute: &pipeline.Impute{}}, {Standardize: &struct{}{}}}},
		{Columns: []string{"origin"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 4}}}},
		{Columns: []string{"departs"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"year", "hour"}, AsCategories: []string{"month"}}}, {Impute: &pipeline.Impute{}}, {Standardize: &struct{}{}}}},
	}, heldOut(500))
	if err != nil {
		t.Fatal(err)
	}
	x, err := fitted.Apply(heldOut(1))
	if err != nil {
		t.Fatal(err)
	}
	target := &feature.Target{Column: "delay", Kind: "number", Task: task}
	m, rows := &model.Linear{Learner: "ols", Link: model.Identity, Names: x.Names()}, 1
	switch task {
	case pipeline.Binary:
		target.Classes, m.Learner, m.Link = []string{"0", "1"}, "logistic", model.Logistic
	case pipeline.Multiclass:
		target.Classes, m.Learner, m.Link, rows = []string{"a", "b", "c"}, "logistic", model.Softmax, 3
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range rows {
		w := make([]float64, x.Width())
		for i := range w {
			w[i] = r.NormFloat64()
		}
		m.Intercepts, m.Coefficients = append(m.Intercepts, r.NormFloat64()), append(m.Coefficients, w)
	}
	return fitted, target, m
}

func predictor(t *testing.T, fitted *feature.Fitted, target *feature.Target, m model.Model) *bundle.Predictor {
	t.Helper()
	sig, err := bundle.SignatureOf(heldOut(100), fitted, target)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bundle.NewPredictor(fitted, target, m, sig)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func export(t *testing.T, fitted *feature.Fitted, target *feature.Target, m model.Model) []byte {
	t.Helper()
	graph, err := onnx.Export(fitted, target, m, "flights")
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func TestAnExportAgrees(t *testing.T) {
	for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Binary, pipeline.Multiclass} {
		t.Run(fmt.Sprint(task), func(t *testing.T) {
			fitted, target, m := fixture(t, task)
			got, err := parity.Check(context.Background(), predictor(t, fitted, target, m), export(t, fitted, target, m), heldOut(5000), 1e-9)
			if err != nil {
				t.Fatal(err)
			}
			if got.Adversarial < 100 || got.Rows != 5000+got.Adversarial || got.Refused != 0 || got.LabelMismatches != 0 || got.MaxRel > 1e-9 {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

// Of a log link, the answers to enormous values are infinite and refused by both.
func TestALogLinkAgrees(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Regression)
	l := m.(*model.Linear)
	l.Learner, l.Link = "poisson", model.Log
	got, err := parity.Check(context.Background(), predictor(t, fitted, target, l), export(t, fitted, target, l), heldOut(5000), 1e-9)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows < 5000 || got.Adversarial < 100 || got.MaxRel > 1e-9 || got.MaxAbs == 0 {
		t.Fatalf("got %+v", got)
	}
}

func TestTreesAgree(t *testing.T) {
	learner, err := model.For("boosted_trees")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Binary, pipeline.Multiclass} {
		fitted, target, _ := fixture(t, task)
		x, err := fitted.Apply(heldOut(3000))
		if err != nil {
			t.Fatal(err)
		}
		d, r := model.Data{X: x, Y: make([]float64, x.Rows), Classes: len(target.Classes)}, rand.New(rand.NewPCG(5, 1))
		for i := range d.Y {
			if d.Y[i] = x.Features[0].Numbers[i] + float64(x.Features[1].Codes[i]) + r.NormFloat64(); d.Classes > 0 {
				d.Y[i] = float64(min(max(int(d.Y[i]), 0), d.Classes-1))
			}
		}
		m, _, err := learner.Fit(context.Background(), d, model.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := parity.Check(context.Background(), predictor(t, fitted, target, m), export(t, fitted, target, m), heldOut(4000), 1e-9)
		if err != nil || got.Adversarial < 100 || got.Refused != 0 {
			t.Fatalf("%v: got %+v, %v", task, got, err)
		}
	}
}

func TestTheBaselineAgrees(t *testing.T) {
	fitted, target, _ := fixture(t, pipeline.Multiclass)
	m := &model.Constant{Values: []float64{0.5, 0.25, 0.25}}
	if got, err := parity.Check(context.Background(), predictor(t, fitted, target, m), export(t, fitted, target, m), heldOut(10), 1e-9); err != nil || got.MaxAbs != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// failed returns the disagreement of a ParityFailed error that says all of says.
func failed(t *testing.T, err error, says ...string) *parity.Disagreement {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.ParityFailed {
		t.Fatalf("got %v", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Fatalf("%q does not say %q", err, s)
		}
	}
	if _, err := json.Marshal(e.Details); err != nil {
		t.Fatal(err)
	}
	d, ok := e.Details.(*parity.Disagreement)
	if !ok {
		t.Fatalf("details %+v", e.Details)
	}
	return d
}

func TestAnotherModelIsNamedWithRowAndAnswers(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Regression)
	p := predictor(t, fitted, target, m)
	other := *m.(*model.Linear)
	other.Intercepts = []float64{other.Intercepts[0] + 1e-3}
	got, err := parity.Check(context.Background(), p, export(t, fitted, target, &other), heldOut(20), 1e-9)
	d := failed(t, err, "held-out row 0, ", "distance:", "natively", "ONNX Runtime", "the features agree")
	if d.Feature != "" || len(d.Record) != 3 || math.Abs(d.ONNX[0]-d.Native[0]-1e-3) > 1e-9 || math.Abs(got.MaxAbs-1e-3) > 1e-6 || got.Rows <= 20 {
		t.Fatalf("%+v of %+v", d, got)
	}
	if _, err := parity.Check(context.Background(), p, export(t, fitted, target, &other), heldOut(20), 1e-2); err != nil {
		t.Fatalf("within tolerance: %v", err)
	}
}

func TestTheTransformThatDiffersIsNamed(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Regression)
	p := predictor(t, fitted, target, m)
	other := *fitted
	other.Chains = append([]feature.Chain{}, fitted.Chains...)
	steps := append([]feature.Step{}, fitted.Chains[0].Steps...)
	other.Chains[0].Steps = append(steps[:len(steps)-1], feature.Step{Standardize: &feature.StandardizeState{Mean: 1, Scale: 2}})
	_, err := parity.Check(context.Background(), p, export(t, &other, target, m), heldOut(20), 1e-9)
	if d := failed(t, err, `feature "distance_log1p" is `, `step 3 of "distance_log1p", standardize, parts (Sub, Div)`); d.Feature == "" || d.Operator == "" {
		t.Fatalf("got %+v", d)
	}
}

// TestTheOperatorOfAModelIsNamed: scores that differ, a link that differs, and a member
// of an ensemble that does.
func TestTheOperatorOfAModelIsNamed(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Multiclass)
	l := m.(*model.Linear)
	shifted := *l
	shifted.Intercepts = append([]float64{}, l.Intercepts...)
	shifted.Intercepts[1] += 0.1
	sum := &model.Ensemble{Members: []model.Member{{Weight: 0.5, Model: l}, {Weight: 0.5, Model: l}}}
	other := &model.Ensemble{Members: []model.Member{{Weight: 0.5, Model: l}, {Weight: 0.5, Model: &shifted}}}
	squared, _, counts := fixture(t, pipeline.Regression)
	identity := counts.(*model.Linear)
	log := *identity
	log.Learner, log.Link = "poisson", model.Log
	for want, c := range map[string]struct {
		target *feature.Target
		f      *feature.Fitted
		of, as model.Model
	}{
		"the raw scores of logistic part (MatMul, Add)":     {target, fitted, l, &shifted},
		"the answers of member 2 of logistic part (":        {target, fitted, sum, other},
		"what comes after the scores parts (Exp, Identity)": {&feature.Target{Column: "delay", Kind: "number", Task: pipeline.Regression}, squared, identity, &log},
	} {
		p := predictor(t, c.f, c.target, c.of)
		_, err := parity.Check(context.Background(), p, export(t, c.f, c.target, c.as), heldOut(20), 1e-6)
		failed(t, err, want, "the features agree")
	}
}

// TestWhatNoHeldOutRowHasIsFound: the graph is right on every held-out row and
// wrong on an unknown category alone.
func TestWhatNoHeldOutRowHasIsFound(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Regression)
	var g pb.ModelProto
	if err := proto.Unmarshal(export(t, fitted, target, m), &g); err != nil {
		t.Fatal(err)
	}
	changed := false
	for _, n := range g.Graph.Node {
		for _, a := range n.Attribute {
			if a.GetName() == "default_int64" {
				a.I, changed = proto.Int64(0), true
			}
		}
	}
	graph, err := proto.Marshal(&g)
	if err != nil || !changed {
		t.Fatal("nothing changed", err)
	}
	f := heldOut(20)
	for i := range f.Columns[2].Codes {
		f.Columns[2].Codes[i] = 1 // JFK, which is known
	}
	_, err = parity.Check(context.Background(), predictor(t, fitted, target, m), graph, f, 1e-9)
	if d := failed(t, err, `with "origin" set to " "`, `feature "origin=`); d.Changed == "" {
		t.Fatalf("got %+v", d)
	}
}

func TestALabelThatDiffersIsFound(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Multiclass)
	other := *target
	other.Classes = []string{"b", "a", "c"}
	got, err := parity.Check(context.Background(), predictor(t, fitted, target, m), export(t, fitted, &other, m), heldOut(50), 1e-9)
	if d := failed(t, err, `"a" [`); got.LabelMismatches == 0 || got.MaxAbs > 1e-9 || d.NativeLabel == d.ONNXLabel {
		t.Fatalf("%+v of %+v", d, got)
	}
}

func TestRowsThatNeitherCanAnswerAreCounted(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Regression)
	p, graph := predictor(t, fitted, target, m), export(t, fitted, target, m)
	f := heldOut(30)
	f.Columns[1].Numbers[3] = math.Inf(1)
	f.Columns[2].Dict[4] = "a\x00b"
	nul := 0
	for i, code := range f.Columns[2].Codes {
		if code == 4 && i != 3 {
			nul++
		}
	}
	got, err := parity.Check(context.Background(), p, graph, f, 1e-9)
	if err != nil || nul == 0 || got.Refused < nul+1 || got.Rows-got.Adversarial != 30-nul-1 {
		t.Fatalf("%d with NUL: %+v, %v", nul, got, err)
	}
	for i := range f.Columns[1].Numbers {
		f.Columns[1].Numbers[i] = math.Inf(1)
	}
	f.Columns[2].Dict[0], f.Columns[2].Codes[0] = "\x00", 0
	if _, err := parity.Check(context.Background(), p, graph, f.Take([]int32{0}), 1e-9); fault.KindOf(err) != fault.ParityFailed {
		t.Fatalf("no row can be answered: %v", err)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	fitted, target, m := fixture(t, pipeline.Regression)
	p, graph := predictor(t, fitted, target, m), export(t, fitted, target, m)
	if _, err := parity.Check(context.Background(), p, graph, heldOut(0), 1e-9); fault.KindOf(err) != fault.DatasetEmpty {
		t.Fatalf("no rows: %v", err)
	}
	if _, err := parity.Check(context.Background(), p, []byte("x"), heldOut(5), 1e-9); fault.KindOf(err) != fault.ParityFailed {
		t.Fatalf("no graph: %v", err)
	}
	few := &frame.Frame{Rows: 5, Columns: heldOut(5).Columns[:2]}
	if _, err := parity.Check(context.Background(), p, graph, few, 1e-9); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatalf("no column: %v", err)
	}
	text := heldOut(5)
	text.Columns[1] = frame.Column{Name: "distance", Kind: frame.Text, Codes: make([]int32, 5), Dict: []string{"far"}}
	if _, err := parity.Check(context.Background(), p, graph, text, 1e-9); fault.KindOf(err) != fault.TypeMismatch {
		t.Fatalf("another kind: %v", err)
	}
	_, multiclass, soft := fixture(t, pipeline.Multiclass)
	if _, err := parity.Check(context.Background(), p, export(t, fitted, multiclass, soft), heldOut(5), 1e-9); fault.KindOf(err) != fault.ParityFailed {
		t.Fatalf("another task: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := parity.Check(ctx, p, graph, heldOut(5), 1e-9); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
}
