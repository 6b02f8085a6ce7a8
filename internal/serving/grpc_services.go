package serving

import (
	"context"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/esteira-ml/esteira/internal/serving/oip"
)

// inference answers what else the protocol asks.
type inference struct {
	oip.UnimplementedGRPCInferenceServiceServer
	server *Server
}

func (i inference) ServerLive(context.Context, *oip.ServerLiveRequest) (*oip.ServerLiveResponse, error) {
	return &oip.ServerLiveResponse{Live: true}, nil
}

func (i inference) ServerReady(context.Context, *oip.ServerReadyRequest) (*oip.ServerReadyResponse, error) {
	return &oip.ServerReadyResponse{Ready: i.server.notReady() == nil}, nil
}

func (i inference) ModelReady(_ context.Context, r *oip.ModelReadyRequest) (*oip.ModelReadyResponse, error) {
	if _, _, err := i.server.look(r.GetName(), r.GetVersion()); err != nil {
		return nil, refusal(err)
	}
	return &oip.ModelReadyResponse{Ready: i.server.notReady() == nil}, nil
}

func (i inference) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	return &oip.ServerMetadataResponse{Name: "esteira", Version: i.server.opts.Version, Extensions: extensions}, nil
}

func (i inference) ModelMetadata(_ context.Context, r *oip.ModelMetadataRequest) (*oip.ModelMetadataResponse, error) {
	served, versions, err := i.server.look(r.GetName(), r.GetVersion())
	if err != nil {
		return nil, refusal(err)
	}
	inputs, outputs := served.tensors()
	return &oip.ModelMetadataResponse{Name: served.endpoint, Versions: versions, Platform: platform, Inputs: tensorMessages(inputs), Outputs: tensorMessages(outputs)}, nil
}

func tensorMessages(list []tensorMetadata) []*oip.ModelMetadataResponse_TensorMetadata {
	out := make([]*oip.ModelMetadataResponse_TensorMetadata, len(list))
	for i, t := range list {
		out[i] = &oip.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype}
		for _, n := range t.Shape {
			out[i].Shape = append(out[i].Shape, int64(n))
		}
	}
	return out
}

// healthService is gRPC's: of the server ("") or of an endpoint by name.
type healthService struct {
	grpc_health_v1.UnimplementedHealthServer
	server *Server
}

func (h healthService) Check(_ context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if name := r.GetService(); name != "" && name != oip.GRPCInferenceService_ServiceDesc.ServiceName {
		if _, _, err := h.server.look(name, ""); err != nil {
			return nil, refusal(err)
		}
	}
	state := grpc_health_v1.HealthCheckResponse_SERVING
	if h.server.notReady() != nil {
		state = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return &grpc_health_v1.HealthCheckResponse{Status: state}, nil
}
