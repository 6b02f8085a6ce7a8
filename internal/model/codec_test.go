package model

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

func TestDecodeRefusesWhatEncodeDoesNotWrite(t *testing.T) {
	estimate := `{"value":1,"standard_error":1,"t":1,"p":0.5,"low":0,"high":2}`
	named := strings.Replace(estimate, "{", `{"name":"a",`, 1)
	inference := `{"rows":5,"degrees_of_freedom":3,"residual_standard_error":1,"r_squared":0.5,"adjusted_r_squared":0.25,"f":3,"f_p":0.25,"intercept":` + estimate + `,"coefficients":[` + named + `]}`
	linear := `{"version":1,"linear":{"learner":"ols","link":"identity","intercepts":[1],"coefficients":[[1]],"names":["a"],"means":[2],"inference":` + inference + `}}`
	if _, err := Decode([]byte(linear)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, says string }{
		{`"means":[2]`, `"means":[2,3]`, "2 means for 1 columns"},
		{`"learner":"ols"`, `"learner":"ridge"`, "ridge has no inference"},
		{`"learner":"ols"`, `"learner":"poisson"`, `learner "poisson" with link "identity"`},
		{`"link":"identity"`, `"link":"log"`, `link "log"`},
		{`"name":"a"`, `"name":"b"`, `no column "b"`},
		{`"intercept":{`, `"intercept":{"name":"a",`, `names the intercept "a"`},
		{`"rows":5`, `"rows":6`, "6 rows, 1 coefficients and 3 degrees"},
		{`"degrees_of_freedom":3`, `"degrees_of_freedom":0`, "0 degrees"},
		{`"standard_error":1,"t"`, `"standard_error":0,"t"`, "estimate 0"},
		{`"p":0.5`, `"p":1.5`, "estimate 0"},
		{`"low":0`, `"low":1.5`, "estimate 0"},
		{`"residual_standard_error":1`, `"residual_standard_error":-1`, "is not one"},
		{`"f_p":0.25`, `"f_p":-1`, "is not one"},
		{`"r_squared":0.5`, `"r_squared":1.5`, "is not one"},
		{`[` + named + `]`, `[]`, "0 coefficients"},
		{`[` + named + `]`, `[` + named + `,` + named + `]`, "not in its place"},
		{`"t":1`, `"t":1e999`, "cannot be read"},
	} {
		broken := strings.Replace(linear, c.from, c.to, 1)
		if broken == linear {
			t.Fatalf("%s is not there", c.from)
		}
		if _, err := Decode([]byte(broken)); fault.KindOf(err) != fault.BundleInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s for %s: %v", c.to, c.from, err)
		}
	}
}

// A form of a later build is refused for being that, whatever else it holds: its reader
// is told to upgrade, not that a member is unknown.
func TestANewerFormIsRefusedWithTheReason(t *testing.T) {
	for _, text := range []string{
		`{"version":2,"linear":{"learner":"ols","link":"identity","intercepts":[1],"coefficients":[[1]],"names":["a"]}}`,
		`{"version":2,"network":{"layers":[3,1]}}`, `{"network":{},"version":17}`,
	} {
		_, err := Decode([]byte(text))
		if fault.KindOf(err) != fault.BundleInvalid || !strings.Contains(err.Error(), "is newer than 1") || !strings.Contains(err.Error(), "upgrade") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{"version":0,"constant":{"values":[1]}}`, `{"version":1,"network":{}}`} {
		if _, err := Decode([]byte(text)); fault.KindOf(err) != fault.BundleInvalid || strings.Contains(err.Error(), "newer") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The native form is canonical: what is decoded is encoded to the same bytes, and is
// indented JSON that begins with its version.
func TestTheNativeFormIsCanonicalAndReadable(t *testing.T) {
	for _, m := range []Model{
		&Constant{Values: []float64{0.25, 0.75}},
		&Linear{Learner: "ols", Link: Identity, Intercepts: []float64{1e-300}, Coefficients: [][]float64{{1.0 / 3, math.Copysign(0, -1)}}, Names: []string{"a", "b=<c>"}},
		&Ensemble{Members: []Member{{0.5, &Constant{Values: []float64{1}}}, {0.5, &Linear{Learner: "poisson", Link: Log, Intercepts: []float64{8}, Coefficients: [][]float64{{1}}, Names: []string{"a"}}}}},
	} {
		first, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Encode(back)
		if err != nil || string(first) != string(second) || !strings.HasPrefix(string(first), "{\n \"version\": 1,\n") {
			t.Errorf("%v\n%s\n%s", err, first, second)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []Model{
		&Constant{Values: []float64{-0.5}}, &Constant{Values: []float64{0.25, 0.75}},
		&Linear{Learner: "ols", Link: Identity, Intercepts: []float64{1e-300}, Coefficients: [][]float64{{1, math.Copysign(0, -1)}}, Names: []string{"a", "b=<c>"}},
		&Linear{Learner: "ols", Link: Identity, Intercepts: []float64{1}, Coefficients: [][]float64{{1, 0}}, Names: []string{"a", "b"}, Means: []float64{2, 3}, Inference: &Inference{
			Rows: 5, DegreesOfFreedom: 3, ResidualError: 1, RSquared: 0.5, AdjustedRSquared: 0.25, F: 3, FP: 0.25,
			Intercept: Estimate{Value: 1, Error: 1, T: 1, P: 0.5, High: 2}, Coefficients: []Estimate{{Name: "a", Value: 1, Error: 1, T: 1, P: 0.5, High: 2}},
		}},
		&Linear{Learner: "poisson", Link: Log, Intercepts: []float64{800}, Coefficients: [][]float64{{1}}, Names: []string{"a"}},
		&Linear{Learner: "logistic", Link: Softmax, Intercepts: []float64{1, 2, 3}, Coefficients: [][]float64{{1}, {2}, {3}}, Names: []string{"a"}},
	} {
		data, err := Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, classes := range []int{0, 2, 3} {
		grown, _, err := boosted{}.Fit(context.Background(), random(1, 60, 1, 1, 3, classes), Settings{Params: Params{"max_iter": 2, "max_depth": 2}})
		if err != nil {
			f.Fatal(err)
		}
		data, err := Encode(grown)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			if fault.KindOf(err) != fault.BundleInvalid {
				t.Fatal(err)
			}
			return
		}
		again, err := Encode(m)
		if err != nil {
			t.Fatalf("accepted but not encoded: %v", err)
		}
		if twice, err := Decode(again); err != nil {
			t.Fatal(err)
		} else if b, _ := Encode(twice); !bytes.Equal(b, again) {
			t.Fatal("encoding is not canonical")
		}
		x := &frame.Matrix{Rows: 1}
		if l, ok := m.(*Linear); ok {
			for _, name := range l.Names {
				x.Features = append(x.Features, frame.Feature{Name: name, Numbers: []float64{1}})
			}
		}
		if b, ok := m.(*Boosted); ok {
			for _, feature := range b.Trees.Features {
				x.Features = append(x.Features, frame.Feature{Name: feature.Name, Numbers: []float64{1}, Codes: []int32{0}, Categories: feature.Categories})
			}
			b.Explain(x, make([]float64, m.Outputs()*(len(x.Features)+1)))
		}
		if _, ok := m.(*Ensemble); ok {
			return // whose members read what they name
		}
		m.Predict(x, make([]float64, m.Outputs()))
	})
}
