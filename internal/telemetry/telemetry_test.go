package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/telemetry"
)

func observation() serving.Observation {
	at := time.Unix(1_700_000_000, 0)
	return serving.Observation{Endpoint: "flights", Version: "3", Role: metadata.RoleLive, Protocol: "v2", Status: 200, Rows: 2, Arrived: at, Computed: at.Add(time.Millisecond),
		Queue: time.Millisecond, Decode: time.Millisecond, Predict: 2 * time.Millisecond, Encode: time.Millisecond, Audit: 3 * time.Millisecond, Total: 8 * time.Millisecond,
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
}

func TestMetricsHaveTheNamesOfTritonAndMLServer(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Observe(observation())
	for _, status := range []int{400, 503, 504, 500} {
		failed := observation()
		failed.Status = status
		m.Observe(failed)
	}
	m.Loaded("flights", time.Second, nil)
	m.Loaded("flights", time.Second, fault.New(fault.BundleInvalid, "no"))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`nv_inference_request_success{model="flights",role="live",version="3"} 1`,
		`nv_inference_request_failure{model="flights",reason="REJECTED",role="live",version="3"} 2`,
		`nv_inference_request_failure{model="flights",reason="CANCELED",role="live",version="3"} 1`,
		`nv_inference_request_failure{model="flights",reason="OTHER",role="live",version="3"} 1`,
		`nv_inference_count{model="flights",role="live",version="3"} 2`,
		`nv_inference_request_duration_us{model="flights",role="live",version="3"} 8000`,
		`nv_inference_compute_infer_duration_us{model="flights",role="live",version="3"} 2000`,
		`model_infer_request_success_total{model_name="flights",model_version="3",role="live"} 1`,
		`model_infer_request_failure_total{model_name="flights",model_version="3",role="live"} 4`,
		`model_infer_request_duration_count{model_name="flights",model_version="3",role="live"} 5`,
		`esteira_loads_total{endpoint="flights",result="live"} 1`, `esteira_loads_total{endpoint="flights",result="failed"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
}

// A receiver of OTLP gets the request's span, in the caller's trace, with its parts.
func TestARequestIsASpanWithItsParts(t *testing.T) {
	got := make(chan *collector.ExportTraceServiceRequest, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		request := &collector.ExportTraceServiceRequest{}
		if err != nil || proto.Unmarshal(b, request) != nil {
			t.Error("not OTLP")
		}
		got <- request
	}))
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	tracer, err := telemetry.NewTracer(t.Context(), "v")
	if err != nil {
		t.Fatal(err)
	}
	tracer.Observe(observation())
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := (<-got).GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()
	names := ""
	for _, s := range spans {
		names += s.GetName() + " "
	}
	root := spans[len(spans)-1]
	if names != "decode predict encode audit infer flights " || string(root.GetTraceId()) != "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c" || root.GetEndTimeUnixNano()-root.GetStartTimeUnixNano() != 8_000_000 {
		t.Fatal(names, root)
	}
	if spans[1].GetEndTimeUnixNano()-spans[1].GetStartTimeUnixNano() != 2_000_000 || string(spans[1].GetParentSpanId()) != string(root.GetSpanId()) {
		t.Fatal(spans[1])
	}
}

func TestWithoutAReceiverThereAreNoTraces(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		t.Setenv(name, "")
	}
	if tracer, err := telemetry.NewTracer(t.Context(), "v"); tracer != nil || err != nil {
		t.Fatal(tracer, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "pigeon")
	if _, err := telemetry.NewTracer(t.Context(), "v"); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
}
