package serving_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/serving"
)

// post asks with a content type.
func (s *testServer) post(t testing.TB, path, kind, body string) (int, string) {
	t.Helper()
	res, err := s.Client().Post(s.URL+path, kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		t.Fatal(err)
	}
	_, answer, _ := strings.Cut(b.String(), "\r\n\r\n")
	return res.StatusCode, strings.TrimSpace(answer)
}

// Every format of MLflow's scoring server gives the same answer, and the same row is
// recorded.
func TestTheFormatsOfMLflow(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	for name, step := range map[string]struct{ kind, body string }{
		"split":            {"application/json", `{"dataframe_split":{"data":[[1,10,"JFK"],[null,20.5,null]],"columns":["departs","distance","origin"],"index":[0,1]},"params":{"x":[1]}}`},
		"records":          {"application/json; charset=utf-8", `{"dataframe_records":[{"distance":10,"origin":"JFK","departs":1},{"distance":20.5,"origin":null,"departs":null}]}`},
		"instances":        {"application/json", `{"instances":[{"distance":10,"origin":"JFK","departs":1},{"distance":20.5,"origin":null,"departs":null}]}`},
		"inputs":           {"application/json", `{"params":null,"inputs":{"distance":[10,20.5],"origin":["JFK",null],"departs":[1,null]}}`},
		"inputs as rows":   {"application/json", `{"inputs":[{"distance":10,"origin":"JFK","departs":1},{"distance":20.5,"origin":null,"departs":null}]}`},
		"CSV":              {"text/csv", "origin,distance,departs\nJFK,10,1\n,20.5,\n"},
		"CSV, with quotes": {"Text/CSV; charset=utf-8", "\ufeff\"origin\",\"distance\",\"departs\"\r\n\"JFK\",1e1,1970-01-01 00:00:00.000001\r\n\"\",20.5,\"\""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/invocations", "/v1/endpoints/flights/invocations"} {
				if status, answer := s.post(t, path, step.kind, step.body); status != 200 || answer != `{"predictions":[11.5,21.5]}` {
					t.Fatal(status, answer)
				}
				records := s.audited(t)
				if len(records) != 2 || !strings.Contains(string(records[0].Features), `"origin":"JFK"`) || !strings.Contains(string(records[1].Features), `"origin":null`) || !strings.Contains(string(records[1].Features), `"distance":20.5`) {
					t.Fatalf("%s", records[0].Features)
				}
			}
		})
	}
}

func TestClassesInTheFormatsOfMLflow(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	const body = `{"instances":[{"distance":1000}],"params":{"predict_method":"predict_proba","explain":true}}`
	if status, answer := s.post(t, "/invocations?endpoint=species", "application/json", `{"instances":[{"distance":1000}]}`); status != 200 || answer != `{"predictions":["c\u003cé\u003e"]}` {
		t.Fatal(status, answer)
	}
	req, err := http.NewRequest(http.MethodPost, s.URL+"/invocations", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Esteira-Endpoint", "species")
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil || res.StatusCode != 200 || !strings.Contains(b.String(), `{"predictions":[[0.0000`) || !strings.Contains(b.String(), `"explanations":[{"a":{"base":`) {
		t.Fatal(b.String(), err)
	}
}

func TestWhatMLflowWouldRefuse(t *testing.T) {
	s := newServer(t, serving.Limits{Rows: 2}, regressionBundle(t, 1), speciesBundle(t))
	const head = `{"dataframe_split":{"columns":["departs","distance","origin"],"data":`
	for _, step := range []struct {
		kind, body string
		status     int
		says       string
	}{
		{"application/json", `{}`, 400, "dataframe_split"},
		{"application/json", `{"instances":[],"inputs":[]}`, 400, "both"},
		{"application/json", `{"instances":[]}`, 400, "empty"},
		{"application/json", `{"instances":{}}`, 400, "an array of rows"},
		{"application/json", `{"inputs":{"distance":[1],"origin":["a"],"departs":[1,2]}}`, 400, "2 values"},
		{"application/json", `{"inputs":{"distance":[1]}}`, 400, "no such column"},
		{"application/json", `{"inputs":{"distance":[1,1,1]}}`, 413, "2 rows"},
		{"application/json", `{"dataframe_split":{"columns":["distance"],"data":[[1]]}}`, 400, "no such column"},
		{"application/json", `{"dataframe_split":{"columns":["distance","distance"],"data":[[1]]}}`, 400, "twice"},
		{"application/json", `{"dataframe_split":{"columns":["height"],"data":[[1]]}}`, 400, "unknown column"},
		{"application/json", `{"dataframe_split":{"data":[[1]]}}`, 400, "columns"},
		{"application/json", head + `[[1,2,"a",4]]}}`, 400, "more values than columns"},
		{"application/json", head + `[[1,2]]}}`, 400, "2 values"},
		{"application/json", head + `[[1,NaN,"a"]]}}`, 400, "NaN"},
		{"application/json", head + `[[1,1e400,"a"]]}}`, 400, "outside the range"},
		{"application/json", head + `[[1,1,"a"],[1,1,"a"],[1,1,"a"]]}}`, 413, "2 rows"},
		{"application/json", `{"params":{"predict_method":"predict_proba"},"instances":[{"distance":1,"origin":"a","departs":1}]}`, 400, "no classes"},
		{"application/json", `{"params":{"predict_method":"dream"}}`, 400, "predict_proba"},
		{"text/csv", "", 400, "not CSV"},
		{"text/csv", "distance,origin,departs\n", 400, "no rows"},
		{"text/csv", "distance,origin\n1,a\n", 400, "no such column"},
		{"text/csv", "distance,origin,departs\n1,a\n", 400, "not CSV"},
		{"text/csv", "distance,origin,departs\ninf,a,1\n", 400, `"inf"`},
		{"text/csv", "distance,origin,departs\n0x1p3,a,1\n", 400, `"0x1p3"`},
		{"text/csv", "distance,origin,departs\n1,\xff,1\n", 400, "UTF-8"},
		{"text/csv", "distance,origin,departs\n1,a,1\n1,a,1\n1,a,1\n", 413, "2 rows"},
	} {
		status, answer := s.post(t, "/v1/endpoints/flights/invocations", step.kind, step.body)
		if status != step.status || !strings.Contains(unquoted(answer), step.says) {
			t.Errorf("%s: %d %s", step.body, status, answer)
		}
		if n := len(s.audited(t)); n != 1 {
			t.Errorf("%s: %d records", step.body, n)
		}
	}
	if status, answer := s.post(t, "/invocations", "application/json", `{}`); status != 404 || !strings.Contains(answer, "Esteira-Endpoint") {
		t.Error(status, answer)
	}
}

func unquoted(s string) string { return strings.ReplaceAll(s, `\"`, `"`) }

// Whatever comes in, by any protocol, is answered or refused, and recorded.
func FuzzProtocols(f *testing.F) {
	s := newServer(f, serving.Limits{BodyBytes: 1 << 16, Rows: 10}, regressionBundle(f, 1))
	raw := append([]byte(`{"inputs":[{"name":"distance","shape":[1],"datatype":"FP64","parameters":{"binary_data_size":8}},{"name":"origin","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":7}},{"name":"departs","shape":[1],"datatype":"INT64","data":[1]}],"parameters":{"binary_data_output":true,"explain":true}}`), fp64(1)...)
	raw = append(raw, bytesOf("JFK")...)
	f.Add(raw, len(raw)-15, uint8(0))
	f.Add([]byte(`{"dataframe_split":{"columns":["departs","distance","origin"],"data":[[1,2,"a"]]}}`), 0, uint8(1))
	f.Add([]byte(`{"inputs":{"distance":[1],"origin":["a"],"departs":[null]},"params":{"explain":true}}`), 0, uint8(1))
	f.Add([]byte("distance,origin,departs\n1,\"a\nb\",\n"), 0, uint8(2))
	f.Fuzz(func(t *testing.T, body []byte, head int, protocol uint8) {
		path, kind := "/v2/models/flights/infer", "application/octet-stream"
		if protocol %= 3; protocol > 0 {
			path, kind, head = "/invocations", []string{"application/json", "text/csv"}[protocol-1], 0
		}
		req, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		if head != 0 {
			req.Header.Set("Inference-Header-Content-Length", sprint(head))
		}
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 && res.StatusCode != 400 && res.StatusCode != 413 {
			t.Fatalf("%q: %d", body, res.StatusCode)
		}
		if len(s.audited(t)) == 0 {
			t.Fatalf("%q: no record", body)
		}
	})
}
