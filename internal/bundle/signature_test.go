package bundle

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestSignatureDescribesTheTrainingRows(t *testing.T) {
	f := flights(1, 300)
	fitted, target, _ := parts(t, pipeline.Binary)
	s, err := SignatureOf(f, fitted, target)
	if err != nil {
		t.Fatal(err)
	}
	distance, origin, departs := s.Inputs[0], s.Inputs[1], s.Inputs[2]
	if distance.Kind != "number" || !distance.Nullable || *distance.Min < 0 || *distance.Max > 3000 || *distance.Min >= *distance.Max {
		t.Fatalf("distance %+v", distance)
	}
	if !slices.Equal(origin.Categories, []string{"GRU", "JFK", "SFO"}) || origin.MoreCategories != 0 || !slices.Contains(origin.Categories, origin.Example.(string)) {
		t.Fatalf("origin %+v", origin)
	}
	if departs.Kind != "time" || !strings.HasPrefix(departs.Earliest, "202") || departs.Earliest >= departs.Latest {
		t.Fatalf("departs %+v", departs)
	}
	if s.Outputs[0].Name != "label" || !slices.Equal(s.Outputs[1].Classes, target.Classes) {
		t.Fatalf("outputs %+v", s.Outputs)
	}
	many := frame.Column{Name: "origin", Kind: frame.Text, Dict: make([]string, 80), Codes: make([]int32, 200)}
	for i := range many.Codes {
		many.Dict[i%80] = strings.Repeat("z", i%80+1)
		many.Codes[i] = int32(i % 80)
	}
	if in := describe(&many, true); len(in.Categories) != 50 || in.MoreCategories != 30 || !slices.Contains(in.Categories, "z") {
		t.Fatalf("many %+v", in)
	}
	none := frame.Column{Name: "n", Numbers: []float64{math.NaN(), math.Inf(1)}}
	if in := describe(&none, false); in.Example != nil || in.Min != nil {
		t.Fatalf("none %+v", in)
	}
	if _, err := SignatureOf(&frame.Frame{Rows: 1}, fitted, target); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatalf("got %v", err)
	}
	wrong := &frame.Frame{Rows: 1, Columns: []frame.Column{{Name: "distance", Kind: frame.Text, Codes: []int32{-1}}}}
	if _, err := SignatureOf(wrong, fitted, target); fault.KindOf(err) != fault.TypeMismatch {
		t.Fatalf("got %v", err)
	}
}
