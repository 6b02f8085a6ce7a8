package serving_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving"
)

// A request whose time is over is told so, and is in the audit.
func TestTheDeadlineOfARequestIsHonoured(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1))
	req, err := http.NewRequest(http.MethodPost, s.URL+predictPath, strings.NewReader(goodBody))
	require.NoError(t, err)
	for wait, want := range map[string]int{"1ns": http.StatusGatewayTimeout, "1h": http.StatusOK, "soon": http.StatusBadRequest, "-1s": http.StatusBadRequest} {
		w := httptest.NewRecorder()
		again := req.Clone(t.Context())
		again.Body, err = req.GetBody()
		require.NoError(t, err)
		again.Header.Set("Esteira-Timeout", wait)
		s.handler.ServeHTTP(w, again)
		require.Equal(t, want, w.Code, "%s: %s", wait, w.Body)
		if want == http.StatusGatewayTimeout {
			require.Contains(t, w.Body.String(), `"kind":"`+string(fault.DeadlineExceeded)+`"`)
		}
	}
	late := 0
	records := s.audited(t)
	for _, r := range records {
		if r.Status == http.StatusGatewayTimeout {
			late++
			require.Contains(t, r.Error, string(fault.DeadlineExceeded)+": ")
			require.Empty(t, r.Outputs, "nothing was computed for who no longer waits")
		}
	}
	require.Len(t, records, 4)
	require.Equal(t, 1, late)
}

// busy is a server whose only turn is taken, until it is let go.
func busy(t *testing.T) (s *testServer, waiting chan struct{}, letGo func()) {
	t.Helper()
	s = newServer(t, serving.Limits{}, regressionBundle(t, 1))
	g := &gate{s.spool, make(chan struct{}, 2), make(chan struct{})}
	h, err := serving.New(serving.Options{Audit: g, Table: s.table, Limits: serving.Limits{Concurrent: 1, QueueTimeout: time.Hour}})
	require.NoError(t, err)
	s.handler = h
	first := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, predictPath, strings.NewReader(goodBody)))
		first <- w.Code
	}()
	<-g.waiting
	return s, g.waiting, func() { close(g.open); require.Equal(t, http.StatusOK, <-first) }
}

// requireLate holds the audit of a busy server against one request that waited for its
// turn until its time was over.
func requireLate(t *testing.T, records []audit.Record) {
	t.Helper()
	require.Len(t, records, 2)
	for _, r := range records {
		if r.Status == http.StatusOK {
			continue
		}
		require.Equal(t, http.StatusGatewayTimeout, int(r.Status), r.Error)
		require.Contains(t, r.Error, string(fault.DeadlineExceeded)+": ")
	}
	require.NotEqual(t, records[0].Status, records[1].Status)
}

func TestWhoWaitsForItsTurnWaitsUntilItsDeadline(t *testing.T) {
	s, waiting, letGo := busy(t)
	req := httptest.NewRequest(http.MethodPost, predictPath, strings.NewReader(goodBody))
	req.Header.Set("Esteira-Timeout", "20ms")
	answer := make(chan *httptest.ResponseRecorder)
	go func() {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, req)
		answer <- w
	}()
	<-waiting // its record, which says that it was too late
	letGo()
	w := <-answer
	require.Equal(t, http.StatusGatewayTimeout, w.Code, "%s", w.Body)
	requireLate(t, s.audited(t))
}

// The same over gRPC. The client is plain HTTP/2: one of gRPC's would leave by itself
// when the time is over, and not hear what the server says.
func TestWhoWaitsForItsTurnWaitsUntilItsDeadlineOverGRPC(t *testing.T) {
	s, waiting, letGo := busy(t)
	message, err := proto.Marshal(rawRequest())
	require.NoError(t, err)
	body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.dial(t).Target()+"/inference.GRPCInferenceService/ModelInfer", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Grpc-Timeout": {"200m"}}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if res, err := transport.RoundTrip(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-waiting
	letGo()
	<-ended
	requireLate(t, s.audited(t))
}
