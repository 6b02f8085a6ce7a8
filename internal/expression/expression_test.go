package expression_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/expression"
)

func value(t *testing.T, formula string, columns map[string]float64) float64 {
	t.Helper()
	f, err := expression.Parse(formula)
	if err != nil {
		t.Fatalf("%s: %v", formula, err)
	}
	var in [][]float64
	for _, name := range f.Columns {
		v, ok := columns[name]
		if !ok {
			t.Fatalf("%s reads %q", formula, name)
		}
		in = append(in, []float64{v, v})
	}
	out := make([]float64, 2)
	f.Compile().Run(in, out)
	if math.Float64bits(out[0]) != math.Float64bits(out[1]) {
		t.Fatalf("%s: two equal rows give %v", formula, out)
	}
	return out[0]
}

func TestFormulasMeanWhatTheySay(t *testing.T) {
	row := map[string]float64{"a": 3, "b": -2, "none": math.NaN(), "two words": 7, "é_1": 0.5}
	for formula, want := range map[string]float64{
		"a + b * 2":                          -1,
		"(a + b) * 2":                        2,
		"a - b - 1":                          4,
		"12 / a / 2":                         2,
		"-a * -b":                            -6,
		"--a":                                3,
		"a - -b":                             1,
		`"two words" * é_1`:                  3.5,
		"1.5e1 + a":                          18,
		"min(a, b, -5)":                      -5,
		"max(a, b, -5)":                      3,
		"abs(b) + sqrt(a + 1)":               4,
		"log(exp(a))":                        3,
		"if(a > b, 1, 2)":                    1,
		"if(a <= b, 1, 2)":                   2,
		"if(a == 3 and b != 3, a, b)":        3,
		"if(a < 0 or not b < 0, a, b)":       -2,
		"if(a >= 3 or none > 1, 1, 0)":       math.NaN(),
		"none + 1":                           math.NaN(),
		"min(a, none)":                       math.NaN(),
		"max(none, a)":                       math.NaN(),
		"if(a > 0, 5, none)":                 5,
		"if(not (a > 0 and b > 0), 1, none)": 1,
		"a / (b + 2)":                        math.NaN(),
		"0 * a / (b + 2)":                    math.NaN(),
		"log(b)":                             math.NaN(),
		"log(b + 2)":                         math.NaN(),
		"exp(a * 1000)":                      math.NaN(),
		"1 / exp(a * 1000)":                  0,
	} {
		got := value(t, formula, row)
		if math.Abs(got-want) > 1e-15 || math.IsNaN(got) != math.IsNaN(want) {
			t.Errorf("%s is %v, want %v", formula, got, want)
		}
	}
}

func TestMistakesAreFoundWhereTheyStand(t *testing.T) {
	for formula, want := range map[string]struct {
		position int
		says     string
	}{
		"":                             {1, "the end"},
		"a +":                          {4, "the end"},
		"a b":                          {3, `"b"`},
		"(a":                           {3, "the end"},
		"a)":                           {2, `")"`},
		"é + $":                        {5, "$"},
		"sin(a)":                       {1, "no function sin"},
		"a + min(a)":                   {5, "two values"},
		"log(a, b)":                    {1, "takes 1"},
		"if(a, 1, 2)":                  {1, "condition of if"},
		"if(a > 1, a > 2, 3)":          {1, "then and else"},
		"a > 1":                        {1, "condition, not a number"},
		"a + (b > 1)":                  {3, "works on numbers"},
		"if(a and b > 1, 1, 2)":        {6, "joins conditions"},
		"a = 1":                        {3, "="},
		"1.2.3 + a":                    {1, "not a number"},
		"1e999 + a":                    {1, "not a number"},
		"1 + 2":                        {1, "no column"},
		`"a`:                           {1, "not closed"},
		"log":                          {4, "( after log"},
		"a + and":                      {5, `"and"`},
		strings.Repeat("(", 200) + "a": {101, "deep"},
		strings.Repeat("-", 200) + "a": {100, "deep"},
		strings.Repeat("a+", 4000):     {1, "bound"},
		"a + \xff":                     {5, "UTF-8"},
	} {
		_, err := expression.Parse(formula)
		var e *expression.Error
		if !errors.As(err, &e) || e.Position != want.position || !strings.Contains(e.Message, want.says) || e.Remedy == "" {
			t.Errorf("%.20q: got %+v, want %+v", formula, err, want)
		}
	}
}

func TestRunAllocatesNothingTheSecondTime(t *testing.T) {
	f, err := expression.Parse("if(a > 1, log(a) / max(b, 1), sqrt(b))")
	if err != nil {
		t.Fatal(err)
	}
	p, in, out := f.Compile(), [][]float64{{4}, {9}}, []float64{0}
	if n := testing.AllocsPerRun(10, func() { p.Run(in, out) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// Whatever parses runs, and never gives an infinite value.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a+b*2", `if(a>1 and not b<2, "x y", -3)`, "min(a,b,1e300)*1e300", "((((a))))", "log(a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := expression.Parse(text)
		if err != nil {
			return
		}
		in := make([][]float64, len(formula.Columns))
		for i := range in {
			in[i] = []float64{1, -2.5, math.NaN(), math.MaxFloat64}
		}
		out := make([]float64, 4)
		formula.Compile().Run(in, out)
		for _, v := range out {
			if math.IsInf(v, 0) {
				t.Fatalf("%q gives %v", text, out)
			}
		}
	})
}
