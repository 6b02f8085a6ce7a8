package intake_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/intake"
)

func TestThePublishedSchemaIsCurrentAndAcceptsWhatIsRead(t *testing.T) {
	data, err := intake.JSONSchema()
	require.NoError(t, err)
	published, err := os.ReadFile("../../examples/onnx-signature.schema.json")
	require.NoError(t, err)
	require.Equal(t, string(published), string(data), "write it again: bin/esteira schema onnx-signature > examples/onnx-signature.schema.json")

	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", document))
	schema, err := c.Compile("schema.json")
	require.NoError(t, err)
	asJSON, err := json.Marshal(intake.Example())
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(intake.Example())
	require.NoError(t, err)
	for _, text := range [][]byte{asJSON, asYAML} {
		read, err := intake.Read(text)
		require.NoError(t, err)
		require.Equal(t, intake.Example(), read)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(instance))
	require.Error(t, schema.Validate(map[string]any{"version": 1}))
}

func TestADeclarationThatMakesNoSenseIsRefused(t *testing.T) {
	for says, change := range map[string]func(*intake.Declaration){
		"version 2":         func(d *intake.Declaration) { d.Version = 2 },
		"target of 0 bytes": func(d *intake.Declaration) { d.Target = "" },
		"3 classes":         func(d *intake.Declaration) { d.Task = "binary" },
		`task "ranking"`:    func(d *intake.Declaration) { d.Task = "ranking" },
		"0 inputs":          func(d *intake.Declaration) { d.Inputs = nil },
		"there twice":       func(d *intake.Declaration) { d.Inputs[1].Name = d.Inputs[0].Name },
		"the target":        func(d *intake.Declaration) { d.Inputs[0].Name = d.Target },
		`type "blob"`:       func(d *intake.Declaration) { d.Inputs[0].Type = "blob" },
		"a class":           func(d *intake.Declaration) { d.Classes[2] = d.Classes[0] },
	} {
		d := intake.Example()
		change(&d)
		text, err := json.Marshal(d)
		require.NoError(t, err)
		_, err = intake.Read(text)
		require.Equal(t, fault.ConfigInvalid, fault.KindOf(err), says)
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, "esteira schema onnx-signature")
	}
	_, err := intake.Read([]byte("a: [\n"))
	require.ErrorContains(t, err, "is not YAML")
	_, err = intake.Read(make([]byte, 2<<20))
	require.ErrorContains(t, err, "the bound")
}
