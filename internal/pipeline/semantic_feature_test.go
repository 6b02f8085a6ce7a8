package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestTransformsThatCannotBeAreFoundWithTheirLine(t *testing.T) {
	for _, c := range []struct{ add, path, want string }{
		{"features: [{apply: [impute]}]", "features[0].columns", "missing"},
		{"features: [{columns: [a], auto: {}}]", "features[0]", "both auto and columns"},
		{"features: [{auto: {}}, {auto: {}}]", "features[1].auto", "twice"},
		{"features: [{auto: {drop: [a, a]}}]", "features[0].auto.drop[1]", "twice"},
		{"features: [{select: {top: 3}}, {columns: [a]}]", "features[0].select", "before other features"},
		{"features: [{columns: [a]}, {select: {}}]", "features[1].select", "selects nothing"},
		{"features: [{columns: [a]}, {columns: [b], select: {top: 1}}]", "features[1]", "and more"},
		{"features: [{columns: [a]}, {select: {top: 0}}]", "features[1].select.top", "cannot be kept"},
		{"features: [{columns: [a]}, {select: {variance: -1}}]", "features[1].select.variance", "never negative"},
		{"features: [{columns: [a]}, {select: {correlation: 1.5}}]", "features[1].select.correlation", "at most 1"},
		{"features: [{columns: [a]}, {select: {mutual_information: -2}}]", "features[1].select.mutual_information", "cannot be kept"},
		{"features: [{columns: [a], apply: [{min_max: {min: 2}}]}]", "features[0].apply[0].min_max", "not below"},
		{"features: [{columns: [a], apply: [{robust: {lower: -3}}]}]", "features[0].apply[0].robust.lower", "out of bounds"},
		{"features: [{columns: [a], apply: [{power: {method: log}}]}]", "features[0].apply[0].power.method", "not accepted"},
		{"features: [{columns: [a], apply: [clip]}]", "features[0].apply[0].clip", "no bound"},
		{"features: [{columns: [a], apply: [{clip: {min: 1, lower: 0.1}}]}]", "features[0].apply[0].clip", "both min and lower"},
		{"features: [{columns: [a], apply: [{clip: {upper: 3}}]}]", "features[0].apply[0].clip.upper", "out of bounds"},
		{"features: [{columns: [a], apply: [{bin: {bins: 1}}]}]", "features[0].apply[0].bin.bins", "out of bounds"},
		{"features: [{columns: [a], apply: [bin, standardize]}]", "features[0].apply[1]", "cannot follow bin"},
		{"features: [{columns: [a], apply: [{ordinal: {unknown: infrequent}}]}]", "features[0].apply[0].ordinal.unknown", "not accepted"},
		{"features: [{columns: [a], apply: [{target_encode: {folds: 1}}]}]", "features[0].apply[0].target_encode.folds", "out of bounds"},
		{"features: [{columns: [a], apply: [{target_encode: {smoothing: -1}}]}]", "features[0].apply[0].target_encode.smoothing", "never negative"},
		{"features: [{columns: [a], apply: [ordinal, frequency]}]", "features[0].apply[1]", "works on a text"},
		{"features: [{columns: [a], apply: [{date_parts: {cyclical: [year]}}]}]", "features[0].apply[0].date_parts.cyclical[0]", "come round"},
		{"features: [{columns: [a], apply: [expr]}]", "features[0].apply[0].expr", "needs a name and a formula"},
		{"features: [{columns: [a], apply: [{expr: {name: x, formula: a +}}]}]", "features[0].apply[0].expr.formula", "at character 4: found the end"},
		{"features: [{columns: [a], apply: [{expr: {name: x, formula: a + b}}]}]", "features[0].apply[0].expr.formula", `reads "b"`},
		{"features: [{columns: [a, b], apply: [{expr: {name: x, formula: a * 2}}]}]", "features[0].apply[0].expr.formula", `does not read column "b"`},
		{"features: [{columns: [a], apply: [impute, {expr: {name: x, formula: a}}]}]", "features[0].apply[1]", "cannot follow impute"},
		{"features: [{columns: [a, b], apply: [polynomial, standardize]}]", "features[0].apply[1]", "cannot follow polynomial"},
		{"features: [{columns: [a], apply: [{polynomial: {interaction_only: true}}]}]", "features[0].apply[0].polynomial", "interact"},
		{"features: [{columns: [a, b], apply: [one_hot, polynomial]}]", "features[0].apply[1]", "cannot follow one_hot"},
		// What ONNX cannot express, while it is asked for.
		{"features: [{columns: [a], apply: [impute, hash]}]", "features[0].apply[1]", "no hash"},
		{"features: [{columns: [a], apply: [ngrams]}]", "features[0].apply[0]", "no hash"},
		{"features: [{columns: [a], apply: [text_length]}]", "features[0].apply[0]", "no length"},
		{"features: [{columns: [a], apply: [{one_hot: {unknown: error}}]}]", "features[0].apply[0]", "cannot refuse"},
		{"features: [{columns: [a], apply: [{frequency: {unknown: error}}]}]", "features[0].apply[0]", "cannot refuse"},
	} {
		t.Run(c.add, func(t *testing.T) {
			list := mistakes(t, minimal+c.add+"\n")
			require.Len(t, list, 1, pipeline.Render(list))
			require.Equal(t, c.path, list[0].Path)
			require.Contains(t, list[0].Message, c.want)
			require.NotEmpty(t, list[0].Remedy)
			require.NotZero(t, list[0].Line)
		})
	}
}

func TestWithoutONNXEveryTransformIsAccepted(t *testing.T) {
	p := parse(t, minimal+`package: {onnx: false}
features:
  - columns: [a]
    apply: [hash]
  - columns: [b]
    apply: [{ngrams: {min: 4}}]
  - columns: [c]
    apply: [{target_encode: {unknown: error}}, robust]
  - columns: [d, e]
    apply: [{impute: {indicator: true}}, min_max, power, {clip: {lower: 0.01}}, polynomial]
  - columns: [x, y]
    apply: [{expr: {name: z, formula: 'if(x > 0 and y < 3, x / y, 0)'}}, {bin: {encode: ordinal}}, standardize]
  - columns: [t]
    apply: [{date_parts: {cyclical: [hour]}}, standardize]
  - auto: {drop: [f]}
  - select: {keep: [a], variance: 0, correlation: 0.95, mutual_information: 20, top: 10}
`)
	list := p.Features.List
	require.Equal(t, 8, list[0].Apply[0].Hash.Bits)
	require.Equal(t, pipeline.NGrams{Min: 4, Max: 4, Bits: 6}, *list[1].Apply[0].NGrams)
	require.Equal(t, 5, list[2].Apply[0].TargetEncode.Folds)
	require.EqualValues(t, 25, *list[2].Apply[1].Robust.Lower)
	require.EqualValues(t, 1, *list[3].Apply[1].MinMax.Max)
	require.True(t, *list[3].Apply[2].Power.Standardize)
	require.Equal(t, pipeline.Bin{Strategy: "quantile", Bins: 5, Encode: "ordinal"}, *list[4].Apply[1].Bin)
	require.Equal(t, pipeline.DateParts{Cyclical: []string{"hour"}}, *list[5].Apply[0].DateParts)
	require.Equal(t, []string{"f"}, list[6].Auto.Drop)
	require.Equal(t, 10, *list[7].Select.Top)
}

func TestWhatPMMLCannotExpressIsRefusedOnlyWhereItIsAskedFor(t *testing.T) {
	const features = `features:
  - columns: [a]
    apply: [hash]
  - columns: [b]
    apply: [{ngrams: {min: 4}}]
  - columns: [c]
    apply: [text_length, standardize]
  - columns: [d]
    apply: [{one_hot: {unknown: error}}]
train:
  candidates:
    - kind: external
      external: {name: theirs, queue: q, activity: a}
`
	parse(t, minimal+"package: {onnx: false}\n"+features)
	_, err := pipeline.Parse("p.yaml", []byte(minimal+"package: {onnx: false, pmml: true}\n"+features))
	said := map[string]string{}
	for _, m := range pipeline.Mistakes(err) {
		said[m.Path] = m.Message
	}
	require.Len(t, said, 4)
	require.Contains(t, said["features[0].apply[0]"], "hash of a text")
	require.Contains(t, said["features[1].apply[0]"], "hash of a text's characters")
	require.Contains(t, said["features[2].apply[0]"], "what a character")
	require.Contains(t, said["package.pmml"], "trained elsewhere")
}

func TestWithDefaultsLeavesItsChainAlone(t *testing.T) {
	chain := []pipeline.Transform{{Impute: &pipeline.Impute{}}, {Robust: &pipeline.Robust{}}, {Ordinal: &pipeline.Ordinal{}}}
	done := pipeline.WithDefaults(chain)
	require.Equal(t, "most_frequent", done[0].Impute.Strategy)
	require.EqualValues(t, 75, *done[1].Robust.Upper)
	require.Empty(t, chain[0].Impute.Strategy)
	require.Nil(t, chain[1].Robust.Upper)
}

func TestColumnsOfAutoAndSelectMustExist(t *testing.T) {
	p := parse(t, minimal+"features: [{columns: [a]}, {auto: {drop: [aa]}}, {select: {keep: [a, b], drop: [c], top: 1}}]\n")
	err := pipeline.Check(p, pipeline.Schema{{Name: "Species", Type: "text"}, {Name: "a", Type: "number"}})
	var paths []string
	for _, m := range pipeline.Mistakes(err) {
		paths = append(paths, m.Path)
	}
	require.Equal(t, []string{"features[1].auto.drop[0]", "features[2].select.keep[1]", "features[2].select.drop[0]"}, paths)
}
