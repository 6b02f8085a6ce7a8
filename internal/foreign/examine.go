package foreign

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/esteira-ml/esteira/internal/confined"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/onnx"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
)

// Bounds on an examination.
const (
	DefaultMemory  = 2 << 30 // bytes beside those of the rows
	DefaultTimeout = 5 * time.Minute

	againRows  = 2000 // rows that are answered a second time
	singleRows = 100  // rows that are answered alone, too
	fullBatch  = 4096 // rows that ONNX Runtime is given at once
	maxQuoted  = 400  // bytes of a text that the process or the model gave

	// aloneTolerance is how far an answer may be from that of the same row in a
	// batch: float32 sums may be taken in another order.
	aloneTolerance = 1e-4
)

// Limits bound an examination; zero values are the defaults.
type Limits struct {
	Memory  int64
	Timeout time.Duration
}

// questions are what the process of an examination is asked.
type questions struct {
	ONNX   []byte
	Rows   frame.Frame
	Again  []int32
	Single []int32
	Memory int64
}

// replies are what it answered.
type replies struct {
	Refused string // by ONNX Runtime
	All     []float64
	Labels  []string
	Again   []float64
	Single  []float64
}

// Examine refuses a graph that cannot be used as a model of the inputs and classes
// (nil: a regression), and returns what it answers to the rows of f, which may be
// none: f.Rows × max(1, classes) values.
//
// Errors: BundleInvalid says why a graph is refused; ConfigInvalid without ONNX
// Runtime; that of ctx.
func Examine(ctx context.Context, graph []byte, inputs []feature.Input, classes []string, f *frame.Frame, limits Limits) ([]float64, error) {
	if err := onnx.Vet(graph, onnx.Contract{Inputs: inputs, Classes: len(classes)}); err != nil {
		return nil, err
	}
	q, err := ask(graph, inputs, f)
	if err != nil {
		return nil, err
	}
	if q.Memory = limits.Memory; q.Memory == 0 {
		q.Memory = DefaultMemory
	}
	if limits.Timeout == 0 {
		limits.Timeout = DefaultTimeout
	}
	r, err := answered(ctx, q, max(1, len(classes)), limits.Timeout)
	if err != nil {
		return nil, err
	}
	if r.Refused != "" {
		return nil, refused("%s", fault.Clip(r.Refused, maxQuoted))
	}
	return judge(q, r, f.Rows, classes)
}

// ask lays out the questions: all rows, some of them again and alone, and as many
// copies as fill a batch, so that it is known what one costs.
func ask(graph []byte, inputs []feature.Input, f *frame.Frame) (questions, error) {
	q := questions{ONNX: graph}
	narrow := &frame.Frame{Rows: f.Rows}
	for _, in := range inputs {
		c := f.Column(in.Name)
		if c == nil || c.Kind.String() != in.Kind {
			return q, fault.New(fault.Internal, "the rows have no %s %q to examine a model with", in.Kind, in.Name)
		}
		narrow.Columns = append(narrow.Columns, *c)
	}
	n := f.Rows
	rows := make([]int32, max(n, fullBatch))
	if n == 0 {
		rows = nil
	}
	for i := range rows {
		rows[i] = int32(i % n)
	}
	q.Rows = *narrow.Take(rows)
	q.Again, q.Single = spread(n, againRows), spread(n, singleRows)
	return q, nil
}

func spread(rows, most int) []int32 {
	out := make([]int32, min(rows, most))
	for i := range out {
		out[i] = int32(int64(i) * int64(rows) / int64(len(out)))
	}
	return out
}

// answered asks a process of its own. Its environment has no secrets, and whatever
// it says is bounded.
func answered(ctx context.Context, q questions, width int, timeout time.Duration) (*replies, error) {
	library, err := onnxruntime.Find()
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd, said, err := confined.Command(within, examineArgument, os.TempDir(), onnxruntime.LibraryVariable+"="+library)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "examine a model")
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "examine a model")
	}
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "examine a model")
	}
	sent := make(chan error, 1)
	go func() {
		err := gob.NewEncoder(in).Encode(q)
		sent <- errors.Join(err, in.Close())
	}()
	most := int64(q.Rows.Rows+len(q.Again)+len(q.Single))*int64(width)*10 + int64(q.Rows.Rows)*1100 + 1<<20 // gob: nine bytes a number; labels
	var r replies
	read := gob.NewDecoder(io.LimitReader(out, most)).Decode(&r)
	if read != nil {
		_ = cmd.Process.Kill() // it may be waiting for somebody to read on
	}
	<-sent
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		return nil, refused("it did not answer %d rows within %s", q.Rows.Rows, timeout)
	case read != nil || ended != nil:
		return nil, refused("it brought the process that ran it down (%s), which may use %d MiB: %s", cmd.ProcessState, q.Memory>>20, said.String())
	}
	return &r, nil
}

// judge compares what came back; n is the number of rows before copies were added.
func judge(q questions, r *replies, n int, classes []string) ([]float64, error) {
	width := max(1, len(classes))
	g := &Graph{classes: len(classes)}
	if len(r.All) != q.Rows.Rows*width || len(r.Again) != len(q.Again)*width || len(r.Single) != len(q.Single)*width {
		return nil, refused("it answers %d values to %d rows, where %d belong to each", len(r.All), q.Rows.Rows, width)
	}
	if r.Labels != nil && len(r.Labels) != q.Rows.Rows {
		return nil, refused("it answers %d labels to %d rows", len(r.Labels), q.Rows.Rows)
	}
	all := r.All[:n*width]
	for i, row := range q.Again {
		for k := range width {
			if a, b := all[int(row)*width+k], r.Again[i*width+k]; math.Float64bits(a) != math.Float64bits(b) {
				return nil, refused("it answers %v to row %d, and %v when asked again", a, row, b)
			}
		}
	}
	for i, row := range q.Single {
		for k := range width {
			a, b := all[int(row)*width+k], r.Single[i*width+k]
			if !(a == b || math.Abs(a-b) <= aloneTolerance*max(1, math.Abs(a)) || math.IsNaN(a) && math.IsNaN(b)) {
				return nil, refused("it answers %v to row %d among others, and %v to the same row alone", a, row, b)
			}
		}
	}
	if err := g.complete(all); err != nil {
		var f *fault.Error
		errors.As(err, &f)
		return nil, refused("%s", f.Message)
	}
	for i := range n {
		if r.Labels == nil {
			break
		}
		answer := all[i*width : (i+1)*width]
		if best, named := largest(answer), index(classes, r.Labels[i]); named < 0 || answer[best]-answer[named] > aloneTolerance {
			return nil, refused("it labels row %d %q, and the most probable class is %q", i, fault.Clip(r.Labels[i], maxQuoted), classes[best])
		}
	}
	return all, nil
}

func largest(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

func index(classes []string, name string) int {
	for i, c := range classes {
		if c == name {
			return i
		}
	}
	return -1
}

func refused(message string, args ...any) error {
	return fault.New(fault.BundleInvalid, "the ONNX model is refused: %s", fmt.Sprintf(message, args...)).
		WithRemedy("see esteira schema external-trainer for what a model must be")
}
