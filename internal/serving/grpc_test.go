package serving_test

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	grpcmetadata "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/serving/oip"
)

// dial serves s over gRPC too, and connects to it.
func (s *testServer) dial(t testing.TB, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := s.handler.GRPC()
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func fp64(v ...float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func bytesOf(v ...string) []byte {
	var b []byte
	for _, s := range v {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

func input(name, datatype string, n int64, contents *oip.InferTensorContents) *oip.ModelInferRequest_InferInputTensor {
	return &oip.ModelInferRequest_InferInputTensor{Name: name, Datatype: datatype, Shape: []int64{n}, Contents: contents}
}

// rawRequest asks flights for two rows, the second without an origin.
func rawRequest() *oip.ModelInferRequest {
	return &oip.ModelInferRequest{ModelName: "flights", Id: "r-1",
		Inputs:           []*oip.ModelInferRequest_InferInputTensor{input("distance", "FP64", 2, nil), input("origin", "BYTES", 2, nil), input("departs", "INT64", 2, nil)},
		RawInputContents: [][]byte{fp64(10, 20), bytesOf("JFK", ""), binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 1), 2)}}
}

func TestTheProtocolOverGRPC(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1), speciesBundle(t))
	c, ctx := oip.NewGRPCInferenceServiceClient(s.dial(t)), t.Context()
	if r, err := c.ServerLive(ctx, &oip.ServerLiveRequest{}); err != nil || !r.GetLive() {
		t.Fatal(r, err)
	}
	if r, err := c.ServerReady(ctx, &oip.ServerReadyRequest{}); err != nil || !r.GetReady() {
		t.Fatal(r, err)
	}
	if r, err := c.ServerMetadata(ctx, &oip.ServerMetadataRequest{}); err != nil || r.GetName() != "esteira" {
		t.Fatal(r, err)
	}
	if r, err := c.ModelReady(ctx, &oip.ModelReadyRequest{Name: "flights", Version: "3"}); err != nil || !r.GetReady() {
		t.Fatal(r, err)
	}
	if _, err := c.ModelReady(ctx, &oip.ModelReadyRequest{Name: "flights", Version: "4"}); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	m, err := c.ModelMetadata(ctx, &oip.ModelMetadataRequest{Name: "flights"})
	if err != nil || len(m.GetInputs()) != 3 || m.GetInputs()[0].GetDatatype() != "FP64" || m.GetOutputs()[0].GetName() != "prediction" || m.GetVersions()[0] != "3" {
		t.Fatal(m, err)
	}
	typed := &oip.ModelInferRequest{ModelName: "flights", ModelVersion: "3", Id: "r-2", Inputs: []*oip.ModelInferRequest_InferInputTensor{
		input("distance", "INT32", 1, &oip.InferTensorContents{IntContents: []int32{-7}}),
		input("origin", "BYTES", 1, &oip.InferTensorContents{BytesContents: [][]byte{[]byte("JFK")}}),
		input("departs", "INT64", 1, &oip.InferTensorContents{Int64Contents: []int64{1}}),
	}}
	for _, step := range []struct {
		request *oip.ModelInferRequest
		want    []byte
	}{{rawRequest(), fp64(11.5, 21)}, {typed, fp64(-7 + 1 + 0.5)}} {
		var header grpcmetadata.MD
		r, err := c.ModelInfer(ctx, step.request, grpc.Header(&header))
		if err != nil || string(r.GetRawOutputContents()[0]) != string(step.want) || r.GetId() != step.request.GetId() || r.GetModelVersion() != "3" {
			t.Fatal(r, err)
		}
		ids := r.GetParameters()["prediction_ids"].GetStringParam()
		if got := header.Get("Esteira-Prediction-Id"); len(got) != 1 || got[0] != ids || ids == "" {
			t.Fatalf("%v, %s", header, ids)
		}
	}
	classes, err := c.ModelInfer(ctx, &oip.ModelInferRequest{ModelName: "species", Inputs: []*oip.ModelInferRequest_InferInputTensor{
		input("distance", "FP32", 1, &oip.InferTensorContents{Fp32Contents: []float32{1}})}, Outputs: []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: "label"}}})
	if err != nil || len(classes.GetOutputs()) != 1 || string(classes.GetRawOutputContents()[0]) != string(bytesOf("b \"q\"")) {
		t.Fatal(classes, err)
	}
	records := s.audited(t)
	if len(records) != 4 || string(records[0].Features) != `{"distance":10,"origin":"JFK","departs":1}` || string(records[1].Features) != `{"distance":20,"origin":null,"departs":2}` || string(records[2].Features) != `{"distance":-7,"origin":"JFK","departs":1}` {
		t.Fatalf("%s", records[0].Features)
	}
	if h, err := grpc_health_v1.NewHealthClient(s.dial(t)).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "flights"}); err != nil || h.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatal(h, err)
	}
	s.handler.Drain()
	if h, err := grpc_health_v1.NewHealthClient(s.dial(t)).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil || h.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Fatal(h, err)
	}
}

// What over gRPC is no request is refused with a code and a kind, and recorded.
func TestRefusalsOverGRPC(t *testing.T) {
	s := newServer(t, serving.Limits{BodyBytes: 64 << 10, Rows: 3}, regressionBundle(t, 1))
	conn := s.dial(t)
	c := oip.NewGRPCInferenceServiceClient(conn)
	change := func(f func(r *oip.ModelInferRequest)) *oip.ModelInferRequest {
		r := rawRequest()
		f(r)
		return r
	}
	n := 0
	for name, step := range map[string]struct {
		request *oip.ModelInferRequest
		code    codes.Code
		kind    fault.Kind
		says    string
	}{
		"endpoint": {change(func(r *oip.ModelInferRequest) { r.ModelName = "x" }), codes.NotFound, fault.EndpointNotFound, "flights"},
		"version":  {change(func(r *oip.ModelInferRequest) { r.ModelVersion = "9" }), codes.NotFound, fault.NotFound, "version 3"},
		"infinite": {change(func(r *oip.ModelInferRequest) { r.RawInputContents[0] = fp64(1, math.Inf(1)) }), codes.InvalidArgument, fault.RequestInvalid, "row 1"},
		"short":    {change(func(r *oip.ModelInferRequest) { r.RawInputContents[0] = fp64(1) }), codes.InvalidArgument, fault.RequestInvalid, "8 bytes"},
		"raw":      {change(func(r *oip.ModelInferRequest) { r.RawInputContents = r.RawInputContents[:2] }), codes.InvalidArgument, fault.RequestInvalid, "3 inputs"},
		"past":     {change(func(r *oip.ModelInferRequest) { r.RawInputContents[1] = []byte{255, 255, 255, 255, 1} }), codes.InvalidArgument, fault.RequestInvalid, "runs past"},
		"text":     {change(func(r *oip.ModelInferRequest) { r.RawInputContents[1] = bytesOf("\xff", "") }), codes.InvalidArgument, fault.RequestInvalid, "UTF-8"},
		"missing":  {change(func(r *oip.ModelInferRequest) { r.Inputs, r.RawInputContents = r.Inputs[:2], r.RawInputContents[:2] }), codes.InvalidArgument, fault.RequestInvalid, "departs"},
		"twice": {change(func(r *oip.ModelInferRequest) {
			r.Inputs[1] = r.Inputs[0]
			r.RawInputContents[1] = r.RawInputContents[0]
		}), codes.InvalidArgument, fault.RequestInvalid, "twice"},
		"type":     {change(func(r *oip.ModelInferRequest) { r.Inputs[0].Datatype = "FP16" }), codes.InvalidArgument, fault.RequestInvalid, "FP64"},
		"shape":    {change(func(r *oip.ModelInferRequest) { r.Inputs[0].Shape = []int64{2, 2} }), codes.InvalidArgument, fault.RequestInvalid, "[N, 1]"},
		"negative": {change(func(r *oip.ModelInferRequest) { r.Inputs[0].Shape = []int64{-1} }), codes.InvalidArgument, fault.RequestInvalid, "[N, 1]"},
		"rows":     {change(func(r *oip.ModelInferRequest) { r.Inputs[0].Shape = []int64{4} }), codes.ResourceExhausted, fault.ResourceExhausted, "3 rows"},
		"output": {change(func(r *oip.ModelInferRequest) {
			r.Outputs = []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: "x"}}
		}), codes.InvalidArgument, fault.RequestInvalid, "prediction"},
		"contents": {change(func(r *oip.ModelInferRequest) {
			r.Inputs[0].Contents = &oip.InferTensorContents{Fp64Contents: []float64{1, 2}}
		}), codes.InvalidArgument, fault.RequestInvalid, "once"},
		"too large": {change(func(r *oip.ModelInferRequest) { r.RawInputContents[1] = make([]byte, 65<<10) }), codes.ResourceExhausted, fault.ResourceExhausted, "65536"},
	} {
		_, err := c.ModelInfer(t.Context(), step.request)
		n++
		if status.Code(err) != step.code || !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "too large" { // gRPC's own words
			continue
		}
		details := status.Convert(err).Details()
		if info, ok := details[0].(*errdetails.ErrorInfo); !ok || info.GetReason() != string(step.kind) {
			t.Errorf("%s: %v", name, details)
		}
	}
	// What gRPC itself refuses is recorded once the call is over, which the client knows first.
	eventually(t, "every refusal has a record", func() bool { return s.spool.Health().Appended == int64(n) })
	records := s.audited(t)
	if len(records) != n {
		t.Fatalf("%d requests, %d records", n, len(records))
	}
	for _, r := range records {
		if r.Status < 400 || r.Error == "" {
			t.Errorf("%+v", r)
		}
	}
}

// A client that begins a message and does not end it is cut off, and what bodies may
// hold is given back.
func TestSlowClientsAreCutOffOverGRPC(t *testing.T) {
	s := newServer(t, serving.Limits{ReadTimeout: 50 * time.Millisecond, BodyBytes: 1 << 20, TotalBytes: 1 << 20, QueueTimeout: 10 * time.Second}, regressionBundle(t, 1))
	conn := s.dial(t)
	for range 3 {
		stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/inference.GRPCInferenceService/ModelInfer")
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(&oip.ModelInferResponse{}); status.Code(err) != codes.DeadlineExceeded {
			t.Fatal(err)
		}
	}
	if _, err := oip.NewGRPCInferenceServiceClient(conn).ModelInfer(t.Context(), rawRequest()); err != nil {
		t.Fatal(err)
	}
}

// A version that is asked for is answered by the canary, too, and metadata lists it.
func TestTheCanarysVersionCanBeAskedFor(t *testing.T) {
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	canary := f.register(t, regressionBundle(t, 2000))
	if _, err := f.db.SetRevision(context.Background(), metadata.SetRevision{Endpoint: "flights", Expected: 1, ModelName: "flights", ModelVersion: 1, Actor: "test",
		Canary: &metadata.Variant{ModelName: "flights", ModelVersion: canary.Version, Share: 0.001}}); err != nil {
		t.Fatal(err)
	}
	f.reported(t, 2, metadata.ServerLive)
	const body = `{"inputs":[{"name":"distance","shape":[1],"datatype":"FP64","data":[1]},{"name":"origin","shape":[1],"datatype":"BYTES","data":["LAX"]},{"name":"departs","shape":[1],"datatype":"INT64","data":[1]}]}`
	for version, want := range map[string]string{"1": "1001", "2": "2001"} {
		status, answer, _ := f.ask(t, "/v2/models/flights/versions/"+version+"/infer", body)
		if outputs, _ := answer["outputs"].([]any); status != 200 || !strings.Contains(sprint(outputs), want) {
			t.Errorf("version %s: %d %v", version, status, answer)
		}
	}
	if _, answer, _ := f.ask(t, "/v2/models/flights", ""); sprint(answer["versions"]) != "[1 2]" {
		t.Error(answer)
	}
}
