package serving_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/serving"
)

// narrow gives every connection a small send buffer, so that an answer does not leave
// before its client reads.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(4096)
	}
	return conn, err
}

// unread asks s for a thousand rows over a connection whose answer waits to be read, and
// returns it once the answer's records are on disk.
func unread(t *testing.T, s *testServer) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := &httptest.Server{Listener: narrow{l}, Config: s.handler.HTTP()}
	slow.Start()
	t.Cleanup(slow.Close)
	// Before it connects: what it can take is told to the server then.
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return errors.Join(controlErr, err)
	}}
	conn, err := dialer.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) // before the server, which waits for it
	body := `{"records":[` + strings.TrimSuffix(strings.Repeat(`{"distance":7,"origin":"LAX","departs":1},`, 1000), ",") + `]}`
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", predictPath, len(body), body); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer's records are durable", func() bool { return s.spool.Health().Appended == 1000 })
	return conn
}

func (s *testServer) inFlight(t *testing.T) float64 {
	t.Helper()
	_, health, _ := s.ask(t, "/v1/health", "")
	return number(t, health["in_flight"])
}

// A client that does not read its answer takes nobody's turn: with one turn in all,
// others are answered while it goes on not reading.
func TestASlowReaderTakesNobodysTurn(t *testing.T) {
	s := newServer(t, serving.Limits{Concurrent: 1, WriteTimeout: time.Hour}, regressionBundle(t, 1))
	unread(t, s)
	for range 3 {
		if status, answer, _ := s.ask(t, predictPath, goodBody); status != 200 {
			t.Fatalf("%d %v", status, answer)
		}
	}
	if n := s.inFlight(t); n != 1 {
		t.Fatalf("%v requests are in flight, not the slow one alone", n)
	}
}

// Within its time it is cut off, and its answer is in the audit log as it was given.
func TestASlowReaderIsCutOff(t *testing.T) {
	s := newServer(t, serving.Limits{ReadTimeout: 500 * time.Millisecond, QueueTimeout: 100 * time.Millisecond, WriteTimeout: time.Second}, regressionBundle(t, 1))
	conn := unread(t, s)
	eventually(t, "it is cut off", func() bool { return s.inFlight(t) == 0 })
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		var n int64
		n, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err == nil || n >= res.ContentLength {
			t.Fatalf("it read %d of %d bytes, %v", n, res.ContentLength, err)
		}
	}
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatalf("the connection is open: %v", err)
	}
	if n := len(s.audited(t)); n != 1000 {
		t.Fatalf("%d records", n)
	}
}
