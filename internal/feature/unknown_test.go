package feature_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// What a text becomes that no training row has, and what a missing one: each
// transform declares it.
func TestUnknownAndMissingTextsHaveDeclaredOutcomes(t *testing.T) {
	f := table(text("c", "a", "a", "a", "b", "b", "rare", "-", "a"))
	y := []float64{1, 2, 3, 10, 12, 5, 20, 2}
	onehot := func(unknown string) pipeline.Transform {
		return pipeline.Transform{OneHot: &pipeline.OneHot{MaxCategories: 2, Unknown: unknown}}
	}
	for name, c := range map[string]struct {
		transform        pipeline.Transform
		unknown, missing float64
		refused          bool
	}{
		"one_hot":              {transform: onehot(""), unknown: 1, missing: 1},
		"one_hot infrequent":   {transform: onehot("infrequent"), unknown: 1, missing: 1},
		"one_hot ignore":       {transform: onehot("ignore"), unknown: -1, missing: 1},
		"one_hot error":        {transform: onehot("error"), refused: true, missing: 1},
		"ordinal":              {transform: pipeline.Transform{Ordinal: &pipeline.Ordinal{}}, unknown: -1, missing: 0}, // the median of the codes
		"ordinal error":        {transform: pipeline.Transform{Ordinal: &pipeline.Ordinal{Unknown: "error"}}, refused: true},
		"frequency":            {transform: pipeline.Transform{Frequency: &pipeline.Frequency{Unknown: "ignore"}}, unknown: 0, missing: 1. / 8},
		"frequency error":      {transform: pipeline.Transform{Frequency: &pipeline.Frequency{Unknown: "error"}}, refused: true, missing: 1. / 8},
		"target_encode":        {transform: pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Smoothing: new(0.0)}}, unknown: 55. / 8, missing: 20},
		"target_encode error":  {transform: pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Smoothing: new(0.0), Unknown: "error"}}, refused: true, missing: 20},
		"text_length":          {transform: pipeline.Transform{TextLength: &struct{}{}}, unknown: 9, missing: 0},
		"hash":                 {transform: pipeline.Transform{Hash: &pipeline.Hash{Bits: 16}}, unknown: 61608, missing: -1},
		"imputed then encoded": {transform: pipeline.Transform{}, unknown: -1, missing: 0},
	} {
		t.Run(name, func(t *testing.T) {
			apply := []pipeline.Transform{c.transform}
			if c.transform.Name() == "" {
				apply = []pipeline.Transform{impute("most_frequent"), {Ordinal: &pipeline.Ordinal{}}}
			}
			target := &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
			fitted, err := feature.Fit([]pipeline.Feature{entry("c", apply...)}, f, feature.Supervised(target, y))
			if err != nil {
				t.Fatal(err)
			}
			value := func(texts ...string) (float64, error) {
				m, err := fitted.Apply(table(text("c", texts...)))
				if err != nil {
					return 0, err
				}
				if out := m.Features[0]; out.Block() {
					return float64(out.Codes[len(texts)-1]), nil
				}
				return m.Features[0].Numbers[len(texts)-1], nil
			}
			for _, missing := range []string{"-", ""} {
				if got, err := value(missing); err != nil || math.Abs(got-c.missing) > 1e-12 {
					t.Errorf("missing is %v (%v), want %v", got, err, c.missing)
				}
			}
			for _, texts := range [][]string{{"never two"}, {"a", "a", "b", "never two"}} { // one by one, and through a table
				got, err := value(texts...)
				if c.refused {
					refused(t, err, fault.FeatureInvalid, `"c"`, `"never two"`, fmt.Sprintf("row %d", len(texts)-1))
					var e *fault.Error
					if errors.As(err, &e); e.Details != (feature.Place{Column: "c", Row: len(texts) - 1}) {
						t.Errorf("details %+v", e.Details)
					}
				} else if err != nil || math.Abs(got-c.unknown) > 1e-12 {
					t.Errorf("an unknown text is %v (%v), want %v", got, err, c.unknown)
				}
			}
		})
	}
}

func TestAnIndicatorNeedsSomethingMissing(t *testing.T) {
	f := table(number("x", 1, nan, 3), number("full", 1, 2, 3), text("c", "a", "-", "a"))
	with := pipeline.Transform{Impute: &pipeline.Impute{Strategy: "most_frequent", Indicator: true}}
	_, m := fitApply(t, f, pipeline.Feature{Columns: []string{"x", "full"}, Apply: []pipeline.Transform{with}}, entry("c", with, oneHot(5, 0)))
	if got := m.Names(); !slices.Equal(got, []string{"x", "x_missing", "full", "c=a", "c_missing"}) {
		t.Fatal(got)
	}
	wantNumbers(t, m, 1, 0, 1, 0)
	wantNumbers(t, m, 4, 0, 1, 0)
	// log1p leaves its own values missing; the indicator tells those too.
	_, m = fitApply(t, table(number("x", -5, 0, nan)), entry("x", log1p, with))
	wantNumbers(t, m, 1, 1, 0, 1)
}

func TestMidnightIsNearElevenOnTheCircle(t *testing.T) {
	hour := int64(3_600_000_000)
	f := table(frame.Column{Name: "t", Kind: frame.Time, Times: []int64{0, 6 * hour, 12 * hour, 23 * hour, frame.MissingTime}})
	parts := dateParts(nil)
	parts.DateParts.Cyclical = []string{"hour"}
	fitted, err := feature.Fit([]pipeline.Feature{entry("t", parts, impute("mean"))}, f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fitted.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Names(); !slices.Equal(got, []string{"t_hour_sin", "t_hour_cos"}) {
		t.Fatal(got)
	}
	s := math.Sin(2 * math.Pi * 23 / 24)
	wantNumbers(t, m, 0, 0, 1, 0, s, (1+s)/4)
	wantNumbers(t, m, 1, 1, 0, -1, math.Cos(2*math.Pi*23/24))
}

func TestSelectionConditionsFollowOneAnother(t *testing.T) {
	rows := 200
	y := make([]float64, rows)
	columns := map[string][]float64{"signal": nil, "copy": nil, "noise": nil, "weak": nil}
	state := uint64(1)
	random := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11)/(1<<53) - 0.5
	}
	group := make([]string, rows)
	for i := range rows {
		y[i] = random()
		columns["signal"] = append(columns["signal"], y[i]+0.1*random())
		columns["copy"] = append(columns["copy"], 2*columns["signal"][i]+0.15*random())
		columns["noise"] = append(columns["noise"], random())
		columns["weak"] = append(columns["weak"], y[i]+2*random())
		group[i] = "low"
		if y[i] > 0 {
			group[i] = "high"
		}
	}
	f := table(number("signal", columns["signal"]...), number("copy", columns["copy"]...), number("noise", columns["noise"]...), number("weak", columns["weak"]...), number("flat", make([]float64, rows)...), text("group", group...))
	list := func(s pipeline.Select) []pipeline.Feature {
		return []pipeline.Feature{{Columns: []string{"signal", "copy", "noise", "weak", "flat"}}, entry("group", oneHot(5, 0)), {Select: &s}}
	}
	for name, c := range map[string]struct {
		s    pipeline.Select
		kept []string
	}{
		"variance":           {pipeline.Select{Variance: new(0.0)}, []string{"signal", "copy", "noise", "weak", "group"}},
		"correlation":        {pipeline.Select{Correlation: new(0.9)}, []string{"signal", "noise", "weak", "flat", "group"}},
		"mutual information": {pipeline.Select{MutualInformation: new(3)}, []string{"signal", "copy", "group"}},
		"top":                {pipeline.Select{Top: new(4)}, []string{"signal", "copy", "weak", "group"}},
		"all in order":       {pipeline.Select{Drop: []string{"group"}, Variance: new(0.0), Correlation: new(0.9), Top: new(2)}, []string{"signal", "weak"}},
		"kept":               {pipeline.Select{Keep: []string{"flat", "noise"}, Variance: new(0.0), Top: new(1)}, []string{"signal", "noise", "flat"}},
	} {
		for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Multiclass} {
			target, labels := &feature.Target{Column: "y", Kind: "number", Task: task}, y
			if task == pipeline.Multiclass {
				target.Classes = []string{"0", "1", "2"}
				labels = make([]float64, rows)
				for i, v := range y {
					labels[i] = math.Floor((v + 0.5) * 3)
				}
			}
			fitted, err := feature.Fit(list(c.s), f, feature.Supervised(target, labels))
			if err != nil {
				t.Fatal(err)
			}
			var kept []string
			for _, chain := range fitted.Chains {
				kept = append(kept, chain.Name)
			}
			if !slices.Equal(kept, c.kept) || len(fitted.Inputs) != len(kept) {
				t.Errorf("%s of %s: kept %v, want %v; dropped %+v", name, task, kept, c.kept, fitted.Dropped)
			}
			if len(fitted.Dropped) != 6-len(kept) || slices.ContainsFunc(fitted.Dropped, func(d feature.Dropped) bool { return d.Name == "" || d.By == "" }) {
				t.Errorf("%s: dropped %+v", name, fitted.Dropped)
			}
		}
	}
	_, err := feature.Fit(list(pipeline.Select{Variance: new(1e9)}), f, feature.Supervised(&feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}, y))
	refused(t, err, fault.FeatureInvalid, "drops every one of 6", `"signal" by variance`)
}

// A product keeps the factor it needs, hidden, when selection drops it.
func TestADroppedFactorStaysHidden(t *testing.T) {
	f := table(number("a", 1, 2, 3, 4), number("b", 2, 1, 5, 0))
	list := []pipeline.Feature{{Columns: []string{"a", "b"}, Apply: []pipeline.Transform{{Polynomial: &pipeline.Polynomial{InteractionOnly: true}}}}, {Select: &pipeline.Select{Drop: []string{"a"}}}}
	fitted, m := fitApply(t, f, list...)
	if got := m.Names(); !slices.Equal(got, []string{"b", "a b"}) || len(fitted.Chains) != 3 || !fitted.Chains[2].Hidden || len(fitted.Inputs) != 2 {
		t.Fatalf("%v of %+v", got, fitted)
	}
	wantNumbers(t, m, 1, 2, 2, 15, 0)
	data, err := fitted.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := feature.Decode(data); err != nil {
		t.Fatal(err)
	}
}

// A state stays small: what would list half a million categories is refused.
func TestTooManyCategoriesAreRefused(t *testing.T) {
	const rows = 500_001
	c := frame.Column{Name: "key", Kind: frame.Text, Codes: make([]int32, rows)}
	for i := range rows {
		c.Codes[i] = int32(i)
		c.Dict = append(c.Dict, fmt.Sprint(i))
	}
	f := table(c)
	for _, encoder := range []pipeline.Transform{{Frequency: &pipeline.Frequency{}}, {OneHot: &pipeline.OneHot{Unknown: "ignore"}}} {
		_, err := feature.Fit([]pipeline.Feature{entry("key", encoder)}, f)
		refused(t, err, fault.FeatureInvalid, `"key"`, "500001 categories", "hash")
	}
	if _, err := feature.Fit([]pipeline.Feature{entry("key", oneHot(5, 0))}, f); err != nil {
		t.Fatal(err)
	}
}
