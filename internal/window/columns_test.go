package window

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
)

var inputs = []bundle.Input{
	{Name: "n", Kind: "number", Nullable: true}, {Name: "s", Kind: "text", Nullable: true}, {Name: "t", Kind: "time", Nullable: true}, {Name: "µ", Kind: "number", Nullable: true},
}

// reference reads records by encoding/json and bundle alone: each as text, "-" where a
// value is missing, and of each column how many are absent or of a wrong type.
func reference(texts []string) (rows []string, wrong []int64) {
	wrong = make([]int64, len(inputs))
	for _, text := range texts {
		record := map[string]any{}
		if json.Unmarshal([]byte(text), &record) != nil {
			rows = append(rows, "broken")
			continue
		}
		var row []string
		for j, in := range inputs {
			value, there := record[in.Name]
			f, err := bundle.FrameFromRecords(bundle.Signature{Inputs: inputs[j : j+1]}, []map[string]any{{in.Name: value}})
			if !there || err != nil {
				wrong[j]++
				row = append(row, "-")
				continue
			}
			row = append(row, cell(&f.Columns[0], 0))
		}
		rows = append(rows, strings.Join(row, " "))
	}
	return rows, wrong
}

func cell(c *frame.Column, i int) string {
	switch {
	case c.Missing(i):
		return "-"
	case c.Kind == frame.Text:
		return fmt.Sprintf("%q", c.Dict[c.Codes[i]])
	case c.Kind == frame.Time:
		return fmt.Sprint(c.Times[i])
	}
	return fmt.Sprintf("%x", math.Float64bits(c.Numbers[i]))
}

// read is reference by columns.
func read(d *columns, texts []string) (rows []string, wrong []int64) {
	d.reset(len(texts))
	var broken []bool
	for _, text := range texts {
		broken = append(broken, !d.add([]byte(text)))
	}
	f, at := d.cut(), 0
	for _, b := range broken {
		if b {
			rows = append(rows, "broken")
			continue
		}
		var row []string
		for j := range f.Columns {
			row = append(row, cell(&f.Columns[j], at))
		}
		rows, at = append(rows, strings.Join(row, " ")), at+1
	}
	if at != f.Rows {
		rows = append(rows, fmt.Sprint(f.Rows, " rows"))
	}
	return rows, append([]int64{}, d.wrong...)
}

var oddities = []string{
	`{"n":1.5,"s":"JFK","t":"2024-02-29T12:00:00.000001Z","µ":-0}`,
	`{"µ":true,"t":1709208000000000,"s":"","n":null}`,
	`{"s":null,"t":null,"n":false,"x":[1,{"n":2}],"µ":1e3}`,
	`{"n":"7","s":7,"t":"noon","µ":{"a":1}}`,
	`{"n":[1],"s":["a"],"t":0.5,"µ":"NaN"}`,
	`{"n":1,"n":"x"}`, `{"n":"x","n":1}`, `{"n":1,"\u006e":2}`, `{"\u0073":"\u00e9\ud83d\ude00","\u00b5":2}`,
	`{"s":"\ud800"}`, `{"s":"a\u0000b"}`, "{\"s\":\"\xff\"}", "{\"\xff\":1}", `{"s":"\/\b\f\n\r\t\"\\"}`, "{\"s\":\"a\nb\"}",
	`{"n":1e400}`, `{"n":-1e400,"µ":1}`, `{"n":1e-400}`, `{"n":0e999999}`, `{"x":1e400}`, `{"x":{"y":[1e400]}}`, `{"n":` + strings.Repeat("9", 200) + `}`, `{"n":0.` + strings.Repeat("3", 200) + `}`,
	`{"t":9.3e18}`, `{"t":-9223372036854775808}`, `{"t":1e18}`, `{"t":"2024-02-29"}`, `{"t":"2024-02-29 12:00:00"}`, `{"t":""}`, `{"t":true}`,
	`null`, `[]`, `7`, `"{}"`, ``, ` { } `, `{}`, `{"n":1}x`, `{"n":1`, `{"n":01}`, `{"n":+1}`, `{"n":.5}`, `{n:1}`, `{"n":1,}`, `{"n":nul}`, `{"n":truefalse}`, `{"N":1}`,
	`{"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `,"n":3}`, `{"s":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`,
	"\t{ \"n\" : 1 ,\r\n \"s\" : \"b\" } ",
}

func TestColumnsAreWhatEncodingJSONWouldMakeOfThem(t *testing.T) {
	d := newColumns(inputs)
	for _, text := range oddities {
		rows, wrong := reference([]string{text})
		got, counted := read(d, []string{text})
		require.Equal(t, rows, got, text)
		require.Equal(t, wrong, counted, text)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var texts []string
		for range 1 + r.IntN(20) {
			texts = append(texts, record(r))
		}
		rows, wrong := reference(texts)
		got, counted := read(d, texts)
		require.Equal(t, rows, got, texts)
		require.Equal(t, wrong, counted, texts)
	}
}

// record is any object, most often one of the columns, now and then no object.
func record(r *rand.Rand) string {
	if r.IntN(10) == 0 {
		return oddities[r.IntN(len(oddities))]
	}
	names := []string{`"n"`, `"s"`, `"t"`, `"µ"`, `"\u00b5"`, `"x"`, `"S"`, `""`}
	values := []string{`1`, `-2.5e-3`, `0.1`, `17`, `"a"`, `"b"`, `"c\u00e7"`, `""`, `null`, `true`, `false`, `[1,"n"]`, `{"n":{}}`, `"2024-02-29T12:00:00Z"`, `1709208000000000`, `"` + fmt.Sprint("text ", r.IntN(50)) + `"`, `1e-320`, `1e999`}
	var members []string
	for k := range 4 {
		name := names[k]
		if r.IntN(6) == 0 {
			name = names[r.IntN(len(names))]
		}
		value := []string{values[r.IntN(4)], values[4+r.IntN(4)], values[13+r.IntN(2)], values[r.IntN(4)]}[k]
		if r.IntN(6) == 0 {
			value = values[r.IntN(len(values))]
		}
		members = append(members, name+":"+value)
	}
	if r.IntN(3) == 0 {
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	return "{" + strings.Join(members, ",") + "}"
}

func FuzzColumns(f *testing.F) {
	for _, text := range oddities {
		f.Add(text, oddities[0])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		texts := []string{a, b, a}
		rows, wrong := reference(texts)
		got, counted := read(newColumns(inputs), texts)
		require.Equal(t, rows, got)
		require.Equal(t, wrong, counted)
	})
}

// Texts of a column with ever others are forgotten; rows that were taken before keep theirs.
func TestDictionariesAreBounded(t *testing.T) {
	d := newColumns(inputs)
	var first *frame.Frame
	for n := range 10 {
		d.reset(maxTexts / 4)
		for i := range maxTexts / 4 {
			require.True(t, d.add(fmt.Appendf(nil, `{"s":"%d of %d","n":1,"t":0,"µ":2}`, i, n)))
		}
		require.LessOrEqual(t, len(d.frame.Columns[1].Dict), maxTexts+maxTexts/4)
		if n == 0 {
			first = d.cut().Take([]int32{0, 7})
		}
	}
	require.Equal(t, `"7 of 0"`, cell(&first.Columns[1], 1))
}

var classes = &feature.Target{Classes: []string{"a", "é", `q"`}}

var answered = []string{
	`{"prediction":1.5}`, `{"prediction":-0}`, `{"prediction":null}`, `{"prediction":"1"}`, `{"prediction":1e400}`, `{"prediction":1e-400}`, `{"PREDICTION":2}`, `{"prediction":1,"prediction":2}`, `{"prediction":1,"Prediction":null}`,
	`{"prediction":1,"probabilities":{"a":1}}`, `{"prediction":1,"probabilities":7}`, `{"label":"a","prediction":3,"explanation":{"base":[1]}}`, `{"prediction":1}x`, `null`, `[]`, ``, `{}`, `{"prediction":`,
	`{"label":"a","probabilities":{"a":0.25,"é":0.5,"q\"":0.25}}`, `{"probabilities":{"q\"":1,"\u00e9":0,"a":-0},"label":null}`, `{"probabilities":{"a":1,"é":2}}`, `{"probabilities":{"a":1,"é":2,"q\"":3,"b":4}}`,
	`{"probabilities":{"a":1,"a":2,"é":2,"q\"":3}}`, `{"probabilities":{"a":null,"é":2,"q\"":3}}`, `{"probabilities":{"a":"1","é":2,"q\"":3}}`, `{"probabilities":null}`, `{"Probabilities":{"a":1,"é":2,"q\"":3}}`, `{"probabilitieſ":{"a":1,"é":2,"q\"":3}}`,
	`{"probabilities":{"a":1,"é":2,"q\"":3},"probabilities":{"a":4}}`, `{"prediction":7,"probabilities":{"a":1,"é":2,"q\"":3}}`, `{"prediction":"x","probabilities":{"a":1,"é":2,"q\"":3}}`, `{"probabilities":{"a":1,"é":2,"q\"":1e999}}`,
}

func compareAnswers(t *testing.T, text string) {
	for _, target := range []*feature.Target{{}, classes} {
		a := newAnswers(target)
		want, got := make([]float64, a.outputs()), make([]float64, a.outputs())
		ok := a.unmarshal([]byte(text), want)
		require.Equal(t, ok, a.read([]byte(text), got), text)
		for k := range want {
			if ok {
				require.Equal(t, math.Float64bits(want[k]), math.Float64bits(got[k]), text)
			}
		}
	}
}

func TestAnswersAreWhatEncodingJSONWouldMakeOfThem(t *testing.T) {
	for _, text := range answered {
		compareAnswers(t, text)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, text := range answered {
		f.Add(text)
	}
	f.Fuzz(compareAnswers)
}

// The errors kept of an hour are the first of it, however many there are and in whatever
// order they come.
func TestDeviationsAreTheFirstInWhateverOrder(t *testing.T) {
	const n = 2*maxLabelled + 1000
	var forward, backward deviations
	for lo := 0; lo < n; lo += 1000 {
		var a, b deviations
		for i := lo; i < lo+1000; i++ {
			a.add(int64(i/2), float64(i%2))
			b.add(int64((n-1-i)/2), float64((n-1-i)%2))
		}
		forward.append(&a)
		backward.append(&b)
		require.Less(t, len(backward.at), 2*maxLabelled)
	}
	forward.settle()
	backward.settle()
	require.Len(t, forward.at, maxLabelled)
	require.Equal(t, forward, backward)
	require.EqualValues(t, maxLabelled/2-1, forward.at[maxLabelled-1])
}
