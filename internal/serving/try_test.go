package serving_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/serving"
)

// A person fills the form, sees the answer with its explanation and where it comes
// from, and it is recorded as any other.
func TestAnEndpointIsTriedInTheBrowser(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	page := func(res *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatal(err, res.Header)
		}
		return string(b)
	}
	form := page(s.Client().Get(s.URL + "/v1/endpoints/flights/try"))
	for _, part := range []string{`name="c0" value="100"`, "100 to 400", `<option value="JFK">`, "revision 7"} {
		if !strings.Contains(form, part) {
			t.Errorf("the form has no %s", part)
		}
	}
	if strings.Contains(form, "http://") || strings.Contains(form, "https://") || strings.Contains(form, "<script") {
		t.Error("the page asks for something from elsewhere")
	}
	answer := page(s.Client().PostForm(s.URL+"/v1/endpoints/flights/try", url.Values{"c0": {"10"}, "c1": {"JFK"}, "c2": {""}, "explain": {"yes"}}))
	records := s.audited(t)
	if len(records) != 1 || string(records[0].Features) != `{"distance":10,"origin":"JFK","departs":null}` {
		t.Fatalf("%+v", records)
	}
	for _, part := range []string{`<p class="headline">11.5</p>`, "&#43;10", "esteira trace " + records[0].ID.String(), "width:50.00%"} {
		if !strings.Contains(answer, part) {
			t.Errorf("the answer has no %s", part)
		}
	}
	refused := page(s.Client().PostForm(s.URL+"/v1/endpoints/flights/try", url.Values{"c0": {"<b>far"}, "c1": {"JFK"}}))
	if !strings.Contains(refused, "It was refused") || strings.Contains(refused, "<b>far") || s.audited(t)[0].Status != 400 {
		t.Error(refused)
	}
	classes := page(s.Client().PostForm(s.URL+"/v1/endpoints/species/try", url.Values{"c0": {"1000"}, "explain": {"yes"}}))
	if !strings.Contains(classes, "c&lt;é&gt;") || !strings.Contains(classes, "100.0 %") {
		t.Error(classes)
	}
	if dir := os.Getenv("ESTEIRA_TEST_PAGES"); dir != "" { // to be looked at
		for name, text := range map[string]string{"form": form, "answer": answer, "refused": refused, "classes": classes} {
			if err := os.WriteFile(dir+"/"+name+".html", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The description of the server and of one endpoint says what a request looks like.
func TestTheServerIsDescribedByOpenAPI(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	_, all, _ := s.ask(t, "/v1/openapi.json", "")
	_, one, _ := s.ask(t, "/v1/endpoints/flights/openapi.json", "")
	if all["openapi"] != "3.1.0" || len(all["paths"].(map[string]any)) != 7 || len(one["paths"].(map[string]any)) != 3 {
		t.Fatal(asJSON(t, all["paths"]))
	}
	schemas := one["components"].(map[string]any)["schemas"].(map[string]any)
	record := schemas["flights.Record"].(map[string]any)
	if asJSON(t, record["required"]) != `["distance","origin","departs"]` || asJSON(t, record["properties"].(map[string]any)["distance"]) != `{"description":"In training from 100 to 400.","example":100,"type":["number","null"]}` {
		t.Fatal(asJSON(t, record))
	}
	// The example is a request.
	operation := one["paths"].(map[string]any)["/v1/endpoints/flights/predict"].(map[string]any)["post"].(map[string]any)
	example := operation["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["example"]
	if status, answer, _ := s.ask(t, predictPath, asJSON(t, example)); status != 200 {
		t.Fatal(answer)
	}
	if status, _, _ := s.ask(t, "/v1/endpoints/nobody/openapi.json", ""); status != 404 {
		t.Fatal(status)
	}
}
