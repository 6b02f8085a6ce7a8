package external

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

func compiled(t *testing.T, part string) *jsonschema.Schema {
	t.Helper()
	data, err := JSONSchema()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("contract.json", document))
	s, err := c.Compile("contract.json#/$defs/" + part)
	require.NoError(t, err)
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, v any) error {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	return s.Validate(instance)
}

func TestTheSchemaAcceptsItsExamples(t *testing.T) {
	t.Parallel()
	require.NoError(t, valid(t, compiled(t, "Request"), ExampleRequest()))
	require.NoError(t, valid(t, compiled(t, "Response"), ExampleResponse()))
	require.NoError(t, valid(t, compiled(t, "Progress"), Progress{Done: 1, Of: 2}))
	require.NoError(t, ExampleResponse().Check())
}

func TestTheSchemaAndCheckRefuseTheSameAnswers(t *testing.T) {
	t.Parallel()
	s := compiled(t, "Response")
	for what, spoil := range map[string]func(*Response){
		"version":      func(r *Response) { r.Version = 2 },
		"model.sha256": func(r *Response) { r.Model.SHA256 = strings.Repeat("g", 64) },
		"model.bytes":  func(r *Response) { r.Model.Bytes = 0 },
		"framework":    func(r *Response) { r.Framework = strings.Repeat("x", 501) },
		"seconds":      func(r *Response) { r.Seconds = -1 },

		"report.sha256":     func(r *Response) { r.Report.SHA256 = "" },
		"report.bytes":      func(r *Response) { r.Report.Bytes = 0 },
		"report.media_type": func(r *Response) { r.Report.MediaType = "image/svg+xml" },
		"metrics": func(r *Response) {
			r.Metrics = map[string]float64{}
			for i := range 101 {
				r.Metrics[strings.Repeat("m", i+1)] = 1
			}
		},
	} {
		r := ExampleResponse()
		spoil(&r)
		require.Error(t, valid(t, s, r), what)
		err := r.Check()
		require.Equal(t, fault.TrainingFailed, fault.KindOf(err), what)
		require.ErrorContains(t, err, what)
	}
	r := ExampleResponse()
	r.Report = nil
	require.NoError(t, valid(t, s, r), "a report is not asked for")
	require.NoError(t, r.Check())
	r.Model.Bytes = MaxModel + 1
	require.ErrorContains(t, r.Check(), "model.bytes")
}

// The schema beside the examples is the one this build makes.
func TestTheSchemaIsPublished(t *testing.T) {
	t.Parallel()
	const file = "../../examples/external-trainer.schema.json"
	data, err := JSONSchema()
	require.NoError(t, err)
	published, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(published), string(data), "write it again: bin/esteira schema external-trainer > examples/external-trainer.schema.json")
}

func TestAClaimThatIsFarFromTheTruthIsNamed(t *testing.T) {
	t.Parallel()
	ours := map[string]float64{"log_loss": 0.5, "accuracy": 0.9}
	require.Empty(t, Gap(map[string]float64{"log_loss": 0.5001, "accuracy": 0.9, "lift": 3}, ours))
	require.Equal(t, "the trainer claims accuracy 1 where it is 0.9, log_loss 0.01 where it is 0.5", Gap(map[string]float64{"log_loss": 0.01, "accuracy": 1}, ours))
	require.NotEmpty(t, Gap(map[string]float64{"accuracy": math.NaN()}, ours), "what is no number is no agreement")
}

func TestAReasonIsBoundedAndValidText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a?b", Clip("a\xffb"))
	require.LessOrEqual(t, len(Clip(strings.Repeat("é", 1000))), maxText+len("…"))
}

func TestAReportIsTakenForWhatItIs(t *testing.T) {
	t.Parallel()
	said := func(body, mediaType string) *DeliveredReport {
		return &DeliveredReport{SHA256: artifact.DigestOf([]byte(body)), Bytes: int64(len(body)), MediaType: mediaType}
	}
	for mediaType, kept := range map[string]string{"text/html": "text/html; charset=utf-8", "text/markdown": "text/markdown; charset=utf-8", "application/json": "application/json"} {
		got, err := said("<h1>é</h1>", mediaType).Take([]byte("<h1>é</h1>"))
		require.NoError(t, err)
		require.Equal(t, kept, got)
	}
	for body, want := range map[string]string{"GIF\xff": "no text", "a\x00b": "no text"} {
		_, err := said(body, "text/html").Take([]byte(body))
		require.Equal(t, fault.TrainingFailed, fault.KindOf(err))
		require.ErrorContains(t, err, want)
	}
	_, err := said("one", "text/html").Take([]byte("two"))
	require.ErrorContains(t, err, "are not the 3 it says")
	_, err = said("one", "text/html").Take(nil)
	require.ErrorContains(t, err, "there is none")
}
