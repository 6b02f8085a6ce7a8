package telemetry

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving"
)

// Tracer sends one span for each request, with a child for each part of its way.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// NewTracer returns a Tracer that sends to where OpenTelemetry's own variables say
// (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_TRACES_SAMPLER and
// the rest), or nil if they name no receiver or turn traces off.
func NewTracer(ctx context.Context, version string) (*Tracer, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := os.Getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	if first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT") == "" || os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	var exporter *otlptrace.Exporter
	var err error
	switch protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol {
	case "grpc":
		exporter, err = otlptracegrpc.New(ctx)
	case "", "http/protobuf":
		exporter, err = otlptracehttp.New(ctx)
	default:
		return nil, fault.New(fault.ConfigInvalid, "OTEL_EXPORTER_OTLP_PROTOCOL is %q", protocol).WithRemedy("write http/protobuf or grpc")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "send traces").WithRemedy("check the OTEL_* variables")
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "esteira-server"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "send traces").WithRemedy("check OTEL_RESOURCE_ATTRIBUTES")
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracer{p, p.Tracer("esteira")}, nil
}

// Observe sends the spans of one request; its parent is the caller's, by W3C's
// traceparent.
func (t *Tracer) Observe(o serving.Observation) {
	ctx := context.Background()
	if o.TraceParent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": o.TraceParent, "tracestate": o.TraceState})
	}
	attributes := []attribute.KeyValue{
		attribute.String("esteira.endpoint", o.Endpoint), attribute.String("esteira.protocol", o.Protocol), attribute.Int("http.response.status_code", o.Status),
	}
	if o.Version != "" {
		attributes = append(attributes, attribute.String("esteira.model_version", o.Version), attribute.String("esteira.role", string(o.Role)),
			attribute.Int64("esteira.revision", o.Revision), attribute.Int("esteira.rows", o.Rows), attribute.String("esteira.request_id", o.RequestID))
	}
	ctx, span := t.tracer.Start(ctx, "infer "+o.Endpoint, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(o.Arrived), trace.WithAttributes(attributes...))
	if o.Status >= 500 {
		span.SetStatus(codes.Error, string(o.Kind))
	} else if o.Kind != "" {
		span.SetAttributes(attribute.String("error.type", string(o.Kind)))
	}
	if span.IsRecording() {
		at := o.Computed
		for _, part := range []struct {
			name string
			took time.Duration
		}{{"decode", o.Decode}, {"predict", o.Predict}, {"encode", o.Encode}, {"audit", o.Audit}} {
			if part.took > 0 {
				_, child := t.tracer.Start(ctx, part.name, trace.WithTimestamp(at))
				at = at.Add(part.took)
				child.End(trace.WithTimestamp(at))
			}
		}
	}
	span.End(trace.WithTimestamp(o.Arrived.Add(o.Total)))
}

// Shutdown sends what is left.
func (t *Tracer) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }
