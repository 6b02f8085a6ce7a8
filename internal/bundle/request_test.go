package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

var mixed = Signature{Inputs: []Input{
	{Name: "n", Kind: "number", Nullable: true},
	{Name: "s", Kind: "text", Nullable: true},
	{Name: "t", Kind: "time", Nullable: true},
	{Name: "must", Kind: "number"},
}}

func records(t testing.TB, text string, useNumber bool) []map[string]any {
	t.Helper()
	var out []map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	if useNumber {
		d.UseNumber()
	}
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordsBecomeAFrame(t *testing.T) {
	const text = `[
		{"n": 1.5,  "s": "JFK", "t": "2024-02-29T12:00:00.000001Z",      "must": 0},
		{"n": true, "s": "✈",   "t": "2024-02-29 12:00:00",              "must": false},
		{"n": null, "s": null,  "t": null,                               "must": -0.5},
		{"n": 1e3,  "s": "",    "t": 1709208000000000,                   "must": 1},
		{"n": 7,    "s": "JFK", "t": "2024-02-29T09:00:00-03:00",        "must": 2},
		{"n": 0,    "s": "A",   "t": "2024-02-29",                       "must": 3}]`
	for _, useNumber := range []bool{true, false} {
		f, err := FrameFromRecords(mixed, records(t, text, useNumber))
		if err != nil {
			t.Fatal(err)
		}
		const noon = 1709208000000000
		if n := f.Columns[0].Numbers; n[0] != 1.5 || n[1] != 1 || !math.IsNaN(n[2]) || n[3] != 1000 || n[4] != 7 {
			t.Fatalf("numbers %v", n)
		}
		if s := f.Columns[1]; !slices.Equal(s.Codes, []int32{0, 1, -1, -1, 0, 2}) || !slices.Equal(s.Dict, []string{"JFK", "✈", "A"}) {
			t.Fatalf("texts %v %v", s.Codes, s.Dict)
		}
		if got := f.Columns[2].Times; !slices.Equal(got, []int64{noon + 1, noon, frame.MissingTime, noon, noon, noon - 43_200_000_000}) {
			t.Fatalf("times %v", got)
		}
		if f.Rows != 6 || f.Columns[3].Numbers[2] != -0.5 {
			t.Fatalf("frame %+v", f)
		}
	}
}

func TestEveryProblemOfARequestIsNamed(t *testing.T) {
	const good = `"n": 1, "s": "a", "t": 0, "must": 1`
	for name, c := range map[string]struct {
		text string
		want []Problem
	}{
		"string for a number": {`[{"n": "1.5", "s": "a", "t": 0, "must": 1}]`, []Problem{{0, "n", `the string "1.5"`, "a number, without quotes"}}},
		"words for a number":  {`[{"n": "far", "s": "a", "t": 0, "must": 1}]`, []Problem{{0, "n", `the string "far"`, "a number"}}},
		"NaN":                 {`[{"n": "NaN", "s": "a", "t": 0, "must": 1}]`, []Problem{{0, "n", `the string "NaN"`, "a finite number, or null where it is missing"}}},
		"Infinity":            {`[{"n": "-Infinity", "s": "a", "t": 0, "must": 1}]`, []Problem{{0, "n", `the string "-Infinity"`, "a finite number, or null where it is missing"}}},
		"too large":           {`[{"n": 1e999, "s": "a", "t": 0, "must": 1}]`, []Problem{{0, "n", "the number 1e999", "a finite number of 64 bits"}}},
		"number for a text":   {`[{` + good + `}, {"n": 1, "s": 7, "t": 0, "must": 1}]`, []Problem{{1, "s", "the number 7", "a string"}}},
		"array for a text":    {`[{"n": 1, "s": [1], "t": 0, "must": 1}]`, []Problem{{0, "s", "an array", "a string"}}},
		"object for a number": {`[{"n": {}, "s": "a", "t": 0, "must": 1}]`, []Problem{{0, "n", "an object", "a number"}}},
		"date in words":       {`[{"n": 1, "s": "a", "t": "29/02/2024", "must": 1}]`, []Problem{{0, "t", `the string "29/02/2024"`, "a time: RFC 3339, 2006-01-02 15:04:05 in UTC, or whole microseconds since 1970"}}},
		"fraction of a micro": {`[{"n": 1, "s": "a", "t": 0.5, "must": 1}]`, []Problem{{0, "t", "the number 0.5", "a time: RFC 3339, 2006-01-02 15:04:05 in UTC, or whole microseconds since 1970"}}},
		"null where it must":  {`[{"n": 1, "s": "a", "t": 0, "must": null}]`, []Problem{{0, "must", "null", "a number that is not null"}}},
		"absent":              {`[{"n": 1, "must": 1}]`, []Problem{{0, "", "no s, t", "every column, null where a value is missing"}}},
		"unknown":             {`[{` + good + `, "x": 1}]`, []Problem{{0, "x", "an unknown column", "only columns of the signature"}}},
		"nothing":             {`[]`, []Problem{{-1, "", "no records", "at least one"}}},
		"null record":         {`[null]`, []Problem{{0, "", "no n, s, t, must", "every column, null where a value is missing"}}},
		"several": {`[{"n": "x", "s": 1, "t": "y", "must": 1}, {"N": 1, "s": "a", "t": 0, "must": 1}]`, []Problem{
			{0, "n", `the string "x"`, "a number"}, {0, "s", "the number 1", "a string"},
			{0, "t", `the string "y"`, "a time: RFC 3339, 2006-01-02 15:04:05 in UTC, or whole microseconds since 1970"},
			{1, "", "no n", "every column, null where a value is missing"}, {1, "N", "an unknown column", "only columns of the signature"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := FrameFromRecords(mixed, records(t, c.text, true))
			if fault.KindOf(err) != fault.RequestInvalid || f != nil {
				t.Fatalf("got %v", err)
			}
			e := err.(*fault.Error)
			if got := e.Details.([]Problem); !slices.Equal(got, c.want) {
				t.Fatalf("got %+v", got)
			}
			for _, p := range c.want {
				if !strings.Contains(err.Error(), p.String()) {
					t.Fatalf("%q does not say %q", err, p)
				}
			}
			if !strings.Contains(e.Remedy, "n (number), s (text), t (time), must (number)") {
				t.Fatalf("remedy %q", e.Remedy)
			}
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var many []map[string]any
	for i := range 5000 {
		many = append(many, map[string]any{"n": strings.Repeat("9", 10_000) + "x", "s": fmt.Sprint(i), "t": nil, "must": 1.0})
	}
	_, err := FrameFromRecords(mixed, many)
	if n := len(err.(*fault.Error).Details.([]Problem)); n != 20 || len(err.Error()) > 8_000 || !strings.Contains(err.Error(), "and 4980 more") {
		t.Fatalf("%d problems in %d bytes", n, len(err.Error()))
	}
}

func TestARecordReadsBackTheSame(t *testing.T) {
	p := predictor(t, tasks[0])
	f := flights(3, 200)
	f.Columns[2].Times[0] = math.MaxInt64 // a year that RFC 3339 cannot write
	f.Columns[2].Times[1] = -1
	for i := range f.Rows {
		record, ok := Record(p.signature, f, i)
		if !ok {
			t.Fatalf("row %d has no record", i)
		}
		data, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		one, err := FrameFromRecords(p.signature, records(t, "["+string(data)+"]", true))
		if err != nil {
			t.Fatal(err)
		}
		again, ok := Record(p.signature, one, 0)
		encoded, err := json.Marshal(again)
		// an empty text and a missing one are the same to the model, and come back as null
		if !ok || err != nil || !bytes.Equal(encoded, bytes.ReplaceAll(data, []byte(`""`), []byte("null"))) {
			t.Fatalf("row %d: %s became %s", i, data, encoded)
		}
	}
	f.Columns[3].Numbers[0] = math.Inf(1)
	if _, ok := Record(p.signature, f, 0); ok {
		t.Fatal("an infinity has a record")
	}
}

// FuzzFrameFromRecords: any JSON becomes a whole frame or a RequestInvalid.
func FuzzFrameFromRecords(f *testing.F) {
	f.Add([]byte(`[{"n": 1, "s": "a", "t": "2024-02-29T12:00:00Z", "must": true}]`), true)
	f.Add([]byte(`[{"n": "NaN", "s": null, "t": 1e300, "x": [[]]}, null]`), false)
	f.Fuzz(func(t *testing.T, data []byte, useNumber bool) {
		var in []map[string]any
		d := json.NewDecoder(bytes.NewReader(data))
		if useNumber {
			d.UseNumber()
		}
		if d.Decode(&in) != nil {
			return
		}
		got, err := FrameFromRecords(mixed, in)
		if err != nil {
			if fault.KindOf(err) != fault.RequestInvalid {
				t.Fatalf("got %v", err)
			}
			return
		}
		for i := range got.Rows {
			for j := range got.Columns {
				c := &got.Columns[j]
				if c.Kind == frame.Number && math.IsInf(c.Numbers[i], 0) || c.Kind == frame.Text && int(c.Codes[i]) >= len(c.Dict) || c.Name == "must" && c.Missing(i) {
					t.Fatalf("row %d of %q", i, c.Name)
				}
			}
		}
	})
}
