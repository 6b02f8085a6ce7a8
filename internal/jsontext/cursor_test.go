package jsontext

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

func skipWhole(body string) error {
	c := Cursor{B: []byte(body)}
	if _, err := c.Skip(0); err != nil {
		return err
	}
	return c.End()
}

func TestTheGrammarIsThatOfJSON(t *testing.T) {
	good := []string{`{}`, `[]`, ` [1,2.5,-0,1e3,1E-3,0.1] `, `"a\"\\\/\b\f\n\r\té😀"`, `{"a":{"b":[null,true,false]}}`, `"é漢"`, `0`}
	for _, s := range good {
		if err := skipWhole(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	bad := []string{``, `{`, `[1,]`, `{"a":1,}`, `{a:1}`, `[1 2]`, `01`, `-`, `1.`, `.5`, `1e`, `+1`, `NaN`, `Infinity`, `-Infinity`, `nul`, `tru`,
		`"a`, "\"a\nb\"", `"\x"`, `"\u12g4"`, `[] []`, `{"a" 1}`, `'a'`, "\"\xff\"", `"\ud800"`, `"\ud800a"`, `"\udc00"`, `"\u0000"`,
		`1e400`, `-1e400`, `1e-400`, `0e999999`, `[1` + strings.Repeat("0", MaxNumber) + `]`}
	for _, s := range bad {
		if err := skipWhole(s); fault.KindOf(err) != fault.RequestInvalid {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	if err := skipWhole(strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)); err != nil {
		t.Fatal(err)
	}
	for _, open := range []string{"[", `{"a":`} {
		err := skipWhole(strings.Repeat(open, 10000))
		if err == nil || !strings.Contains(err.Error(), "deeper than 64") {
			t.Fatalf("got %v", err)
		}
	}
}

func TestNumbersAreReadExactly(t *testing.T) {
	for s, want := range map[string]float64{"-0": math.Copysign(0, -1), "5e-324": 5e-324, "1.7976931348623157e308": math.MaxFloat64, "0.1": 0.1, "0e10": 0} {
		c := Cursor{B: []byte(s)}
		got, err := c.Float()
		if err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,"x\u00e9\ud83d\ude00"]}`, `[1e5,-0.5e-3]`, `"\ud800"`, `{"a":1,}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := Cursor{B: []byte(s)}
		if err := skipWhole(s); err == nil && !json.Valid([]byte(s)) {
			t.Fatalf("%q was taken, and is not JSON", s)
		} else if err != nil && fault.KindOf(err) != fault.RequestInvalid {
			t.Fatalf("untyped error %v", err)
		}
		if c.Peek() != '"' {
			return
		}
		text, err := c.Text()
		if err != nil || c.End() != nil {
			return
		}
		var want string
		if json.Unmarshal([]byte(s), &want) != nil || want != string(text) {
			t.Fatalf("%q was read as %q, want %q", s, text, want)
		}
	})
}
