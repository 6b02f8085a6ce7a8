package serving

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving/oip"
)

// message is the Open Inference Protocol v2 over gRPC. Its answer is made by reply.
var message = protocol{name: "grpc", decode: (*rows).decodeMessage, encode: func(_ *exchange, b []byte) []byte { return b }}

// GRPC returns a server of the Open Inference Protocol v2 over gRPC and of gRPC's
// health service, which answers as this server does over HTTP, within the same
// limits.
func (s *Server) GRPC(options ...grpc.ServerOption) *grpc.Server {
	l := &s.opts.Limits
	g := grpc.NewServer(append([]grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2("proto")}),
		grpc.MaxRecvMsgSize(int(l.BodyBytes)), grpc.MaxHeaderListSize(64 << 10), grpc.ConnectionTimeout(min(5*time.Second, l.ReadTimeout)),
		grpc.UnaryInterceptor(s.guardGRPC),
		grpc.MaxConcurrentStreams(uint32(min(4*l.Concurrent, 1<<16))),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 10 * time.Minute, Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}, options...)...)
	// ModelInfer is registered as a stream, which looks the same on the wire: so the
	// handler is asked before the message is read, and not after.
	desc := oip.GRPCInferenceService_ServiceDesc
	desc.Methods = nil
	for _, m := range oip.GRPCInferenceService_ServiceDesc.Methods {
		if m.MethodName != "ModelInfer" {
			desc.Methods = append(desc.Methods, m)
		}
	}
	desc.Streams = []grpc.StreamDesc{{StreamName: "ModelInfer", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error { return s.infer(stream) }}}
	g.RegisterService(&desc, inference{server: s})
	grpc_health_v1.RegisterHealthServer(g, healthService{server: s})
	return g
}

// codec is protobuf's, and hands over the bytes of a message to who asks for them.
type codec struct{ encoding.CodecV2 }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	into, ok := v.(*[]byte)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	for _, part := range data {
		*into = append(*into, part.ReadOnlyData()...)
	}
	return nil
}

// infer answers one ModelInfer.
func (s *Server) infer(stream grpc.ServerStream) error {
	x := s.begin(message)
	defer s.end(x)
	ctx := stream.Context()
	release, err := s.receive(ctx, stream, x)
	release = sync.OnceFunc(release)
	defer release()
	s.settle(ctx, x, release, err)
	_ = stream.SetHeader(x.metadata()) // it fails only after an answer
	if x.status != http.StatusOK {
		return x.statusError()
	}
	return stream.SendMsg(x.reply())
}

// receive is read for gRPC: it brings the message into memory and waits for the
// request's turn.
func (s *Server) receive(ctx context.Context, stream grpc.ServerStream, x *exchange) (release func(), err error) {
	release = func() {}
	x.requestID, x.key = cleaned(header(ctx, headerRequest), maxID), cleaned(header(ctx, headerKey), maxID)
	x.idempotency = header(ctx, headerIdempotency)
	x.client = peerAddress(ctx)
	x.seen.TraceParent, x.seen.TraceState = header(ctx, "traceparent"), header(ctx, "tracestate")
	authorization := header(ctx, "authorization")
	if err := s.admitted(x, authorization); err != nil { // on any endpoint; which it is the message says
		return release, err
	}
	limits := &s.opts.Limits
	held := limits.BodyBytes // its length is not declared
	give, err := s.hold(ctx, x, held)
	if err != nil {
		return release, err
	}
	release = func() { give(held) }
	if err := s.receiveBody(stream, x); err != nil {
		return release, err
	}
	if rest := held - int64(len(x.body)); rest > 0 {
		held -= rest
		give(rest)
	}
	err = x.readTarget()
	if err == nil {
		err = s.admitted(x, authorization)
	}
	if err != nil {
		return release, err
	}
	turn, err := s.turn(ctx, x)
	if err != nil {
		return release, err
	}
	return func() { give(held); turn() }, nil
}

// receiveBody receives the message within the time that any client has.
func (s *Server) receiveBody(stream grpc.ServerStream, x *exchange) error {
	type received struct {
		body []byte
		err  error
	}
	done := make(chan received, 1)
	buffer := x.body
	x.body = nil
	go func() {
		err := stream.RecvMsg(&buffer)
		done <- received{buffer, err}
	}()
	timer := time.NewTimer(s.opts.Limits.ReadTimeout)
	defer timer.Stop()
	select {
	case got := <-done:
		x.body = got.body
		switch code := status.Code(got.err); {
		case got.err == nil:
			return nil
		case code == codes.ResourceExhausted:
			return tooLarge(s.opts.Limits.BodyBytes)
		case stream.Context().Err() != nil:
			return over(stream.Context())
		default:
			return fault.Wrap(got.err, fault.RequestInvalid, "read the message").WithRemedy("send one inference.ModelInferRequest, not compressed")
		}
	case <-timer.C:
		return fault.Wrap(errSlow, fault.RequestInvalid, "read the message").WithRemedy("send the whole request at once")
	}
}

func header(ctx context.Context, name string) string {
	if v := metadata.ValueFromIncomingContext(ctx, name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func peerAddress(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		return p.Addr.String()
	}
	return host
}

// metadata are the headers of an answer, named as over HTTP.
func (x *exchange) metadata() metadata.MD {
	md := metadata.MD{}
	x.headers(func(name, value string) { md.Set(name, value) })
	for name, values := range md { // which gRPC bounds to what can be printed
		md[name] = []string{strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '?'
			}
			return r
		}, values[0])}
	}
	return md
}

// reply makes the answer's message: the values in bytes, as tritonclient has them.
func (x *exchange) reply() *oip.ModelInferResponse {
	s := x.served
	m := &oip.ModelInferResponse{ModelName: s.endpoint, ModelVersion: s.version, Id: x.requestID, Parameters: map[string]*oip.InferParameter{
		"revision":       {ParameterChoice: &oip.InferParameter_Int64Param{Int64Param: s.revision}},
		"prediction_ids": {ParameterChoice: &oip.InferParameter_StringParam{StringParam: string(x.predictionIDs(nil))}},
	}}
	for _, o := range x.outputs() {
		t := &oip.ModelInferResponse_InferOutputTensor{Name: o.name, Datatype: o.datatype}
		for _, n := range o.shape {
			t.Shape = append(t.Shape, int64(n))
		}
		if o.name == contributions {
			t.Parameters = map[string]*oip.InferParameter{"columns": {ParameterChoice: &oip.InferParameter_StringParam{StringParam: x.rows.columns()}}}
		}
		m.Outputs = append(m.Outputs, t)
		m.RawOutputContents = append(m.RawOutputContents, o.appendBytes(nil, x))
	}
	return m
}

// statusError is the answer's error as gRPC has them, with the kind as the reason.
func (x *exchange) statusError() error {
	return grpcError(x.status, x.kind, x.failure)
}

func grpcError(httpStatus int, kind fault.Kind, message string) error {
	st := status.New(codeOf(httpStatus), strings.ToValidUTF8(message, "?"))
	if detailed, err := st.WithDetails(&errdetails.ErrorInfo{Reason: string(kind), Domain: "esteira"}); err == nil {
		st = detailed
	}
	return st.Err()
}

// refusal is grpcError of an error.
func refusal(err error) error {
	status, kind, _ := errorAnswer(nil, err)
	return grpcError(status, kind, err.Error())
}

func codeOf(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusRequestEntityTooLarge:
		return codes.ResourceExhausted
	case statusGone:
		return codes.Canceled
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	}
	return codes.Internal
}
