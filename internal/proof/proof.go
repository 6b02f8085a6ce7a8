package proof

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/confined"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
	"github.com/esteira-ml/esteira/internal/signing"
)

// The bounds of a proof where none are given.
const (
	DefaultMemory  = 1 << 30 // bytes, beside 16 for each of the bundle's
	DefaultTimeout = 2 * time.Minute

	maxSaid   = 64 << 10
	maxQuoted = 2000 // bytes of a reason that the server gives
)

// Limits bound what a server may need; zero values are the defaults.
type Limits struct {
	Memory  int64
	Timeout time.Duration // from the start of the process to its end
}

// Result is what a proof came to. Times and memory are those of this machine then.
type Result struct {
	Rows     int     `json:"rows"`     // golden rows, each asked in both protocols
	Requests int     `json:"requests"` // measured ones, of one row each
	LoadMS   float64 `json:"load_ms"`  // from the start of the server to its readiness
	P50US    float64 `json:"p50_us"`   // of a request over HTTP, audit record on disk included
	P99US    float64 `json:"p99_us"`
	Memory   int64   `json:"memory"` // peak of the server's resident memory, bytes
}

// String is the result for people.
func (r *Result) String() string {
	return fmt.Sprintf("%d golden rows served, p50 %.1f ms, p99 %.1f ms, %d MB", r.Rows, r.P50US/1000, r.P99US/1000, (r.Memory+1<<20-1)>>20)
}

// Prove has a server of its own load the bundle and answer its golden rows. dir is for
// what the server writes, and the caller's to remove.
//
// Errors: BundleInvalid, or SignatureInvalid, says why the server could not load it, what
// it answered otherwise, or which bound it exceeded; AuditUnavailable and ConfigInvalid
// are those of the machine; that of ctx.
func Prove(ctx context.Context, dir string, data []byte, trust signing.Trust, limits Limits) (*Result, error) {
	q, err := bundle.QuestionsOf(data)
	if err != nil {
		return nil, err
	}
	return prove(ctx, dir, data, q, trust, limits)
}

func prove(ctx context.Context, dir string, data []byte, q *bundle.Questions, trust signing.Trust, limits Limits) (*Result, error) {
	if limits.Memory == 0 {
		limits.Memory = DefaultMemory + 16*int64(len(data))
	}
	if limits.Timeout == 0 {
		limits.Timeout = DefaultTimeout
	}
	g := given{Bundle: data, Dir: dir}
	for _, k := range trust.Keys {
		text, err := k.Text()
		if err != nil {
			return nil, err
		}
		g.Keys = append(g.Keys, [2]string{k.Name, text})
	}
	within, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	late := refused("it did not load and answer %d rows within %s", len(q.Golden), limits.Timeout)
	s, err := start(within, g, limits.Memory)
	switch {
	case err != nil && ctx.Err() == nil && within.Err() != nil:
		return nil, late
	case err != nil:
		return nil, err
	}
	res, err := s.examine(within, g, q)
	ended := s.end()
	var f *fault.Error
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		return nil, late
	case errors.As(err, &f):
		return nil, err
	case err != nil || ended != nil:
		return nil, refused("it brought the server down (%s), which may use %d MiB: %s", s.cmd.ProcessState, limits.Memory>>20, s.errors.String())
	}
	return res, nil
}

// process is a server that was started.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	errors *confined.Words
}

// start starts the server without any environment but its bounds and the path of ONNX
// Runtime, which it needs if the model is somebody else's graph.
func start(ctx context.Context, g given, memory int64) (*process, error) {
	env := []string{boundsVariable + "=" + fmt.Sprintf(boundsFormat, memory, len(g.Bundle)+64<<20)}
	if library, err := onnxruntime.Find(); err == nil {
		env = append(env, onnxruntime.LibraryVariable+"="+library)
	}
	s := &process{}
	var err error
	if s.cmd, s.errors, err = confined.Command(ctx, serveArgument, g.Dir, env...); err != nil {
		return nil, err
	}
	in, err := s.cmd.StdinPipe()
	if err == nil {
		var out io.ReadCloser
		if out, err = s.cmd.StdoutPipe(); err == nil {
			s.in, s.out = in, json.NewDecoder(io.LimitReader(out, maxSaid))
			err = s.cmd.Start()
		}
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "start a server to prove a bundle with")
	}
	return s, nil
}

// examine tells the server what it is to know, asks, and ends it.
func (s *process) examine(ctx context.Context, g given, q *bundle.Questions) (*Result, error) {
	// A server that dies meanwhile says so by the end of its output.
	sent := make(chan error, 1)
	go func() { sent <- gob.NewEncoder(s.in).Encode(g) }()
	var first, last said
	err := s.out.Decode(&first)
	if err != nil {
		_ = s.cmd.Process.Kill() // it may be waiting for somebody to read on
	}
	if err := errors.Join(err, <-sent); err != nil {
		return nil, err
	}
	if first.Refused != nil {
		return nil, fault.New(first.Refused.Kind, "a prediction server that has nothing but the bundle cannot load it: %s", fault.Clip(first.Refused.Message, maxQuoted)).
			WithRemedy("%s", fault.Clip(first.Refused.Remedy, maxQuoted))
	}
	res, err := asked(ctx, "http://"+first.Address, q)
	if err != nil {
		return nil, err
	}
	_ = s.in.Close()
	if err := s.out.Decode(&last); err != nil {
		return nil, err
	}
	res.LoadMS, res.Memory = first.Loading*1000, last.Memory
	return res, nil
}

// end waits for a server whose input has ended, or that is of no more use.
func (s *process) end() error {
	_ = s.in.Close()
	return s.cmd.Wait()
}

func refused(message string, args ...any) error {
	return fault.New(fault.BundleInvalid, "the bundle does not pass its proof: %s", fmt.Sprintf(message, args...)).
		WithRemedy("nothing counts on it; mend the model or raise the bound, and run again")
}
