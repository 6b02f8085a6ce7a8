package foreign

import (
	"encoding/gob"
	"io"

	"github.com/esteira-ml/esteira/internal/confined"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
)

// examineArgument is how a program is told to be the process of an examination.
const examineArgument = "examine-model"

// Main must be the first thing that the main function of a program that examines
// models does (a test's TestMain is one): the program is started again to run a
// model that nobody knows yet, and then does only that and exits.
func Main() { confined.Main(examineArgument, examined) }

// examined answers questions. The process has no more rights than it needs, and
// less than its parent: no files to write, no core to leave, bounded memory.
func examined(in io.Reader, out io.Writer) error {
	var q questions
	if err := gob.NewDecoder(in).Decode(&q); err != nil {
		return err
	}
	rows := uint64(q.Rows.Rows) * uint64(len(q.Rows.Columns)+1) * 64
	if err := confined.Bound(uint64(q.Memory)+4*rows+4*uint64(len(q.ONNX)), 0); err != nil {
		return err
	}
	return gob.NewEncoder(out).Encode(run(&q))
}

func run(q *questions) replies {
	session, err := onnxruntime.Load(q.ONNX)
	if err != nil {
		return replies{Refused: err.Error()}
	}
	defer session.Close()
	var r replies
	answer := func(f *frame.Frame, to *[]float64) bool {
		got, err := session.Run(f)
		if err != nil {
			r = replies{Refused: err.Error()}
			return false
		}
		if *to = append(*to, got.Predictions...); to == &r.All {
			r.Labels = got.Labels
		}
		return true
	}
	if q.Rows.Rows == 0 || !answer(&q.Rows, &r.All) {
		return r
	}
	// The same rows in batches as they were: an answer may differ from that in a
	// batch of another size, but not from its own.
	var again []float64
	if !answer(&q.Rows, &again) {
		return r
	}
	width := len(again) / q.Rows.Rows
	for _, row := range q.Again {
		r.Again = append(r.Again, again[int(row)*width:(int(row)+1)*width]...)
	}
	for _, row := range q.Single {
		if !answer(q.Rows.Take([]int32{row}), &r.Single) {
			return r
		}
	}
	return r
}
