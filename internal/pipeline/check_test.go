package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

var penguins = pipeline.Schema{
	{Name: "Species", Type: "text", SQL: "VARCHAR"},
	{Name: "Mass", Type: "number", SQL: "DOUBLE"},
	{Name: "Seen", Type: "time", SQL: "TIMESTAMP"},
	{Name: "Tagged", Type: "number", SQL: "BOOLEAN"},
}

func TestCheckAcceptsWhatFits(t *testing.T) {
	p := parse(t, minimal+`dataset: {key: [Mass], event_time: Seen}
validation: [{column: Mass, range: {min: 0}}, {column: Species, set: [a]}, {column: Tagged, set: [true]}, {unique: [Mass, Seen]}, {row_count: {min: 1}}]
features: [{columns: [Mass]}]
`)
	require.NoError(t, pipeline.Check(p, penguins))
}

func TestCheckTellsWhatDoesNotFit(t *testing.T) {
	regression := strings.Replace(minimal, "multiclass", "regression", 1)
	for _, c := range []struct {
		text, path, want, remedy string
		kind                     fault.Kind
	}{
		{strings.Replace(minimal, "Species", "species", 1), "problem.target", "no column", "did you mean Species", fault.ColumnMissing},
		{strings.Replace(minimal, "Species", "Seen", 1), "problem.target", "a time cannot be predicted", "derive", fault.TypeMismatch},
		{regression, "problem.target", "is a text (VARCHAR)", "binary or multiclass", fault.TypeMismatch},
		{strings.Replace(regression, "Species", "Tagged", 1), "problem.target", "BOOLEAN", "binary", fault.TypeMismatch},
		{strings.Replace(minimal, "target: Species", "target: Species\n  weight: Seen", 1), "problem.weight", "must be a number", "DOUBLE", fault.TypeMismatch},
		{strings.Replace(minimal, "target: Species", "target: Species\n  weight: Wt", 1), "problem.weight", "no column", "", fault.ColumnMissing},
		{minimal + "dataset: {event_time: Mass}\n", "dataset.event_time", "must be a time", "TIMESTAMP", fault.TypeMismatch},
		{minimal + "dataset: {key: [id]}\n", "dataset.key[0]", "no column", "Species, Mass, Seen", fault.ColumnMissing},
		{minimal + "validation: [{column: Mas, not_null: true}]\n", "validation[0].column", "no column", "Mass", fault.ColumnMissing},
		{minimal + "validation: [{unique: [Mass, No]}]\n", "validation[0].unique[1]", "no column", "", fault.ColumnMissing},
		{minimal + "validation: [{column: Species, range: {min: 1}}]\n", "validation[0].range", "of numbers", "cast", fault.TypeMismatch},
		{minimal + "validation: [{column: Mass, set: [1, heavy]}]\n", "validation[0].set[1]", "never equals", "numbers", fault.TypeMismatch},
		{minimal + "evaluate: {slices: [Mass, [Mass, No]]}\n", "evaluate.slices[1][1]", "no column", "", fault.ColumnMissing},
		{minimal + "evaluate: {fairness: [Mas]}\n", "evaluate.fairness[0]", "no column", "Mass", fault.ColumnMissing},
		{minimal + "evaluate: {gates: [{slice: {Mas: 1}, max: 1}]}\n", "evaluate.gates[0].slice.Mas", "no column", "Mass", fault.ColumnMissing},
		{minimal + "features: [{columns: [Mass, Beak]}]\n", "features[0].columns[1]", "no column", "", fault.ColumnMissing},
	} {
		t.Run(c.path+c.want, func(t *testing.T) {
			err := pipeline.Check(parse(t, c.text), penguins)
			require.Equal(t, c.kind, fault.KindOf(err))
			list := pipeline.Mistakes(err)
			require.Len(t, list, 1)
			require.Equal(t, c.path, list[0].Path)
			require.Contains(t, list[0].Message, c.want)
			require.Contains(t, list[0].Remedy, c.remedy)

			located := pipeline.Locate("f.yaml", []byte(c.text), list)
			require.Len(t, located, 1)
			require.Positive(t, located[0].Line)
			require.Equal(t, "f.yaml", located[0].File)
			require.NotEmpty(t, located[0].Source)
			require.Equal(t, list[0].Message, located[0].Message)
		})
	}
}

func TestSourceWithPath(t *testing.T) {
	s := pipeline.Source{Path: "a.csv", Format: "csv"}
	moved, err := s.WithPath("/data/b.parquet")
	require.NoError(t, err)
	require.Equal(t, pipeline.Source{Path: "/data/b.parquet", Format: "parquet"}, moved)
	moved, err = s.WithPath("s3://bucket/part-*")
	require.NoError(t, err)
	require.Equal(t, "csv", moved.Format)
	for _, bad := range []string{"ftp://x/a.csv", "https://user:hunter2@x/a.csv", "s3://bucket", "s3://user:hunter2@bucket/a.csv"} {
		_, err = s.WithPath(bad)
		require.Equal(t, fault.PipelineInvalid, fault.KindOf(err))
		require.NotContains(t, err.Error(), "hunter2")
	}
}
