package feature_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Rows that come some at a time make the target that all of them make at once:
// classes that only a later part has, and rows without a target, are not lost.
func TestTargetOfRowsSomeAtATime(t *testing.T) {
	of := func(columns ...frame.Column) (*feature.Target, error) {
		var rows feature.TargetRows
		for i := range columns {
			rows.Add(&columns[i])
		}
		return rows.Fit(pipeline.Problem{Target: "y", Task: pipeline.Multiclass})
	}
	text := func(dict []string, codes ...int32) frame.Column {
		return frame.Column{Name: "y", Kind: frame.Text, Dict: dict, Codes: codes}
	}
	got, err := of(text([]string{"b", "a"}, 0, 1), text([]string{"c", "b"}, 1, 0))
	if err != nil || !slices.Equal(got.Classes, []string{"a", "b", "c"}) {
		t.Fatal(got, err)
	}
	_, err = of(text([]string{"b", "a"}, 0, frame.MissingCode), text([]string{"c", ""}, 1, 0))
	if fault.KindOf(err) != fault.TargetInvalid || !strings.Contains(err.Error(), "missing in 2 rows") {
		t.Fatal(err)
	}
	got, err = of(frame.Column{Name: "y", Numbers: []float64{2, 2}}, frame.Column{Name: "y", Numbers: []float64{-1, 2}})
	if err != nil || !slices.Equal(got.Classes, []string{"-1", "2"}) {
		t.Fatal(got, err)
	}
	if _, err = of(); fault.KindOf(err) != fault.DatasetEmpty || !strings.Contains(err.Error(), `"y"`) {
		t.Fatal(err)
	}
}
