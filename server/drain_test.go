package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/esteira-ml/esteira/internal/serving/oip"
)

// SIGTERM while requests are on their way in, over HTTP and over gRPC: each is
// answered and recorded, no other is taken, and the server ends by itself.
func TestTerminatedItAnswersWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.deploy(t, 0)
	stream := freeAddress(t)
	s.start(t, "ESTEIRA_GRPC_LISTEN="+stream)
	eventually(t, "the endpoint is ready", func() bool { return s.answers("/v2/models/flights/ready", 200) })

	// Over HTTP the server has asked for the body, and has half of it.
	const body = `{"records":[{"distance":7,"origin":"LAX","departs":1}]}`
	web, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	fmt.Fprintf(web, "POST /v1/endpoints/flights/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	reader := bufio.NewReader(web)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(web, body[:20]); err != nil {
		t.Fatal(err)
	}

	// Over gRPC it has the headers of a call: a later one of the same connection is
	// answered.
	conn, err := grpc.NewClient(stream, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := oip.NewGRPCInferenceServiceClient(conn)
	if _, err := client.ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil {
		t.Fatal(err)
	}
	call, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, oip.GRPCInferenceService_ModelInfer_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil {
		t.Fatal(err)
	}

	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{strings.TrimPrefix(s.url, "http://"), stream} {
		eventually(t, "nobody else is let in at "+address, func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err != nil
		})
	}

	if _, err := io.WriteString(web, body[20:]); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(reader, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
	answer := &oip.ModelInferResponse{}
	if err := call.SendMsg(&oip.ModelInferRequest{ModelName: "flights", Inputs: []*oip.ModelInferRequest_InferInputTensor{
		{Name: "distance", Datatype: "FP64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Fp64Contents: []float64{7}}},
		{Name: "origin", Datatype: "BYTES", Shape: []int64{1}, Contents: &oip.InferTensorContents{BytesContents: [][]byte{[]byte("LAX")}}},
		{Name: "departs", Datatype: "INT64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Int64Contents: []int64{1}}},
	}}); err != nil {
		t.Fatal(err)
	}
	if err := call.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := call.RecvMsg(answer); err != nil || answer.GetModelName() != "flights" {
		t.Fatal(answer, err)
	}

	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("exit: %v", err)
	}
	s.cmd = nil
	if n := len(s.rows(t)); n != 2 {
		t.Fatalf("%d rows of 2 answers", n)
	}
}
