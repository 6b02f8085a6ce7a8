package onnxruntime_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// graph answers 10 + 2·x + 100·[c is "b"], and its label.
func graph(t *testing.T) []byte {
	t.Helper()
	fitted := &feature.Fitted{
		Version: 1,
		Inputs:  []feature.Input{{Name: "x", Kind: "number"}, {Name: "c", Kind: "text"}, {Name: "t", Kind: "time"}},
		Chains: []feature.Chain{
			{Name: "x", Column: "x", Steps: []feature.Step{{Impute: &feature.ImputeState{Number: proto.Float64(3)}}}},
			{Name: "c", Column: "c", Steps: []feature.Step{{OneHot: &feature.OneHotState{Categories: []string{"a", "b"}}}}},
		},
	}
	m := &model.Linear{Link: model.Identity, Intercepts: []float64{10}, Coefficients: [][]float64{{2, 0, 100}}}
	data, err := onnx.Export(fitted, &feature.Target{Task: pipeline.Regression}, m, "test")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rows() *frame.Frame {
	return &frame.Frame{Rows: 3, Columns: []frame.Column{
		{Name: "unused", Numbers: []float64{0, 0, 0}},
		{Name: "t", Kind: frame.Time, Times: []int64{0, 1, frame.MissingTime}},
		{Name: "c", Kind: frame.Text, Codes: []int32{0, 1, frame.MissingCode}, Dict: []string{"b", "?"}},
		{Name: "x", Numbers: []float64{1, 2, math.NaN()}},
	}}
}

func load(t *testing.T) *onnxruntime.Session {
	t.Helper()
	s, err := onnxruntime.Load(graph(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestRunAnswersByColumnName(t *testing.T) {
	s := load(t)
	var wait sync.WaitGroup
	for range 8 { // one session serves all
		wait.Go(func() {
			out, err := s.Run(rows())
			if err != nil {
				t.Error(err)
				return
			}
			if p := out.Predictions; len(p) != 3 || p[0] != 112 || p[1] != 14 || p[2] != 16 || out.Labels != nil {
				t.Errorf("got %v", out)
			}
		})
	}
	wait.Wait()
	if out, err := s.Run(rows().Take(nil)); err != nil || len(out.Predictions) != 0 {
		t.Fatalf("no rows: %v, %v", out, err)
	}
}

func TestManyRowsGoInBatches(t *testing.T) {
	many := make([]int32, 10_001)
	for i := range many {
		many[i] = int32(i % 3)
	}
	out, err := load(t).Run(rows().Take(many))
	if err != nil || len(out.Predictions) != len(many) {
		t.Fatalf("%d rows, %v", len(out.Predictions), err)
	}
	for i, p := range out.Predictions {
		if want := []float64{112, 14, 16}[i%3]; p != want {
			t.Fatalf("row %d: %v instead of %v", i, p, want)
		}
	}
}

func TestAFrameThatDoesNotFitIsRefusedByColumn(t *testing.T) {
	s := load(t)
	for name, c := range map[string]struct {
		change func(f *frame.Frame)
		kind   fault.Kind
		says   string
	}{
		"missing column": {func(f *frame.Frame) { f.Columns = f.Columns[:3] }, fault.ColumnMissing, `"x"`},
		"another kind":   {func(f *frame.Frame) { f.Columns[2] = frame.Column{Name: "c", Numbers: []float64{1, 2, 3}} }, fault.TypeMismatch, `"c" is a number`},
		"a NUL byte":     {func(f *frame.Frame) { f.Columns[2].Dict = []string{"b", "b\x00"} }, fault.TypeMismatch, "row 1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := rows()
			c.change(f)
			_, err := s.Run(f)
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestAForeignGraphIsRefused(t *testing.T) {
	change := func(f func(m *pb.ModelProto)) []byte {
		var m pb.ModelProto
		if err := proto.Unmarshal(graph(t), &m); err != nil {
			t.Fatal(err)
		}
		f(&m)
		data, err := proto.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, data := range map[string][]byte{
		"empty":            nil,
		"not a graph":      []byte("esteira"),
		"truncated":        graph(t)[:200],
		"unknown operator": change(func(m *pb.ModelProto) { m.Graph.Node[0].OpType = proto.String("Forge") }),
		"int32 input":      change(func(m *pb.ModelProto) { m.Graph.Input[0].Type.GetTensorType().ElemType = proto.Int32(6) }),
		"no outputs":       change(func(m *pb.ModelProto) { m.Graph.Output = nil }),
		"wide input": change(func(m *pb.ModelProto) {
			m.Graph.Input[2].Type.GetTensorType().Shape.Dim[1] = m.Graph.Input[2].Type.GetTensorType().Shape.Dim[0]
		}),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := onnxruntime.Load(data)
			if fault.KindOf(err) != fault.ParityFailed {
				t.Fatalf("got %v", err)
			}
			if s != nil {
				t.Fatal("a session beside an error")
			}
		})
	}
}

func TestOnlyOneLibraryAProcess(t *testing.T) {
	path, err := onnxruntime.Find()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := onnxruntime.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := onnxruntime.Open(""); err != nil {
		t.Fatal(err)
	}
	if err := onnxruntime.Open("/elsewhere/libonnxruntime.so"); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatalf("got %v", err)
	}
}

func TestFindLooksUpwards(t *testing.T) {
	root := t.TempDir()
	lib, deep := filepath.Join(root, ".esteira", "lib"), filepath.Join(root, "a", "b")
	for _, dir := range []string{lib, deep} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(onnxruntime.LibraryVariable, "")
	t.Chdir(deep)
	_, err := onnxruntime.Find()
	if fault.KindOf(err) != fault.ConfigInvalid || !strings.Contains(err.Error(), "make setup") {
		t.Fatalf("without a library: %v", err)
	}
	for _, name := range []string{"libonnxruntime.so", "libonnxruntime.so.1.24.4", "libonnxruntime_providers_shared.so"} {
		if err := os.WriteFile(filepath.Join(lib, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := onnxruntime.Find()
	if err != nil || filepath.Base(got) != "libonnxruntime.so.1.24.4" {
		t.Fatalf("got %q, %v", got, err)
	}
	t.Setenv(onnxruntime.LibraryVariable, "/named/lib.so")
	if got, err := onnxruntime.Find(); err != nil || got != "/named/lib.so" {
		t.Fatalf("got %q, %v", got, err)
	}
}
