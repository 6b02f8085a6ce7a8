package serving_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/serving/oip"
)

// stalling is a client's end of connections from which nothing is read while it is shut.
type stalling struct {
	shut atomic.Bool
	open chan struct{} // closed: it is not shut any more
}

func (s *stalling) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	return stalled{conn, s}, err
}

type stalled struct {
	net.Conn
	by *stalling
}

func (c stalled) Read(p []byte) (int, error) {
	if c.by.shut.Load() {
		<-c.by.open
	}
	return c.Conn.Read(p)
}

// many asks flights for so many rows, in four bytes each: a server takes 64 KiB before
// the client must read that it may send more.
func many(rows int) *oip.ModelInferRequest {
	n, zeros := int64(rows), make([]int64, rows)
	return &oip.ModelInferRequest{ModelName: "flights", Inputs: []*oip.ModelInferRequest_InferInputTensor{
		input("distance", "INT32", n, &oip.InferTensorContents{IntContents: make([]int32, rows)}),
		input("origin", "BYTES", n, &oip.InferTensorContents{BytesContents: make([][]byte, rows)}),
		input("departs", "INT64", n, &oip.InferTensorContents{Int64Contents: zeros}),
	}}
}

// A client that does not read its answers takes nobody's turn over gRPC either, and its
// requests are over for the server once they are recorded: one that has a deadline
// misses it, one that has none finds its answer whole when it reads again.
func TestASlowReaderOverGRPCTakesNobodysTurn(t *testing.T) {
	const rows = 6000 // whose answers have about 45 bytes each: more than a stream takes unread
	s := newServer(t, serving.Limits{Concurrent: 1, Rows: rows}, regressionBundle(t, 1))
	client := &stalling{open: make(chan struct{})}
	slow := oip.NewGRPCInferenceServiceClient(s.dial(t, grpc.WithContextDialer(client.dial), grpc.WithInitialWindowSize(1<<16), grpc.WithInitialConnWindowSize(1<<16)))
	t.Cleanup(func() {
		if client.shut.Swap(false) {
			close(client.open)
		}
	})
	if _, err := slow.ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil {
		t.Fatal(err)
	}
	client.shut.Store(true)

	type answer struct {
		response *oip.ModelInferResponse
		err      error
	}
	late := make(chan answer, 1)
	go func() {
		r, err := slow.ModelInfer(t.Context(), many(rows))
		late <- answer{r, err}
	}()
	eventually(t, "the answer's records are durable", func() bool { return s.spool.Health().Appended == rows })
	soon, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := slow.ModelInfer(soon, many(rows)); status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("it was answered, %v", err)
	}
	eventually(t, "both requests are over", func() bool { return s.inFlight(t) == 0 })
	others := oip.NewGRPCInferenceServiceClient(s.dial(t))
	for range 3 {
		if _, err := others.ModelInfer(t.Context(), rawRequest()); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case a := <-late:
		t.Fatalf("it read its answer: %v", a.err)
	default:
	}

	client.shut.Store(false)
	close(client.open)
	got := <-late
	if got.err != nil {
		t.Fatal(got.err)
	}
	if n := len(got.response.GetRawOutputContents()[0]); n != 8*rows {
		t.Fatalf("%d bytes of answers", n)
	}
	if ids := strings.Split(got.response.GetParameters()["prediction_ids"].GetStringParam(), ","); len(ids) != rows {
		t.Fatalf("%d ids", len(ids))
	}
	answered := 0
	for _, r := range s.audited(t) {
		if r.Status == 200 {
			answered++
		}
	}
	// The second was answered too, unless its deadline passed before its turn.
	if answered != rows+6 && answered != 2*rows+6 {
		t.Fatalf("%d rows are recorded as answered", answered)
	}
}
