package serving_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	grpcmetadata "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/serving/oip"
	"github.com/esteira-ml/esteira/internal/token"
)

// With tokens required, only those who may are answered, by every protocol, and a
// record names the token and never shows it.
func TestOnlyTokensAreAnswered(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	set, err := token.Open(t.TempDir() + "/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	good, hash := token.New()
	other, otherHash := token.New()
	deploy, deployHash := token.New() // whose scope nothing here asks for
	if err := set.Replace([]metadata.Token{
		{Name: "app", Hash: hash, Scopes: []string{token.Predict}, Endpoint: "flights"},
		{Name: "labeller", Hash: otherHash, Scopes: []string{token.Label}},
		{Name: "deployer", Hash: deployHash, Scopes: []string{token.Deploy}},
	}); err != nil {
		t.Fatal(err)
	}
	if s.handler, err = serving.New(serving.Options{Admit: set.Admit, Audit: s.spool, Table: s.table}); err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = s.handler
	ask := func(path, authorization, body string) *http.Response {
		t.Helper()
		method := http.MethodPost
		if body == "" {
			method = http.MethodGet
		}
		req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	const label = `{"request_id":"x","label":1}`
	for _, step := range []struct {
		path, authorization, body string
		status                    int
		token                     string
	}{
		{predictPath, "Bearer " + good, goodBody, 200, "app"},
		{"/v2/models/flights/infer", "bearer " + good, `{}`, 400, "app"},
		{predictPath, "", goodBody, 401, ""},
		{predictPath, "Bearer " + good + "x", goodBody, 401, ""},
		{predictPath, "Bearer " + other, goodBody, 403, "labeller"},
		{"/v1/endpoints/species/predict", "Bearer " + good, `{}`, 403, "app"},
		{"/invocations?endpoint=flights", "", `{}`, 401, ""},
		{predictPath, "Bearer " + deploy, goodBody, 403, "deployer"},
	} {
		res := ask(step.path, step.authorization, step.body)
		if res.StatusCode != step.status || (res.Header.Get("WWW-Authenticate") != "") != (step.status == 401) {
			t.Errorf("%s, %s: %d %v", step.path, step.authorization, res.StatusCode, res.Header)
		}
		records := s.audited(t)
		if len(records) != 1 || int(records[0].Status) != step.status || records[0].Token != step.token || strings.Contains(sprint(records[0]), good) {
			t.Errorf("%s: %+v", step.path, records)
		}
	}
	for path, want := range map[string]int{"/v2/health/ready": 200, "/v2/health/live": 200, "/v1/endpoints": 401, "/v2/models/flights": 401, "/v1/health": 401, "/v1/endpoints/flights": 401, "/artifacts/x": 401} {
		if res := ask(path, "", ""); res.StatusCode != want {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/v2", "/v2/models/flights", "/v2/models/flights/ready", "/v1/health", "/v1/endpoints", "/v1/endpoints/flights", "/v1/openapi.json", "/v1/endpoints/flights/try", "/artifacts/x"} {
		if res := ask(path, "Bearer "+deploy, ""); res.StatusCode != 403 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	if res := ask("/v1/endpoints/flights/labels", "Bearer "+deploy, label); res.StatusCode != 403 {
		t.Error(res.StatusCode)
	}
	if res := ask("/v2/models/flights", "Bearer "+good, ""); res.StatusCode != 200 {
		t.Error(res.StatusCode)
	}
	if res := ask("/v1/endpoints/flights/labels", "Bearer "+good, label); res.StatusCode != 403 {
		t.Error(res.StatusCode)
	}
	if res := ask("/v1/endpoints/flights/labels", "Bearer "+other, label); res.StatusCode != 503 { // there is no database here
		t.Error(res.StatusCode)
	}

	c := oip.NewGRPCInferenceServiceClient(s.dial(t))
	with := func(secret string) (context grpcmetadata.MD) {
		return grpcmetadata.Pairs("authorization", "Bearer "+secret)
	}
	if _, err := c.ModelInfer(grpcmetadata.NewOutgoingContext(t.Context(), with(good)), rawRequest()); err != nil {
		t.Error(err)
	}
	if _, err := c.ModelInfer(t.Context(), rawRequest()); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	if _, err := c.ModelInfer(grpcmetadata.NewOutgoingContext(t.Context(), with(good)), &oip.ModelInferRequest{ModelName: "species"}); status.Code(err) != codes.PermissionDenied {
		t.Error(err)
	}
	if _, err := c.ModelMetadata(t.Context(), &oip.ModelMetadataRequest{Name: "flights"}); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	records := s.audited(t)
	if len(records) != 4 || records[0].Token != "app" || records[2].Status != 401 || !strings.HasPrefix(records[2].Error, string(fault.Unauthenticated)) || records[3].Status != 403 {
		t.Errorf("%+v", records)
	}
}
