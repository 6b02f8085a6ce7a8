package proof

import (
	"bufio"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/esteira-ml/esteira/internal/confined"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/signing"
)

// serveArgument is how a program is told to be the server of a proof.
const serveArgument = "prove-bundle"

// boundsVariable tells the server its memory and the size of what it writes, in bytes.
const (
	boundsVariable = "ESTEIRA_PROOF_BOUNDS"
	boundsFormat   = "%d,%d"
)

// endpoint is the name the server answers under.
const endpoint = "proof"

// given is what the server is given: all it will ever know.
type given struct {
	Bundle []byte
	Keys   [][2]string // name and text of each trusted key
	Dir    string
}

// said are the two lines that it says: first that it listens or why it does not, then,
// asked to end, what it needed.
type said struct {
	Address string       `json:"address,omitempty"`
	Loading float64      `json:"loading,omitempty"` // seconds until it listened
	Refused *fault.Error `json:"refused,omitempty"`
	Memory  int64        `json:"memory,omitempty"` // peak of resident memory, bytes
}

// Main must be called first by the main function of a program that proves bundles (a
// test's TestMain is one): started again as the server of a proof, the program does
// only that and exits.
func Main() { confined.Main(serveArgument, serve) }

// serve answers until its input ends, as it does when the process that asks dies.
func serve(in io.Reader, out io.Writer) error {
	began := time.Now()
	var memory, file uint64
	if _, err := fmt.Sscanf(os.Getenv(boundsVariable), boundsFormat, &memory, &file); err != nil {
		return err
	}
	// Before it reads: what it took by then it could use again, however little it may have.
	if err := confined.Bound(memory, file); err != nil {
		return err
	}
	in = bufio.NewReader(in)
	var g given
	if err := gob.NewDecoder(in).Decode(&g); err != nil {
		return err
	}
	say := json.NewEncoder(out)
	server, listener, err := g.open()
	if err != nil {
		var f *fault.Error
		if !errors.As(err, &f) {
			f = fault.New(fault.Internal, "%s", err)
		}
		return say.Encode(said{Refused: &fault.Error{Kind: f.Kind, Message: message(f), Remedy: f.Remedy}})
	}
	web := server.HTTP()
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	if err := say.Encode(said{Address: listener.Addr().String(), Loading: time.Since(began).Seconds()}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	finishing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(web.Shutdown(finishing), server.Close()); err != nil {
		return err
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return say.Encode(said{Memory: peak()})
}

func (g *given) open() (*serving.Alone, net.Listener, error) {
	var trust signing.Trust
	for _, k := range g.Keys {
		key, err := signing.ParsePublic(k[0], k[1])
		if err != nil {
			return nil, nil, err
		}
		trust.Keys = append(trust.Keys, key)
	}
	server, err := serving.NewAlone(context.Background(), g.Dir, endpoint, g.Bundle, trust)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	return server, listener, err
}

// message is what went wrong, with what it was caused by, without remedies.
func message(f *fault.Error) string {
	text := f.Message
	for cause := f.Cause; cause != nil; {
		var inner *fault.Error
		if !errors.As(cause, &inner) {
			return text + ": " + cause.Error()
		}
		text, cause = text+": "+inner.Message, inner.Cause
	}
	return text
}

// peak is the greatest resident memory of this process. Where the kernel tells, it is
// that since the program was loaded; getrusage counts what its parent had before.
func peak() int64 {
	if n, err := memory.Peak(os.Getpid()); err == nil {
		return n
	}
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return int64(usage.Maxrss) << 10
}
