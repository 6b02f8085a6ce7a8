package artifact_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

func TestCanonicalIsOneTextPerValue(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"keys sort by code point":   {map[string]int{"b": 1, "a": 2, "é": 3, "B": 4}, `{"B":4,"a":2,"b":1,"é":3}`},
		"nested structs":            {struct{ Z, A []any }{[]any{1, "x", nil, true}, nil}, `{"A":null,"Z":[1,"x",null,true]}`},
		"floats":                    {[]float64{0.1, 1e21, 1e-7, 100, -0.5, 1.0000000000000002}, `[0.1,1e+21,1e-7,100,-0.5,1.0000000000000002]`},
		"negative zero":             {[]float64{math.Copysign(0, -1)}, `[-0]`},
		"large integers":            {[]int64{math.MaxInt64, math.MinInt64}, `[9223372036854775807,-9223372036854775808]`},
		"raw floats are normalised": {json.RawMessage("[ 1.50, 1E2 , 0.00000001e0 ]"), `[1.5,100,1e-8]`},
		"least escaping":            {"<&>\"\\\b\t\n\f\r\x01 €", "\"<&>\\\"\\\\\\b\\t\\n\\f\\r\\u0001 €\""},
	} {
		got, err := artifact.Canonical(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestCanonicalRefusesWhatJSONCannotSay(t *testing.T) {
	for _, v := range []any{math.NaN(), math.Inf(1), json.RawMessage("1e999"), make(chan int)} {
		if _, err := artifact.Canonical(v); fault.KindOf(err) != fault.Internal {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func FuzzCanonicalIsStable(f *testing.F) {
	f.Add([]byte(`{"b":[1.0,{"x":"\u2028"}],"a":-0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return
		}
		once, err := artifact.Canonical(json.RawMessage(b))
		if err != nil {
			return
		}
		twice, err := artifact.Canonical(json.RawMessage(once))
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%s became %s: %v", once, twice, err)
		}
	})
}

func TestRefValidateKeepsPathsOut(t *testing.T) {
	good := artifact.Ref{Digest: artifact.DigestOf([]byte("x"))}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, digest := range []string{"", "../../etc/passwd", good.Digest[:63], good.Digest + "0", "G" + good.Digest[1:], "A" + good.Digest[1:]} {
		if err := (artifact.Ref{Digest: digest}).Validate(); fault.KindOf(err) != fault.ArtifactMissing {
			t.Errorf("%q: %v", digest, err)
		}
	}
}
