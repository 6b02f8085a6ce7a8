package label_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/metadata"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const id = "019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d"

func classes(list ...string) label.Target { return label.Target{Known: true, Classes: list} }

func TestALabelIsReadAsTheModelPredicts(t *testing.T) {
	number := label.TargetOf(&bundle.Signature{Outputs: []bundle.Output{{Name: "prediction", Kind: "number"}}})
	species := label.TargetOf(&bundle.Signature{Outputs: []bundle.Output{{Name: "label", Kind: "text"}, {Name: "probabilities", Classes: []string{"a", "b"}}}})
	for name, c := range map[string]struct {
		target label.Target
		given  any
		want   string
		unseen bool
	}{
		"number":           {number, 12.50, "12.5", false},
		"negative zero":    {number, math.Copysign(0, -1), "0", false},
		"class":            {species, "b", `"b"`, false},
		"another class":    {species, "c", `"c"`, true},
		"number as class":  {classes("0", "1"), 1.0, `"1"`, false},
		"great number":     {classes("0", "1"), 1e15, `"1e+15"`, true},
		"boolean as class": {classes("0", "1"), true, `"1"`, false},
		"boolean as text":  {classes("false", "true"), false, `"false"`, false},
		"no model":         {label.Target{}, 1.0, "1", false},
		"no model, text":   {label.Target{}, "1", `"1"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, unseen, err := c.target.Read(0, label.Row{PredictionID: id, Label: c.given, ObservedAt: "2026-11-23T13:00:00.1234567+02:00"}, now)
			require.NoError(t, err)
			require.Equal(t, c.want, string(l.Value))
			require.Equal(t, c.unseen, unseen)
			require.Equal(t, id, l.PredictionID.String())
			require.Equal(t, time.Date(2026, 11, 23, 11, 0, 0, 123456000, time.UTC), l.ObservedAt, "as fine as it is kept")
		})
	}
}

func TestWhatIsNoLabelIsToldWithItsRow(t *testing.T) {
	for name, c := range map[string]struct {
		target label.Target
		row    label.Row
		field  string
	}{
		"nobody":        {label.Target{}, label.Row{Label: 1.0}, "prediction_id"},
		"both":          {label.Target{}, label.Row{PredictionID: id, RequestID: "x", Label: 1.0}, "prediction_id"},
		"no id":         {label.Target{}, label.Row{PredictionID: "7", Label: 1.0}, "prediction_id"},
		"another's id":  {label.Target{}, label.Row{PredictionID: "6ba7b810-9dad-11d1-80b4-00c04fd430c8", Label: 1.0}, "prediction_id"},
		"braces":        {label.Target{}, label.Row{PredictionID: "{" + id + "}", Label: 1.0}, "prediction_id"},
		"long key":      {label.Target{}, label.Row{RequestID: strings.Repeat("x", 257), Label: 1.0}, "request_id"},
		"key with NUL":  {label.Target{}, label.Row{RequestID: "a\x00b", Label: 1.0}, "request_id"},
		"nothing":       {label.Target{}, label.Row{PredictionID: id}, "label"},
		"NaN":           {label.Target{}, label.Row{PredictionID: id, Label: math.NaN()}, "label"},
		"infinity":      {label.Target{}, label.Row{PredictionID: id, Label: math.Inf(-1)}, "label"},
		"empty":         {label.Target{}, label.Row{PredictionID: id, Label: ""}, "label"},
		"long":          {label.Target{}, label.Row{PredictionID: id, Label: strings.Repeat("x", 1025)}, "label"},
		"NUL":           {label.Target{}, label.Row{PredictionID: id, Label: "\x00"}, "label"},
		"a list":        {label.Target{}, label.Row{PredictionID: id, Label: []any{1}}, "label"},
		"not a number":  {label.Target{Known: true}, label.Row{PredictionID: id, Label: "12"}, "label"},
		"not a time":    {label.Target{}, label.Row{PredictionID: id, Label: 1.0, ObservedAt: "yesterday"}, "observed_at"},
		"another epoch": {label.Target{}, label.Row{PredictionID: id, Label: 1.0, ObservedAt: "0001-01-01T00:00:00Z"}, "observed_at"},
		"the future":    {label.Target{}, label.Row{PredictionID: id, Label: 1.0, ObservedAt: "2026-11-23T14:00:00Z"}, "observed_at"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.target.Read(41, c.row, now)
			var f *fault.Error
			require.True(t, errors.As(err, &f))
			require.Equal(t, fault.RequestInvalid, f.Kind)
			require.Contains(t, f.Message, "labels[41]: "+c.field)
			require.NotEmpty(t, f.Remedy)
			require.Equal(t, 41, f.Details.(label.Problem).Row)
		})
	}
}

func TestCountsAddUp(t *testing.T) {
	var c label.Counts
	for _, s := range []metadata.LabelState{metadata.LabelAccepted, metadata.LabelRepeated, metadata.LabelCorrected, metadata.LabelConflicting, metadata.LabelSuperseded} {
		c.Add(metadata.LabelOutcome{State: s, Unknown: true, Ambiguous: s == metadata.LabelAccepted}, s == metadata.LabelRepeated)
	}
	require.Equal(t, label.Counts{Rows: 5, Accepted: 1, Repeated: 1, Corrected: 1, Conflicting: 1, Superseded: 1, Unknown: 5, Ambiguous: 1, UnseenClass: 1}, c)
}
