package feature_test

import (
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

var schema = pipeline.Schema{
	{Name: "id", Type: "number"}, {Name: "distance", Type: "number"}, {Name: "origin", Type: "text"},
	{Name: "departure", Type: "time", SQL: "TIMESTAMP"}, {Name: "born", Type: "time", SQL: "DATE"},
	{Name: "delay", Type: "number"}, {Name: "__esteira_split", Type: "text"},
}

var problem = pipeline.Problem{Task: pipeline.Regression, Target: "delay"}

func refused(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Fatalf("%v is not %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestAutoPicksEveryColumnThatIsNotTheAnswerOrAKey(t *testing.T) {
	list, err := feature.Resolve(pipeline.Features{Auto: true}, problem, schema, "id")
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, f := range list {
		columns = append(columns, f.Columns...)
	}
	if got := strings.Join(columns, " "); got != "distance origin departure born" {
		t.Fatal(got)
	}
	if _, err := feature.Resolve(pipeline.Features{List: list}, problem, schema); err != nil {
		t.Fatalf("what auto picked is refused: %v", err)
	}
	f := table(number("distance", 1, 2), text("origin", "a", "-"),
		frame.Column{Name: "departure", Kind: frame.Time, Times: []int64{1, 2}}, frame.Column{Name: "born", Kind: frame.Time, Times: []int64{1, 2}})
	_, m := fitApply(t, f, list...)
	if got := strings.Join(m.Names()[:6], " "); got != "distance origin=a origin=missing departure_month departure_day departure_day_of_week=0" {
		t.Fatal(got)
	}
	if _, err := feature.Resolve(pipeline.Features{Auto: true}, problem, schema[5:]); err == nil {
		t.Fatal("no column to learn from is not an error")
	}
}

func TestChainsThatMakeNoSenseAreRefused(t *testing.T) {
	blank := ""
	infinite := math.Inf(1)
	for name, c := range map[string]struct {
		feature pipeline.Feature
		kind    fault.Kind
		says    string
	}{
		"misspelt":            {entry("distanse"), fault.ColumnMissing, `did you mean "distance"`},
		"far off":             {entry("q"), fault.ColumnMissing, "use one of id"},
		"leak":                {entry("delay"), fault.FeatureInvalid, "leakage"},
		"reserved":            {entry("__esteira_split", oneHot(9, 0)), fault.FeatureInvalid, "reserved"},
		"one-hot number":      {entry("distance", oneHot(9, 0)), fault.FeatureInvalid, "number"},
		"raw text":            {entry("origin"), fault.FeatureInvalid, "one_hot"},
		"raw time":            {entry("departure"), fault.FeatureInvalid, "date_parts"},
		"standardized text":   {entry("origin", standardize), fault.FeatureInvalid, "text"},
		"standardized block":  {entry("origin", oneHot(9, 0), standardize), fault.FeatureInvalid, "after one_hot"},
		"mean of text":        {entry("origin", impute("mean"), oneHot(9, 0)), fault.FeatureInvalid, "most_frequent"},
		"imputed time":        {entry("departure", impute("mean")), fault.FeatureInvalid, "date_parts"},
		"parts of number":     {entry("distance", dateParts(nil, "hour")), fault.FeatureInvalid, "time"},
		"parts twice":         {entry("departure", dateParts(nil, "hour"), dateParts(nil, "hour")), fault.FeatureInvalid, "once"},
		"unknown part":        {entry("departure", dateParts(nil, "week")), fault.FeatureInvalid, "day_of_week"},
		"part twice":          {entry("departure", dateParts(nil, "hour", "hour")), fault.FeatureInvalid, "twice"},
		"year as category":    {entry("departure", dateParts([]string{"year"})), fault.FeatureInvalid, "year"},
		"log of z-scores":     {entry("distance", standardize, log1p), fault.FeatureInvalid, "before"},
		"log twice":           {entry("distance", log1p, log1p), fault.FeatureInvalid, "twice"},
		"unknown strategy":    {entry("distance", impute("best")), fault.FeatureInvalid, "median"},
		"constant nothing":    {entry("distance", impute("constant")), fault.FeatureInvalid, "finite"},
		"constant infinity":   {entry("distance", pipeline.Transform{Impute: &pipeline.Impute{Value: &infinite}}), fault.FeatureInvalid, "finite"},
		"constant empty text": {entry("origin", pipeline.Transform{Impute: &pipeline.Impute{Text: &blank}}), fault.FeatureInvalid, "empty"},
		"one category":        {entry("origin", oneHot(1, 0)), fault.FeatureInvalid, "max_categories"},
		"two in a step":       {entry("distance", pipeline.Transform{Log1p: &struct{}{}, Standardize: &struct{}{}}), fault.FeatureInvalid, "2 transforms"},
		"hash of number":      {entry("distance", pipeline.Transform{Hash: &pipeline.Hash{}}), fault.FeatureInvalid, "hash is applied to a number"},
		"scaled text":         {entry("origin", pipeline.Transform{MinMax: &pipeline.MinMax{}}), fault.FeatureInvalid, "min_max is applied to a text"},
		"after bins":          {entry("distance", pipeline.Transform{Bin: &pipeline.Bin{}}, standardize), fault.FeatureInvalid, "after bin"},
		"bins":                {entry("distance", pipeline.Transform{Bin: &pipeline.Bin{Bins: 999}}), fault.FeatureInvalid, "999"},
		"bits":                {entry("origin", pipeline.Transform{NGrams: &pipeline.NGrams{Bits: 11}}), fault.FeatureInvalid, "11"},
		"no clip":             {entry("distance", pipeline.Transform{Clip: &pipeline.Clip{}}), fault.FeatureInvalid, "no bound"},
		"clip upside down":    {entry("distance", pipeline.Transform{Clip: &pipeline.Clip{Min: new(2.0), Max: new(1.0)}}), fault.FeatureInvalid, "impossible"},
		"percentiles":         {entry("distance", pipeline.Transform{Robust: &pipeline.Robust{Lower: new(80.0)}}), fault.FeatureInvalid, "percentiles"},
		"power":               {entry("distance", pipeline.Transform{Power: &pipeline.Power{Method: "log"}}), fault.FeatureInvalid, "box_cox"},
		"range":               {entry("distance", pipeline.Transform{MinMax: &pipeline.MinMax{Min: 5}}), fault.FeatureInvalid, "below"},
		"unknown outcome":     {entry("origin", pipeline.Transform{Ordinal: &pipeline.Ordinal{Unknown: "infrequent"}}), fault.FeatureInvalid, "not an outcome"},
		"smoothing":           {entry("origin", pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Smoothing: &infinite}}), fault.FeatureInvalid, "smoothing"},
		"formula":             {entry("distance", pipeline.Transform{Expr: &pipeline.Expr{Name: "x", Formula: "distance *"}}), fault.FeatureInvalid, "at character 11"},
		"formula of text":     {entry("origin", pipeline.Transform{Expr: &pipeline.Expr{Name: "x", Formula: "origin * 2"}}), fault.FeatureInvalid, "which is a text"},
		"formula later":       {entry("distance", standardize, pipeline.Transform{Expr: &pipeline.Expr{Name: "x", Formula: "distance"}}), fault.FeatureInvalid, "expr first"},
		"product of blocks":   {entry("origin", oneHot(9, 0), pipeline.Transform{Polynomial: &pipeline.Polynomial{}}), fault.FeatureInvalid, "block of indicators"},
		"cycle of years":      {entry("departure", pipeline.Transform{DateParts: &pipeline.DateParts{Cyclical: []string{"year"}}}), fault.FeatureInvalid, "come round"},
		"twice":               {pipeline.Feature{Columns: []string{"distance", "distance"}}, fault.FeatureInvalid, "both named"},
		"no column":           {pipeline.Feature{}, fault.FeatureInvalid, "no column"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := feature.Resolve(pipeline.Features{List: []pipeline.Feature{c.feature}}, problem, schema)
			refused(t, err, c.kind, c.says)
		})
	}
}

func TestFitRefusesWhatCannotBeLearnedFrom(t *testing.T) {
	_, err := feature.Fit([]pipeline.Feature{entry("x")}, &frame.Frame{Columns: []frame.Column{number("x")}})
	refused(t, err, fault.DatasetEmpty)
	_, err = feature.Fit([]pipeline.Feature{entry("y")}, table(number("x", 1)))
	refused(t, err, fault.ColumnMissing, `"y"`, `"x"`)
	_, err = feature.Fit([]pipeline.Feature{entry("x")}, table(number("x", 1, math.Inf(-1))))
	refused(t, err, fault.FeatureInvalid, `"x"`, "row 1")
	_, err = feature.Fit([]pipeline.Feature{entry("x", standardize)}, table(number("x", 1e308, 1e308, -1e308)))
	refused(t, err, fault.FeatureInvalid, `"x"`, "overflow")
	_, err = feature.Fit([]pipeline.Feature{entry("x", pipeline.Transform{Power: &pipeline.Power{Method: "box_cox"}})}, table(number("x", 1, 0, 3)))
	refused(t, err, fault.FeatureInvalid, `"x"`, "positive", "yeo_johnson")
	_, err = feature.Fit([]pipeline.Feature{entry("c", pipeline.Transform{TargetEncode: &pipeline.TargetEncode{}})}, table(text("c", "a", "b")))
	refused(t, err, fault.Internal, "without the target")
	_, err = feature.Fit([]pipeline.Feature{entry("x", pipeline.Transform{Polynomial: &pipeline.Polynomial{}})}, table(number("x", 1e200, 1)))
	refused(t, err, fault.FeatureInvalid, `"x^2"`, "overflow")
	_, err = feature.Fit([]pipeline.Feature{entry("c", oneHot(9, 0))}, table(text("c", "\xff")))
	refused(t, err, fault.FeatureInvalid, "UTF-8")
}

func TestApplyNamesTheColumnThatDoesNotFit(t *testing.T) {
	fitted, _ := fitApply(t, table(number("distance", 1, 2), text("origin", "a", "b")), entry("distance", standardize), entry("origin", oneHot(9, 0)))
	_, err := fitted.Apply(table(number("distance", 1), text("orgin", "a")))
	refused(t, err, fault.ColumnMissing, `"origin"`, `"orgin"`)
	_, err = fitted.Apply(table(text("distance", "far"), text("origin", "a")))
	refused(t, err, fault.TypeMismatch, `"distance"`, "text", "number")
	_, err = fitted.Apply(table(number("distance", 0, math.Inf(1)), text("origin", "a", "b")))
	refused(t, err, fault.FeatureInvalid, `"distance"`, "row 1")
	_, err = fitted.Apply(table(number("distance", 0, math.MaxFloat64), text("origin", "a", "b")))
	refused(t, err, fault.FeatureInvalid, `"distance"`, "row 1") // divided by a scale of 0.5
	_, err = fitted.Apply(&frame.Frame{Rows: 2, Columns: []frame.Column{number("distance", 0), text("origin", "a", "b")}})
	refused(t, err, fault.Internal, "2 rows")
	// Columns may come in any order, with others between.
	m, err := fitted.Apply(table(number("other", 9), text("origin", "b"), number("distance", 2)))
	if err != nil || m.Features[0].Numbers[0] != 1 || m.Features[1].Codes[0] != 1 {
		t.Fatalf("%+v %v", m, err)
	}
}

func FuzzDecode(f *testing.F) {
	r, list := request()
	fitted, err := feature.Fit(list, r)
	if err != nil {
		f.Fatal(err)
	}
	data, err := fitted.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, chains := range []string{
		`{"name":"a","column":"a","steps":[{"power":{"method":"box_cox","lambda":-3}},{"impute":{"number":1}},{"clip":{"min":0}},{"bin":{"edges":[0,1],"one_hot":true}}]}`,
		`{"name":"p","factors":["a","a"]},{"name":"a","column":"a","hidden":true,"steps":[{"impute":{"number":1}},{"min_max":{"scale":2,"offset":1e300}}]}`,
		`{"name":"e","columns":["a"],"steps":[{"expr":{"formula":"exp(a)"}},{"impute":{"number":0}}]},{"name":"m","column":"a","steps":[{"missing":{}}]}`,
	} {
		f.Add([]byte(`{"version":1,"inputs":[{"name":"a","kind":"number"}],"chains":[` + chains + `]}`))
	}
	for _, steps := range []string{`{"ordinal":{"categories":["a","x"],"unknown":"error"}},{"impute":{"number":0}}`, `{"hash":{"bits":2}}`, `{"ngrams":{"min":1,"max":2,"bits":1}}`, `{"missing":{"text":true}}`, `{"values":{"of":"target","categories":["x"],"values":[1e308],"missing":0,"other":2}},{"robust":{"center":-1e308,"scale":1}}`} {
		f.Add([]byte(`{"version":1,"inputs":[{"name":"a","kind":"text"}],"chains":[{"name":"a","column":"a","steps":[` + steps + `]}]}`))
	}
	f.Add([]byte(`{"version":1,"inputs":[{"name":"a","kind":"text"}],"chains":[{"name":"a","column":"a","steps":[{"impute":{"text":"x"}},{"one_hot":{"categories":["x","y"],"shared":true}}]}]}`))
	f.Add([]byte(`{"version":1,"inputs":[{"name":"a","kind":"number"}],"chains":[{"name":"a","column":"a","steps":[{"log1p":{}},{"standardize":{"mean":1e308,"scale":1e-308}},{"impute":{"number":-0}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fitted, err := feature.Decode(data)
		if err != nil {
			refused(t, err, fault.BundleInvalid)
			return
		}
		again, err := fitted.Encode()
		if err != nil {
			t.Fatalf("accepted but not encoded: %v", err)
		}
		if twice, err := feature.Decode(again); err != nil {
			t.Fatalf("encoded but not accepted: %v", err)
		} else if b, _ := twice.Encode(); string(b) != string(again) {
			t.Fatal("encoding is not canonical")
		}
		in := &frame.Frame{Rows: 2}
		for _, c := range fitted.Inputs {
			switch c.Kind {
			case "text":
				in.Columns = append(in.Columns, text(c.Name, "x", "-"))
			case "time":
				in.Columns = append(in.Columns, frame.Column{Name: c.Name, Kind: frame.Time, Times: []int64{math.MaxInt64, frame.MissingTime}})
			default:
				in.Columns = append(in.Columns, number(c.Name, 1, nan))
			}
		}
		if m, err := fitted.Apply(in); err == nil {
			for _, out := range m.Features {
				for _, v := range out.Numbers {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Fatalf("%s is %v", out.Name, v)
					}
				}
				for _, code := range out.Codes {
					if int(code) >= len(out.Categories) || code < frame.MissingCode {
						t.Fatalf("%s has code %d", out.Name, code)
					}
				}
			}
		} else if fault.KindOf(err) != fault.FeatureInvalid {
			t.Fatal(err)
		}
	})
}
