package serving_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/serving"
)

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlainRecords(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1000))
	status, got, header := s.ask(t, "/v1/endpoints/flights/predict",
		`{"id":"mine","records":[{"distance":10,"origin":"JFK","departs":"2026-11-23T10:00:00Z"}, {"origin":null,"departs":1700000000000000,"distance":null}]}`)
	if status != 200 || got["endpoint"] != "flights" || asJSON(t, got["model_version"]) != "3" || asJSON(t, got["revision"]) != "7" || got["id"] != "mine" {
		t.Fatalf("%d %v", status, got)
	}
	list := got["predictions"].([]any)
	first, second := list[0].(map[string]any), list[1].(map[string]any)
	if asJSON(t, first["prediction"]) != "1010.5" || asJSON(t, second["prediction"]) != "1250" { // the median of the distances is 250
		t.Fatalf("%v", list)
	}
	records := s.audited(t)
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	if want := records[0].ID.String() + "," + records[1].ID.String(); header.Get("Esteira-Prediction-Id") != want || first["id"] != records[0].ID.String() {
		t.Fatalf("header %q, body %v, audited %s", header.Get("Esteira-Prediction-Id"), first["id"], want)
	}
	r := records[1]
	if string(r.Features) != `{"origin":null,"departs":1700000000000000,"distance":null}` || string(r.Outputs) != `{"prediction":1250}` ||
		r.Status != 200 || r.Revision != 7 || r.ModelName != "m" || r.ModelVersion != 3 || r.RequestID != "mine" || r.Latency <= 0 || r.Endpoint != "flights" {
		t.Fatalf("%+v", r)
	}
	if header.Get("Esteira-Revision") != "7" || header.Get("Esteira-Model-Version") != "3" || header.Get("X-Request-Id") != "mine" {
		t.Fatalf("%v", header)
	}
}

func TestTensors(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1000))
	for name, body := range map[string]string{
		"flat": `{"id":"42","inputs":[{"name":"distance","shape":[2],"datatype":"FP64","data":[10,20.5]},
			{"name":"origin","shape":[2,1],"datatype":"BYTES","data":["JFK",null]},{"name":"departs","shape":[2],"datatype":"INT64","data":[1700000000000000,null]}]}`,
		"nested, data first": `{"outputs":[{"name":"prediction","parameters":{"x":[1,{"y":2}]}}],"parameters":{"p":true},"inputs":[{"data":[["JFK"],[null]],"name":"origin","parameters":{},"datatype":"BYTES","shape":[2,1]},
			{"name":"departs","shape":[2],"datatype":"BYTES","data":["2023-11-14",null]},{"name":"distance","shape":[2,1],"datatype":"FP32","data":[[10],[20.5]]}],"id":"42"}`,
	} {
		t.Run(name, func(t *testing.T) {
			status, got, _ := s.ask(t, "/v2/models/flights/versions/3/infer", body)
			records := s.audited(t)
			if status != 200 || got["id"] != "42" || got["model_name"] != "flights" || got["model_version"] != "3" || len(records) != 2 {
				t.Fatalf("%d %v, %d records", status, got, len(records))
			}
			want := `[{"data":[1010.5,1020.5],"datatype":"FP64","name":"prediction","shape":[2]}]`
			if asJSON(t, got["outputs"]) != want {
				t.Fatalf("%s", asJSON(t, got["outputs"]))
			}
			ids := records[0].ID.String() + "," + records[1].ID.String()
			if p := got["parameters"].(map[string]any); p["prediction_ids"] != ids || asJSON(t, p["revision"]) != "7" {
				t.Fatalf("%v", p)
			}
			var row map[string]any
			if err := json.Unmarshal(records[1].Features, &row); err != nil || row["distance"] != 20.5 || row["origin"] != nil || len(row) != 3 {
				t.Fatalf("features as sent: %s, %v", records[1].Features, err)
			}
		})
	}
}

func TestClasses(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 0), speciesBundle(t))
	status, got, _ := s.ask(t, "/v1/endpoints/species/predict", `{"records":[{"distance":0},{"distance":1000}]}`)
	if status != 200 {
		t.Fatalf("%d %v", status, got)
	}
	list := got["predictions"].([]any)
	first, second := list[0].(map[string]any), list[1].(map[string]any)
	if first["label"] != `b "q"` || second["label"] != "c<é>" || len(first["probabilities"].(map[string]any)) != 3 {
		t.Fatalf("%v", list)
	}
	sum := 0.0
	for _, p := range first["probabilities"].(map[string]any) {
		x, _ := p.(json.Number).Float64()
		sum += x
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Fatalf("probabilities add up to %v", sum)
	}
	infer := func(outputs string) map[string]map[string]any {
		status, got, _ := s.ask(t, "/v2/models/species/infer", `{"inputs":[{"name":"distance","shape":[1],"datatype":"INT32","data":[0]}]`+outputs+`}`)
		if status != 200 {
			t.Fatalf("%d %v", status, got)
		}
		named := map[string]map[string]any{}
		for _, o := range got["outputs"].([]any) {
			named[o.(map[string]any)["name"].(string)] = o.(map[string]any)
		}
		return named
	}
	all := infer("")
	if asJSON(t, all["probabilities"]["shape"]) != "[1,3]" || asJSON(t, all["label"]["data"]) != `["b \"q\""]` || all["label"]["datatype"] != "BYTES" {
		t.Fatalf("%v", all)
	}
	if one := infer(`,"outputs":[{"name":"label"}]`); len(one) != 1 || one["label"] == nil {
		t.Fatalf("%v", one)
	}
}

func TestMetadataDescribesTheModel(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 0), speciesBundle(t))
	status, got, _ := s.ask(t, "/v2/models/flights", "")
	if want := `[{"datatype":"FP64","name":"distance","shape":[-1]},{"datatype":"BYTES","name":"origin","shape":[-1]},{"datatype":"INT64","name":"departs","shape":[-1]}]`; status != 200 || asJSON(t, got["inputs"]) != want || asJSON(t, got["versions"]) != `["3"]` {
		t.Fatalf("%d %s", status, asJSON(t, got))
	}
	for path, want := range map[string]int{
		"/v2": 200, "/v2/health/live": 200, "/v2/health/ready": 200, "/v2/models/species/ready": 200, "/v2/models/species/versions/3/ready": 200,
		"/v2/models/species/versions/3": 200, "/v2/models/species/versions/4": 404, "/v2/models/none": 404, "/v2/models/none/ready": 404,
		"/v1/endpoints": 200, "/v1/health": 200, "/v1/endpoints/flights": 200, "/nothing": 404, "/v2/models/flights/infer": 405,
	} {
		if status, got, _ := s.ask(t, path, ""); status != want || want >= 400 && got["error"] == "" {
			t.Errorf("%s: %d %v, want %d", path, status, got, want)
		}
	}
	// The example that the server shows is a request that it answers.
	_, shown, _ := s.ask(t, "/v1/endpoints/flights", "")
	if status, got, _ := s.ask(t, "/v1/endpoints/flights/predict", asJSON(t, shown["example"])); status != 200 {
		t.Errorf("the example: %d %v", status, got)
	}
}

func TestRefusalsSayWhereAndAreAudited(t *testing.T) {
	s := newServer(t, serving.Limits{BodyBytes: 4000, Rows: 3}, regressionBundle(t, 0))
	good := `{"distance":1,"origin":"a","departs":1}`
	column := func(name, rest string) string { return `{"name":"` + name + `",` + rest + `}` }
	inputs := func(distance string) string {
		return `{"inputs":[` + distance + `,` + column("origin", `"shape":[1],"datatype":"BYTES","data":["a"]`) + `,` + column("departs", `"shape":[1],"datatype":"INT64","data":[1]`) + `]}`
	}
	plain, infer := "/v1/endpoints/flights/predict", "/v2/models/flights/infer"
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{plain, `{`, 400, "byte 1"},
		{plain, `[]`, 400, "an object"},
		{plain, `{"records":[]}`, 400, "empty"},
		{plain, `{"rows":[]}`, 400, `unknown member "rows"`},
		{plain, `{"id":"x"}`, 400, `no "records"`},
		{plain, `{"records":[` + good + `],"records":[]}`, 400, "comes twice"},
		{plain, `{"records":[{"distance":1,"distance":2,"origin":"a","departs":1}]}`, 400, "the column twice"},
		{plain, `{"records":[` + good + `,{"distance":1,"origin":"a"}]}`, 400, `row 1, column "departs"`},
		{plain, `{"records":[{"distance":1,"origin":"a","departs":1,"extra":2}]}`, 400, `column "extra": got an unknown column`},
		{plain, `{"records":[{"distance":"12","origin":"a","departs":1}]}`, 400, `column "distance": got the string "12", expected a number`},
		{plain, `{"records":[{"distance":NaN,"origin":"a","departs":1}]}`, 400, "NaN"},
		{plain, `{"records":[{"distance":1e400,"origin":"a","departs":1}]}`, 400, "outside the range"},
		{plain, `{"records":[{"distance":{},"origin":"a","departs":1}]}`, 400, "an object or array"},
		{plain, `{"records":[{"distance":1,"origin":5,"departs":1}]}`, 400, `column "origin": got the number 5`},
		{plain, `{"records":[{"distance":1,"origin":"a","departs":"noon"}]}`, 400, `"noon"`},
		{plain, `{"records":[{"distance":1,"origin":"a","departs":1.5}]}`, 400, "1.5"},
		{plain, `{"records":[{"distance":1,"origin":"\ud800","departs":1}]}`, 400, "surrogate"},
		{plain, `{"records":[` + good + `]} x`, 400, "end of the body"},
		{plain, `{"records":[` + good + `,` + good + `,` + good + `,` + good + `]}`, 413, "more than 3 rows"},
		{plain, strings.Repeat(`{"a":`, 700), 400, "unknown member"},
		{plain, `{"records":` + strings.Repeat(`[`, 3000), 400, "a record"},
		{infer, `{"parameters":{"x":` + strings.Repeat(`[`, 3000), 400, "deeper than 64"},
		{infer, `{"parameters":{"timeout":-1}`, 400, "microseconds"},
		{infer, `{"parameters":{"explain":1}`, 400, "true or false"},
		{plain, `{"records":"` + strings.Repeat("x", 5000) + `"}`, 413, "4000 bytes"},
		{infer, `{"inputs":[]}`, 400, `no "inputs"`},
		{infer, `{"inputs":[` + column("distance", `"shape":[1],"datatype":"FP64","data":[1]`) + `]}`, 400, "no input origin"},
		{infer, inputs(column("distance", `"shape":[2],"datatype":"FP64","data":[1]`)), 400, "1 values"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"FP64","data":[1,2]`)), 400, "more values"},
		{infer, inputs(column("distance", `"shape":[1,2],"datatype":"FP64","data":[1,2]`)), 400, "shape [1 2]"},
		{infer, inputs(column("distance", `"shape":[0],"datatype":"FP64","data":[]`)), 400, "shape [0]"},
		{infer, inputs(column("distance", `"shape":[-1],"datatype":"FP64","data":[]`)), 400, "a shape"},
		{infer, inputs(column("distance", `"shape":[1e9],"datatype":"FP64","data":[]`)), 413, "more than 3 rows"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"BYTES","data":["1"]`)), 400, "cannot have the datatype"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"FP16","data":[1]`)), 400, "cannot have the datatype"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"INT8","data":[128]`)), 400, "datatype INT8"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"INT64","data":[1.5]`)), 400, "datatype INT64"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"FP32","data":[1e39]`)), 400, "datatype FP32"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"FP64","data":[true]`)), 400, "datatype FP64"},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"FP64"`)), 400, `no "data"`},
		{infer, inputs(column("distance", `"shape":[1],"datatype":"FP64","data":[1],"data":[2]`)), 400, "comes twice"},
		{infer, inputs(column("origin", `"shape":[1],"datatype":"BYTES","data":["a"]`)), 400, "comes twice"},
		{infer, inputs(column("height", `"shape":[1],"datatype":"FP64","data":[1]`)), 400, "unknown input"},
		{infer, `{"outputs":[{"name":"x"}]}`, 400, `no output "x"`},
		{"/v2/models/nobody/infer", `{}`, 404, "ask one of: flights"},
		{"/v2/models/flights/versions/9/infer", `{}`, 404, "version 3 is"},
	} {
		status, got, header := s.ask(t, c.path, c.body)
		message, _ := got["error"].(string)
		if status != c.status || !strings.Contains(message, c.want) || got["kind"] == "" {
			t.Errorf("%.80s: %d %v, want %d and %q", c.body, status, got, c.status, c.want)
			continue
		}
		records := s.audited(t)
		if len(records) != 1 || int(records[0].Status) != c.status || !strings.Contains(records[0].Error, c.want) || header.Get("Esteira-Prediction-Id") != records[0].ID.String() {
			t.Errorf("%.80s: audited %+v", c.body, records)
		}
	}
}

// What a server answers to a record is what the library does with it.
func TestRowsAreReadAsTheLibraryReadsThem(t *testing.T) {
	data := regressionBundle(t, 0)
	s := newServer(t, serving.Limits{}, data)
	b, err := bundle.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range []string{
		`{"distance":1.5,"origin":"JFK","departs":"2026-01-02 03:04:05"}`, `{"distance":true,"origin":"","departs":"2026-01-02"}`,
		`{"distance":-0,"origin":"NEW","departs":null}`, `{"distance":null,"origin":null,"departs":1.7e15}`, `{"distance":5e-324,"origin":"é","departs":"2026-01-02T03:04:05+02:00"}`,
		`{"distance":1,"origin":"x","departs":true}`, `{"distance":"1","origin":"x","departs":1}`, `{"distance":1,"origin":false,"departs":1}`, `{"distance":1,"origin":"x"}`,
	} {
		var row map[string]any
		if err := json.Unmarshal([]byte(record), &row); err != nil {
			t.Fatal(err)
		}
		f, ferr := bundle.FrameFromRecords(b.Signature, []map[string]any{row})
		status, got, _ := s.ask(t, "/v1/endpoints/flights/predict", `{"records":[`+record+`]}`)
		if (ferr == nil) != (status == http.StatusOK) {
			t.Errorf("%s: the library says %v, the server %d %v", record, ferr, status, got)
			continue
		}
		if ferr != nil {
			continue
		}
		out := make([]float64, 1)
		if err := p.Predict(f, out); err != nil {
			t.Fatal(err)
		}
		x, _ := got["predictions"].([]any)[0].(map[string]any)["prediction"].(json.Number).Float64()
		if math.Float64bits(x) != math.Float64bits(out[0]) {
			t.Errorf("%s: %v, the library answers %v", record, x, out[0])
		}
	}
}

// A revision's buffers are used again: nothing of one request may show in the next.
func TestRequestsDoNotSeeEachOther(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 0))
	for i := range 50 {
		origin, want := "JFK", float64(i)+0.5
		if i%2 == 0 {
			origin, want = "LAX", float64(i)
		}
		body := fmt.Sprintf(`{"records":[%s{"distance":%d,"origin":%q,"departs":1}]}`, strings.Repeat(`{"distance":0,"origin":"JFK","departs":1},`, i%3), i, origin)
		if i%5 == 0 {
			s.ask(t, "/v1/endpoints/flights/predict", `{"records":[{"distance":9,"origin":"JFK"`)
		}
		status, got, _ := s.ask(t, "/v1/endpoints/flights/predict", body)
		list, _ := got["predictions"].([]any)
		if status != 200 || len(list) != i%3+1 || asJSON(t, list[i%3].(map[string]any)["prediction"]) != asJSON(t, want) {
			t.Fatalf("%d: %d %v, want %v", i, status, got, want)
		}
	}
}
